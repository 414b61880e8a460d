//! Producers of the published servers that are gone on with elsewhere, and responses of many batches.

use tower_vgi::client::{ProducerStream, ResumeToken};

use crate::case::Proxy;
use crate::peer::{Any, Peer, published, published_with};
use crate::release::Release;
use crate::rows::Count;

const COUNT: i64 = 300;

async fn begin(peer: &Peer) -> ProducerStream<Any> {
    Proxy::new(peer.channel(peer.builder())).produce_n(COUNT).await.unwrap().into_batches()
}

/// All that comes after a token, by a channel of its own.
async fn rest(peer: &Peer, token: &ResumeToken) -> Vec<i64> {
    let token = ResumeToken::from_bytes(&token.to_bytes()).unwrap();
    let channel = peer.channel(peer.builder());
    let mut batches = channel.method(Proxy::NAME, "produce_n").resume(token).await.unwrap();
    let mut indices = Vec::new();
    while let Some(batch) = batches.next().await.unwrap() {
        indices.extend(index(&batch.batch));
    }
    indices
}

fn index(batch: &arrow_array::RecordBatch) -> Option<i64> {
    <Count as tower_vgi::Record>::rows(batch).unwrap().first().map(|row| row.index)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_goes_on_from_a_token_elsewhere() {
    for release in Release::ALL {
        let Some(peer) = published(release).await else { return };
        let mut batches = begin(&peer).await;
        let mut taken = 0;
        for _ in 0..3 {
            let (batch, token) = batches.next_with_token().await.unwrap().unwrap();
            assert_eq!(index(&batch.batch), Some(taken), "{}", peer.name);
            taken += 1;
            assert_eq!(rest(&peer, &token.unwrap()).await, (taken..COUNT).collect::<Vec<_>>(), "{}", peer.name);
        }
        // It was not disturbed.
        assert_eq!(index(&batches.next().await.unwrap().unwrap().batch), Some(taken), "{}", peer.name);
    }
}

/// Before 0.45 a limit on responses made servers fill them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_of_many_batches_are_gone_on_with_from_within() {
    for release in [Release::V0_19_0, Release::V0_42_3] {
        let Some(full) = published_with(release, r#"{"max_response_bytes": 16384, "token_key": null}"#).await else {
            return;
        };
        let mut batches = begin(&full).await;
        let (mut indices, mut tokens) = (Vec::new(), Vec::new());
        while let Some(batch) = batches.next().await.unwrap() {
            indices.extend(index(&batch.batch));
            tokens.push(batches.resume_token());
        }
        assert_eq!(indices, (0..COUNT).collect::<Vec<_>>(), "{}", full.name);
        let requests = full.requests.lock().unwrap().len();
        assert!(requests < 50, "{}: {requests} requests, so one batch each", full.name);
        // Within the first response there is no token to go on with; within the others, and behind each, there is.
        let known = tokens.iter().filter(|token| token.is_some()).count();
        assert!(known > 150, "{}: {known}", full.name);
        for (taken, token) in (1..).zip(&tokens).filter(|(taken, _)| taken % 37 == 0) {
            if let Some(token) = token {
                assert_eq!(rest(&full, token).await, (taken..COUNT).collect::<Vec<_>>(), "{}", full.name);
            }
        }
    }
}
