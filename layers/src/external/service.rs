use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;
use tower_vgi::external::Storage;
use tower_vgi::rpc::{Call, Reply};
use tower_vgi::{BoxError, Reference};

use super::future::ResponseFuture;
use super::incoming::{self, takes_a_batch};
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
    S: Service<Call, Response = Reply> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    T: Storage,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let outgoing = Outgoing::new(&self.settings, &call);
        if !takes_a_batch(&call) {
            return ResponseFuture::calling(self.inner.call(call), outgoing);
        }
        match Reference::of(&call.input) {
            Ok(None) => ResponseFuture::calling(self.inner.call(call), outgoing),
            Ok(Some(reference)) => {
                // The service that is ready is the one that is called.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                let fetching = incoming::fetch(self.settings.fetcher.clone(), reference, call);
                ResponseFuture::fetching(Box::pin(fetching), ready, outgoing)
            }
            Err(error) => ResponseFuture::failed(error),
        }
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
