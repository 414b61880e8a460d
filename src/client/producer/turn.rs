//! Requests of a stream that has begun: they have tokens, and no batch.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow_array::RecordBatch;
use http::Uri;
use tokio::task::JoinHandle;

use crate::client::channel::Channel;
use crate::client::outgoing::{Outgoing, encode};
use crate::client::response::ResponseReader;
use crate::client::service::HttpService;
use crate::client::time::within;
use crate::generation::Generation;
use crate::wire::{Metadata, WireSchema, keys};
use crate::{Result, RpcError};

/// A turn without a batch: it has neither columns nor rows.
pub(super) fn turn(
    uri: Uri,
    generation: Generation,
    mut metadata: Metadata,
    cursor: Option<&[u8]>,
    call: Option<&[u8]>,
) -> Result<Outgoing, RpcError> {
    for (key, token) in [(keys::STREAM_STATE, cursor), (keys::CALL_STATE, call)] {
        if let Some(token) = token {
            metadata.insert(key, token);
        }
    }
    let schema = WireSchema::empty();
    let empty = RecordBatch::new_empty(schema.schema().clone());
    Ok(Outgoing::rpc(uri, generation, encode(schema, &empty, &metadata)?))
}

/// Tells the server that a stream is given up. One attempt; the answer is of no interest.
pub(crate) async fn cancel<S: HttpService>(
    channel: &Channel<S>,
    uri: Uri,
    generation: Generation,
    cursor: &[u8],
    call: Option<&[u8]>,
) {
    let metadata = Metadata::from_iter([(keys::CANCEL, "1")]);
    let Ok(outgoing) = turn(uri, generation, metadata, Some(cursor), call) else { return };
    let telling = async {
        if let Ok(reader) = channel.ask(outgoing).await {
            reader.let_go();
        }
    };
    match channel.shared.settings.timeout {
        None => telling.await,
        Some(timeout) => _ = within(timeout, telling).await,
    }
}

/// A request that runs by itself; ended when it is dropped.
pub(super) struct Ahead(pub(super) JoinHandle<Result<Box<ResponseReader>, RpcError>>);

impl Future for Ahead {
    type Output = Result<Box<ResponseReader>, RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(outcome.unwrap_or_else(|_| Err(RpcError::runtime_error("the request was given up by the runtime"))))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}
