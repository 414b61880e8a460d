//! A store that fails: each fault is a clear error, and nothing wrong is ever delivered.

use std::time::Duration;

use tower_vgi::client::Generation;
use tower_vgi::wire::keys;
use tower_vgi::{ErrorCode, Reference};

use crate::service::text;
use crate::store::{Fault, Store};
use crate::{LARGE, builder, client, clients, fetcher, layer, stack};

#[tokio::test]
async fn every_fault_says_what_it_is() {
    let store = Store::start().await;
    let fetcher = fetcher().timeout(Duration::from_millis(300)).max_fetch_bytes(1 << 20).build().unwrap();
    for (fault, code, says) in [
        (Fault::Status(500), ErrorCode::Unavailable, "after 3 attempts: http"),
        (Fault::Status(403), ErrorCode::FailedPrecondition, "HTTP 403 from http"),
        (Fault::Status(404), ErrorCode::NotFound, "not there, or not any more"),
        (Fault::Truncate, ErrorCode::Unavailable, "broke off"),
        (Fault::LieLonger, ErrorCode::Unavailable, "broke off"),
        (Fault::Endless, ErrorCode::ResourceExhausted, "exceeds max_fetch_bytes"),
        (Fault::Corrupt, ErrorCode::DataLoss, "SHA-256 checksum mismatch"),
        (Fault::Slow(Duration::from_secs(5)), ErrorCode::Unavailable, "not read within 300ms"),
    ] {
        for generation in [Generation::Flat, Generation::Namespaced] {
            let builder = builder().generation(generation).external(fetcher.clone());
            let client = client(stack(&layer(&store)), builder);
            store.set(fault.clone());
            let error = client.text(LARGE).await.unwrap_err();
            assert_eq!(error.code(), code, "{fault:?}: {error}");
            assert!(error.message().contains(says), "{fault:?}: {error}");
            assert!(!format!("{error:?} {error}").contains("secret"), "{fault:?}: {error:?}");
            store.set(Fault::None);
            assert_eq!(client.text(LARGE).await.unwrap(), text(LARGE), "after {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let store = Store::start().await;
    for client in clients(&layer(&store)) {
        store.set(Fault::StatusTimes(503, 2));
        assert_eq!(client.text(LARGE).await.unwrap(), text(LARGE));
        store.set(Fault::StatusTimes(503, 3));
        assert!(client.text(LARGE).await.is_err());
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_error() {
    let store = Store::start().await;
    for streamed in [false, true] {
        let client = client(stack(&layer(&store)), builder().streamed_producers(streamed));
        store.set(Fault::None);
        let mut blocks = client.blocks(100, LARGE).await.unwrap();
        blocks.next().await.unwrap().unwrap();
        store.set(Fault::Corrupt);
        let mut error = None;
        // Some may have been fetched ahead.
        for _ in 0..10 {
            match blocks.next().await {
                Ok(Some(block)) => assert_eq!(block.text, text(LARGE)),
                Ok(None) => panic!("the stream ends as if it were whole"),
                Err(found) => {
                    error = Some(found);
                    break;
                }
            }
        }
        assert!(error.unwrap().message().contains("checksum"));
    }
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let store = Store::start().await;
    let fetcher = fetcher().build().unwrap();
    let batch = crate::requests::text_parameters(7);
    let schema = batch.schema();
    let one = tower_vgi::wire::encode_batch(&batch, &Default::default()).unwrap();
    let other = crate::requests::blocks_parameters(1, 2);
    let pointer = Reference::new("https://elsewhere").unwrap().pointer(schema.clone());
    let nested = tower_vgi::wire::encode_batch(&pointer.batch, &pointer.metadata).unwrap();
    let none = tower_vgi::wire::WireSchema::new(schema.clone()).unwrap().message().clone();
    let twice = {
        let mut frames = tower_vgi::wire::Frames::new();
        let mut encoder =
            tower_vgi::wire::StreamEncoder::new(tower_vgi::wire::WireSchema::new(schema.clone()).unwrap());
        encoder.write_schema(&mut frames);
        encoder.write_batch(&batch, &Default::default(), &mut frames).unwrap();
        encoder.write_batch(&batch, &Default::default(), &mut frames).unwrap();
        frames.into_bytes()
    };
    for (object, coding, says) in [
        (bytes::Bytes::new(), None, "is empty"),
        (bytes::Bytes::from_static(b"no Arrow at all"), None, "not a valid Arrow IPC stream"),
        (one.slice(..one.len() - 20), None, "not a valid Arrow IPC stream"),
        (tower_vgi::wire::encode_batch(&other, &Default::default()).unwrap(), None, "Schema mismatch"),
        (nested, None, "Redirect loop"),
        (none, None, "No data batch"),
        (twice, None, "Multiple data batches"),
        (one.clone(), Some("br"), "content coding 'br' is not supported"),
        (one.clone(), Some("zstd"), "is not valid zstd"),
        (one.clone(), Some("gzip"), "is not valid gzip"),
    ] {
        let reference = Reference::new(store.keep("x", object, coding)).unwrap();
        let error = fetcher.resolve(&reference, &schema, None).await.unwrap_err();
        assert!(error.message().contains(says), "{says}: {error}");
        assert!(!error.message().contains("secret"), "{error}");
    }
    let reference = Reference::new(store.keep("x", one, None)).unwrap();
    assert_eq!(fetcher.resolve(&reference, &schema, None).await.unwrap().batch.batch, batch);
}

#[tokio::test]
async fn decoding_is_held_to_its_cap() {
    let store = Store::start().await;
    let fetcher = fetcher().max_fetch_bytes(100_000).max_decompressed_bytes(1 << 20).build().unwrap();
    let layer = layer(&store).compression(tower_vgi::external::Compression::default());
    let client = client(stack(&layer), builder().external(fetcher));
    assert_eq!(client.text(1_000_000).await.unwrap(), text(1_000_000));
    let error = client.text(1_100_000).await.unwrap_err();
    assert!(error.message().contains("exceeds max_decompressed_bytes"), "{error}");
}

#[tokio::test]
async fn a_store_that_is_down_is_said_to_be() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reference = Reference::new(format!("http://{closed}/x?signature=secret-signature")).unwrap();
    let error = fetcher().build().unwrap().fetch(&reference).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
    assert!(error.message().contains("after 3 attempts") && error.message().contains("no response"), "{error}");
    assert!(!error.message().contains("secret"), "{error}");
}

#[tokio::test]
async fn what_was_logged_before_an_error_is_heard() {
    let store = Store::start().await;
    let schema =
        arrow_schema::Schema::new(vec![arrow_schema::Field::new("result", arrow_schema::DataType::Utf8, false)]);
    let schema = tower_vgi::wire::WireSchema::new(std::sync::Arc::new(schema)).unwrap();
    let empty = arrow_array::RecordBatch::new_empty(schema.schema().clone());
    let mut frames = tower_vgi::wire::Frames::new();
    let mut encoder = tower_vgi::wire::StreamEncoder::new(schema);
    encoder.write_schema(&mut frames);
    for (level, message) in [("INFO", "looking"), ("EXCEPTION", "ValueError: nothing there")] {
        let metadata = [(keys::LOG_LEVEL, level), (keys::LOG_MESSAGE, message)].into_iter().collect();
        encoder.write_batch(&empty, &metadata, &mut frames).unwrap();
    }
    encoder.write_end(&mut frames);
    let url = store.keep("x", frames.into_bytes(), None);
    for generation in [Generation::Flat, Generation::Namespaced] {
        let (seen, on_log) = crate::logs();
        let client = client(stack(&layer(&store)), builder().generation(generation).on_log(on_log));
        let error = client.published(url.clone()).await.unwrap_err();
        assert!(error.message().contains("nothing there"), "{error}");
        assert_eq!(*seen.lock().unwrap(), ["looking"]);
    }
}
