//! The typed client.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use tower_vgi::BoxError;
use tower_vgi::client::Channel;

use crate::service::{BenchClient, Sample};
use crate::{BATCHES, ROWS};

/// Calls a second of so many callers that share one channel.
pub(crate) async fn calls(url: &str, callers: usize, time: Duration) -> Result<f64, BoxError> {
    let client = BenchClient::new(Channel::connect(url)?);
    for _ in 0..100 {
        assert_eq!(client.add(1.5, 2.25).await?, 3.75);
    }
    let start = Instant::now();
    let running: Vec<_> = (0..callers)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut calls = 0_u64;
                while start.elapsed() < time {
                    assert_eq!(client.add(1.5, 2.25).await?, 3.75);
                    calls += 1;
                }
                Ok::<_, BoxError>(calls)
            })
        })
        .collect();
    let mut calls = 0;
    for one in running {
        calls += one.await??;
    }
    Ok(calls as f64 / start.elapsed().as_secs_f64())
}

/// Reads one stream; gives the bytes of its columns.
pub(crate) async fn produce(url: &str, compressed: bool) -> Result<u64, BoxError> {
    produce_much(url, compressed, 1).await
}

/// Reads one stream so many times as long.
pub(crate) async fn produce_much(url: &str, compressed: bool, times: i64) -> Result<u64, BoxError> {
    let client = BenchClient::new(Channel::builder().accept_compressed(compressed).connect(url)?);
    let mut batches = client.produce(BATCHES * times, ROWS).await?.into_batches();
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await? {
        rows += batch.batch.num_rows() as u64;
    }
    assert_eq!(rows, (BATCHES * times * ROWS) as u64);
    Ok(rows * size_of::<Sample>() as u64)
}
