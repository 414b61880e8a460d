//! Answers that are damaged anywhere: whatever comes of a call, it comes, and nobody panics.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use tower::{ServiceExt as _, service_fn};
use tower_vgi::Body;
use tower_vgi::client::{Channel, Generation, HttpService, introspect};

use crate::calculator::{CalculatorClient, Row};
use crate::ways::service;

#[derive(Clone, Debug)]
struct Damage {
    /// Where, in parts of the body.
    at: f64,
    byte: u8,
    /// Bytes that are taken out.
    cut: usize,
    /// Whether what follows comes twice.
    twice: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    let cut = prop_oneof![Just(0_usize), 1..64_usize];
    (0.0..1.0_f64, any::<u8>(), cut, any::<bool>()).prop_map(|(at, byte, cut, twice)| Damage { at, byte, cut, twice })
}

fn damaged(whole: &[u8], Damage { at, byte, cut, twice }: &Damage) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let at = (at * bytes.len() as f64) as usize;
    if let Some(there) = bytes.get_mut(at) {
        *there = *byte;
        bytes.drain(at..(at + cut).min(whole.len()));
        if *twice {
            bytes.extend_from_slice(&whole[at..]);
        }
    }
    bytes
}

fn damaging(damage: Damage) -> impl HttpService {
    let inner = service();
    service_fn(move |request: Request<Body>| {
        let (inner, damage) = (inner.clone(), damage.clone());
        async move {
            let (mut parts, body) = inner.oneshot(request).await?.into_parts();
            let whole = body.collect().await.unwrap().to_bytes();
            parts.headers.remove("content-length");
            Ok::<_, Infallible>(Response::from_parts(parts, Body::from(damaged(&whole, &damage))))
        }
    })
}

async fn call_everything(client: CalculatorClient<impl HttpService>) {
    let _ = client.add(1.0, 2.0).await;
    let _ = client.divide(1, 0).await;
    if let Ok(rows) = client.countdown(5).await {
        let _ = rows.collect().await;
    }
    if let Ok(rows) = client.announced(5).await {
        let mut batches = rows.into_batches();
        while let Ok(Some((_, token))) = batches.next_with_token().await {
            let _ = token.map(|token| token.to_bytes());
        }
        batches.cancel().await;
    }
    if let Ok(mut scale) = client.scale(2.0).await {
        for _ in 0..3 {
            let _ = scale.exchange(&[Row { value: 1.0 }]).await;
        }
        scale.cancel().await;
    }
    let _ = introspect(client.channel()).await.map(|description| description.to_string());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_answer_is_an_error_at_worst(damage in damage(), flat in any::<bool>(), streamed in any::<bool>()) {
        let generation = if flat { Generation::Flat } else { Generation::Namespaced };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let ended = runtime.block_on(async {
            let builder = Channel::builder().generation(generation).streamed_producers(streamed);
            let client = CalculatorClient::new(builder.service(damaging(damage), "/").unwrap());
            tokio::time::timeout(Duration::from_secs(600), call_everything(client)).await
        });
        prop_assert!(ended.is_ok(), "it does not come to an end");
    }
}
