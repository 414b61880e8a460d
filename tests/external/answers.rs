//! Answers that are sent by reference.

use tower_vgi::client::Generation;
use tower_vgi::external::{Compression, Publisher};
use tower_vgi::wire::keys;

use crate::service::{Block, text};
use crate::store::Store;
use crate::{LARGE, builder, client, clients, layer, logs, stack};

#[tokio::test]
async fn results_are_what_they_would_be_inline_with_and_without_compression() {
    for (compression, coding) in
        [(None, None), (Some(Compression::default()), Some("zstd")), (Some(Compression::Gzip(6)), Some("gzip"))]
    {
        let store = Store::start().await;
        for client in clients(&layer(&store).compression(compression)) {
            assert_eq!(client.text(10).await.unwrap(), text(10));
            assert_eq!(client.text(LARGE).await.unwrap(), text(LARGE));
            assert_eq!(client.text(3_000_000).await.unwrap(), text(3_000_000));
        }
        assert_eq!(store.codings(), vec![coding.map(str::to_owned); 4], "what is small is sent");
    }
}

#[tokio::test]
async fn headers_and_turns_come_in_order_with_all_that_was_logged() {
    let store = Store::start().await;
    for generation in [Generation::Flat, Generation::Namespaced] {
        for streamed in [false, true] {
            let (seen, on_log) = logs();
            let builder = builder().generation(generation).streamed_producers(streamed).on_log(on_log);
            let client = client(stack(&layer(&store)), builder);
            let before = store.count();
            let blocks = client.blocks(40, LARGE).await.unwrap();
            assert_eq!(blocks.header().text, text(LARGE));
            let expected: Vec<_> = (0..40).map(|index| Block { index, text: text(LARGE) }).collect();
            assert_eq!(blocks.collect().await.unwrap(), expected);
            let expected: Vec<_> = (0..40).map(|index| format!("block {index}")).collect();
            assert_eq!(*seen.lock().unwrap(), expected);
            assert_eq!(store.count() - before, 41);
        }
    }
}

#[tokio::test]
async fn the_state_of_an_exchange_travels_with_its_answer() {
    let store = Store::start().await;
    for generation in [Generation::Flat, Generation::Namespaced] {
        let (seen, on_log) = logs();
        let client = client(stack(&layer(&store)), builder().generation(generation).on_log(on_log));
        let mut copies = client.copies().await.unwrap();
        for index in 0..3 {
            let block = Block { index, text: text(LARGE) };
            assert_eq!(copies.exchange(std::slice::from_ref(&block)).await.unwrap(), [block]);
        }
        assert_eq!(*seen.lock().unwrap(), ["turn 0", "turn 1", "turn 2"]);
    }
}

#[tokio::test]
async fn who_reads_says_where_it_was() {
    let store = Store::start().await;
    let [client, _] = clients(&layer(&store));
    let mut copies = client.copies().await.unwrap();
    let block = Block { index: 0, text: text(LARGE) };
    let answer = copies.exchange_batch(tower_vgi::Record::to_batch([block].iter()).unwrap()).await.unwrap();
    let source = answer.metadata.get_str(keys::LOCATION_SOURCE).unwrap();
    assert!(source.starts_with(&store.url), "{source}");
    assert!(answer.metadata.get_str(keys::LOCATION_FETCH_MS).unwrap().parse::<f64>().unwrap() >= 0.0);
    assert!(!answer.metadata.contains(keys::LOCATION) && !answer.metadata.contains(keys::STREAM_STATE));
}

#[tokio::test]
async fn a_producer_resumes_behind_what_was_fetched() {
    let store = Store::start().await;
    for generation in [Generation::Flat, Generation::Namespaced] {
        let client = client(stack(&layer(&store)), builder().generation(generation).streamed_producers(true));
        let channel = client.channel().clone();
        let parameters = crate::requests::blocks_parameters(50, LARGE);
        let call = channel.method("Library", "blocks").with_header();
        let mut stream = call.producer(parameters).await.unwrap();
        let mut token = None;
        for _ in 0..35 {
            stream.next().await.unwrap().unwrap();
            token = stream.resume_token().or(token);
        }
        drop(stream);
        let mut rest = channel.method("Library", "blocks").resume(token.unwrap()).await.unwrap();
        let mut indexes = Vec::new();
        while let Some(batch) = rest.next().await.unwrap() {
            let column = batch.batch.column(0).clone();
            indexes.push(arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(&column).value(0));
        }
        assert_eq!(indexes, (35..50).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_was_published_is_answered_by_reference_whatever_its_size() {
    let store = Store::start().await;
    let layer = layer(&store);
    let publisher: &Publisher<Store> = layer.publisher();
    let column: arrow_array::ArrayRef = std::sync::Arc::new(arrow_array::StringArray::from(vec!["hi"]));
    let schema =
        arrow_schema::Schema::new(vec![arrow_schema::Field::new("result", arrow_schema::DataType::Utf8, false)]);
    let batch = arrow_array::RecordBatch::try_new(std::sync::Arc::new(schema), vec![column]).unwrap();
    let reference = publisher.publish(&batch).await.unwrap();
    assert!(reference.sha256().is_some());
    for client in clients(&layer) {
        let value = client.published(reference.url().to_owned()).await.unwrap();
        assert_eq!(value.into_value().as_deref(), Some("hi"));
    }
    assert_eq!(store.count(), 1);
    assert!(publisher.publish(&batch.slice(0, 0)).await.is_err(), "a result has one row");
}

#[tokio::test]
async fn a_response_may_put_so_much_and_no_more() {
    let store = Store::start().await;
    let layer = layer(&store).max_externalized_response_bytes(150_000);
    for client in clients(&layer) {
        client.text(LARGE).await.unwrap();
        let put = store.count();
        let error = client.text(2 * LARGE).await.unwrap_err();
        assert_eq!(error.type_name(), "ResponseTooLargeError");
        assert!(error.message().contains("exceeds max_externalized_response_bytes (200"), "{error}");
        assert!(error.message().ends_with("for method 'text'"), "{error}");
        assert_eq!(store.count(), put, "nothing is put that is too much");
    }
    // The header and the steps of one response count together.
    for generation in [Generation::Flat, Generation::Namespaced] {
        let client = client(stack(&layer), builder().generation(generation).streamed_producers(true));
        let all = async |length| client.blocks(3, length).await?.collect().await;
        assert_eq!(all(LARGE / 3).await.unwrap().len(), 3);
        let error = all(LARGE / 2).await.unwrap_err();
        assert!(error.message().contains("max_externalized_response_bytes"), "{error}");
    }
}

#[tokio::test]
async fn callers_are_told() {
    let store = Store::start().await;
    let [client, _] = clients(&layer(&store).max_externalized_response_bytes(7));
    let capabilities = client.channel().capabilities().await.unwrap();
    assert!(capabilities.externalization_enabled);
    assert_eq!(capabilities.max_externalized_response_bytes, Some(7));
}

#[tokio::test]
async fn a_client_that_does_not_fetch_gets_the_pointer() {
    let store = Store::start().await;
    let channel = tower_vgi::client::Channel::builder().service(stack(&layer(&store)), "/").unwrap();
    let pointer = channel.unary("Library", "text", crate::requests::text_parameters(LARGE)).await.unwrap();
    assert_eq!(pointer.batch.num_rows(), 0);
    assert!(pointer.metadata.get_str(keys::LOCATION).unwrap().starts_with(&store.url));
    assert_eq!(pointer.metadata.get(keys::LOCATION_SHA256).unwrap().len(), 64);
}
