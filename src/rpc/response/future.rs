//! [`ResponseFuture`]: the future of an [`RpcService`](crate::rpc::RpcService).

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;

use crate::Body;
use crate::rpc::handler::BoxFuture;

/// The future of an [`RpcService`](crate::rpc::RpcService).
///
/// Small, since every layer around the service moves it; what it holds lives in one allocation.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ResponseFuture(BoxFuture<'static, Response<Body>>);

impl ResponseFuture {
    pub(crate) fn new(response: BoxFuture<'static, Response<Body>>) -> Self {
        Self(response)
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
