//! Turns of an exchange that lack what the next one needs.

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::{ServiceExt as _, service_fn};
use tower_vgi::Body;
use tower_vgi::client::{Channel, Generation, HttpService};
use tower_vgi::wire::{AnnotatedBatch, Decoder, Frames, Limits, Metadata, StreamEncoder, keys};

use crate::calculator::{CalculatorClient, Row};
use crate::ways::service;

/// Changes the only batch of each turn's answer.
fn changing(change: impl Fn(AnnotatedBatch) -> AnnotatedBatch + Clone + Send + Sync + 'static) -> impl HttpService {
    let inner = service();
    service_fn(move |request: Request<Body>| {
        let (inner, change) = (inner.clone(), change.clone());
        async move {
            let is_turn = request.uri().path().ends_with("/exchange");
            let response = inner.oneshot(request).await?;
            if !is_turn {
                return Ok::<_, Infallible>(response);
            }
            let (parts, body) = response.into_parts();
            let mut decoder = Decoder::new(body.collect().await.unwrap().to_bytes().into(), Limits::default());
            let schema = decoder.next_stream().unwrap().unwrap().clone();
            let batch = change(decoder.next_batch().unwrap().unwrap());
            let mut encoder = StreamEncoder::new(schema);
            let mut frames = Frames::with_capacity(1024);
            encoder.write_schema(&mut frames);
            encoder.write_batch(&batch.batch, &batch.metadata, &mut frames).unwrap();
            encoder.write_end(&mut frames);
            let mut response = Response::from_parts(parts, Body::from_frames(frames.into_vec()));
            response.headers_mut().remove("content-length");
            Ok(response)
        }
    })
}

async fn two_turns(server: impl HttpService) -> (AnnotatedBatch, tower_vgi::RpcError) {
    let channel = Channel::builder().generation(Generation::Namespaced).service(server, "/").unwrap();
    let mut scale = CalculatorClient::new(channel).scale(2.0).await.unwrap();
    let input = <Row as tower_vgi::Record>::to_batch([Row { value: 1.0 }].iter()).unwrap();
    let first = scale.exchange_batch(input.clone()).await.unwrap();
    (first, scale.exchange_batch(input).await.unwrap_err())
}

#[tokio::test]
async fn an_answer_without_a_token_is_the_last() {
    let (first, error) = two_turns(changing(|mut batch| {
        batch.metadata.remove(keys::STREAM_STATE);
        batch
    }))
    .await;
    assert_eq!(first.batch.num_rows(), 1);
    assert_eq!(error.type_name(), "ProtocolError", "{error}");
}

#[tokio::test]
async fn an_answer_that_is_kept_elsewhere_is_the_last_unless_it_is_fetched() {
    let (first, error) = two_turns(changing(|batch| {
        let metadata = Metadata::from_iter([(keys::LOCATION, "https://storage/1")]);
        AnnotatedBatch::new(batch.batch.slice(0, 0), metadata)
    }))
    .await;
    // It is handed over as it is.
    assert_eq!(first.metadata.get_str(keys::LOCATION), Some("https://storage/1"));
    assert_eq!(error.type_name(), "ProtocolError", "{error}");
}
