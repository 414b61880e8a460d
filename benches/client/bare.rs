//! hyper alone: posts bytes made beforehand, and reads what comes without looking at it.

use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_vgi::BoxError;
use tower_vgi::wire::{Metadata, encode_batch, keys};

use crate::{BATCHES, ROWS};

/// Calls a second over so many connections.
pub(crate) async fn calls(port: u16, callers: usize, time: Duration) -> Result<f64, BoxError> {
    let columns = ["a", "b"].map(|name| (name, std::sync::Arc::new(Float64Array::from(vec![1.5])) as ArrayRef));
    let body = request("add", RecordBatch::try_from_iter(columns)?)?;
    let mut connections = Vec::new();
    for _ in 0..callers {
        let mut connection = connect(port).await?;
        for _ in 0..100 {
            post(&mut connection, port, "add", &body).await?;
        }
        connections.push(connection);
    }
    let start = Instant::now();
    let running: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let body = body.clone();
            tokio::spawn(async move {
                let mut calls = 0_u64;
                while start.elapsed() < time {
                    post(&mut connection, port, "add", &body).await?;
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
pub(crate) async fn produce(port: u16) -> Result<u64, BoxError> {
    let columns = [("batches", BATCHES), ("rows", ROWS)];
    let columns = columns.map(|(name, value)| (name, std::sync::Arc::new(Int64Array::from(vec![value])) as ArrayRef));
    let body = request("produce", RecordBatch::try_from_iter(columns)?)?;
    let mut connection = connect(port).await?;
    let bytes = post(&mut connection, port, "produce/init", &body).await?;
    let payload = (BATCHES * ROWS * 16) as u64;
    assert!(bytes > payload, "{bytes} bytes came for {payload}");
    Ok(payload)
}

fn request(method: &str, parameters: RecordBatch) -> Result<Bytes, BoxError> {
    let metadata = [(keys::METHOD, method), (keys::REQUEST_VERSION, "1"), (keys::PROTOCOL, "Bench")];
    Ok(encode_batch(&parameters, &Metadata::from_iter(metadata))?)
}

async fn connect(port: u16) -> Result<SendRequest<Full<Bytes>>, BoxError> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (connection, driver) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    Ok(connection)
}

/// Gives how many bytes came.
async fn post(connection: &mut SendRequest<Full<Bytes>>, port: u16, path: &str, body: &Bytes) -> Result<u64, BoxError> {
    let request = Request::post(format!("/Bench/{path}"))
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(header::CONTENT_TYPE, "application/vnd.apache.arrow.stream")
        .header("vgi-accept-producer-stream", "true")
        .body(Full::new(body.clone()))?;
    connection.ready().await?;
    let response = connection.send_request(request).await?;
    let failed = response.headers().contains_key("x-vgi-rpc-error");
    assert!(response.status() == StatusCode::OK && !failed, "{response:?}");
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(bytes)
}
