use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;
use tower_vgi::BoxError;
use tower_vgi::external::Storage;
use tower_vgi::rpc::{Call, Reply};

use super::future::ResponseFuture;
use super::incoming;
use super::layer::Settings;
use super::outgoing::Outgoing;

/// The service that [`ExternalLayer`](super::ExternalLayer) makes.
pub struct External<S, T> {
    inner: S,
    settings: Arc<Settings<T>>,
}

impl<S, T> External<S, T> {
    pub(super) fn new(inner: S, settings: Arc<Settings<T>>) -> Self {
        Self { inner, settings }
    }

    inner_service_accessors!();
}

impl<S, T> Service<Call> for External<S, T>
where
    S: Service<Call, Response = Reply>,
    S::Error: Into<BoxError>,
    T: Storage,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let outgoing = Outgoing::new(&self.settings, &call);
        incoming::defer(&self.settings.fetcher, &mut call);
        ResponseFuture::new(self.inner.call(call), outgoing)
    }
}

impl<S: Clone, T> Clone for External<S, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), settings: self.settings.clone() }
    }
}

impl<S: fmt::Debug, T> fmt::Debug for External<S, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("External").field("inner", &self.inner).finish_non_exhaustive()
    }
}
