//! The half that stands around the decoded call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::{Call, Reply};

use super::propagation;
use super::span::RequestSpan;

/// Begins the span of a call of which the HTTP headers did not say what it is a part of: the metadata may.
///
/// A call layer, the outermost: `RpcService::builder().layer(OtelCallLayer::new())`. Without an
/// [`OtelLayer`](super::OtelLayer) outside it does nothing.
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct OtelCallLayer;

impl OtelCallLayer {
    /// The other half of any [`OtelLayer`](super::OtelLayer).
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for OtelCallLayer {
    type Service = OtelCall<S>;

    fn layer(&self, inner: S) -> Self::Service {
        OtelCall { inner }
    }
}

/// The service that [`OtelCallLayer`] makes.
#[derive(Clone, Copy, Debug)]
pub struct OtelCall<S> {
    inner: S,
}

impl<S> OtelCall<S> {
    inner_service_accessors!();
}

impl<S: Service<Call, Response = Reply>> Service<Call> for OtelCall<S> {
    type Response = Reply;
    type Error = S::Error;
    type Future = OtelCallFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Some(span) = call.extensions().get::<RequestSpan>().cloned() else {
            return OtelCallFuture { future: self.inner.call(call), context: None };
        };
        let context = span.begin(propagation::of_metadata(&call.input.metadata));
        let future = {
            let _inside = context.clone().attach();
            self.inner.call(call)
        };
        OtelCallFuture { future, context: Some(context) }
    }
}

/// The future of [`OtelCall`].
#[pin_project]
pub struct OtelCallFuture<F> {
    #[pin]
    future: F,
    context: Option<opentelemetry::Context>,
}

impl<F> fmt::Debug for OtelCallFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OtelCallFuture").field("context", &self.context).finish_non_exhaustive()
    }
}

impl<F: Future> Future for OtelCallFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = this.context.clone().map(opentelemetry::Context::attach);
        this.future.poll(cx)
    }
}
