//! One place of a stack: empty, filled with the layer that belongs there, or changed by the user.
//!
//! The stack's own layers are composed by their types, so that none needs a box and one that is left out is nothing but
//! a branch. Bodies are [`Body`] between any two places: what a layer wraps is unwrapped again where it changed
//! nothing. Only where the user puts a layer of their own is the rest of the stack erased.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::Body;

use super::layer::{BoxHttpService, SharedHttpLayer};

/// What the user does with a place.
#[derive(Default)]
pub(super) struct Change {
    pub(super) here: Here,
    /// Around the place, the outermost first.
    pub(super) outside: Vec<SharedHttpLayer>,
}

/// What stands at a place.
#[derive(Default)]
pub(super) enum Here {
    /// The stack's own layer, if it is configured.
    #[default]
    Own,
    Nothing,
    Layer(SharedHttpLayer),
}

/// Any service between two places.
pub(super) trait HttpService:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

impl Change {
    /// The service with this place around it. `own` is what belongs there.
    pub(super) fn fill<L, S, B>(self, own: Option<L>, inner: S) -> Filled<L, S>
    where
        S: HttpService,
        L: Layer<Rest<S>> + 'static,
        L::Service: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
        B: Into<Body> + 'static,
    {
        let filled = match (self.here, own) {
            (Here::Own, Some(layer)) => Filled::Own(layer.layer(Rest(inner))),
            (Here::Own, None) | (Here::Nothing, _) => Filled::Empty(inner),
            (Here::Layer(layer), _) => Filled::Erased(layer.wrap(BoxHttpService::new(inner))),
        };
        if self.outside.is_empty() {
            return filled;
        }
        let innermost = BoxHttpService::new(filled);
        Filled::Erased(self.outside.iter().rev().fold(innermost, |inner, layer| layer.wrap(inner)))
    }
}

/// The rest of the stack, seen from one of the stack's own layers.
#[derive(Clone)]
pub(super) struct Rest<S>(S);

impl<S, B> Service<Request<B>> for Rest<S>
where
    S: Service<Request<Body>>,
    B: Into<Body>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.0.call(request.map(Into::into))
    }
}

/// A service with a place around it.
///
/// Named after the layer and not after its service, in whose name the rest of the stack is, too: a name with the rest in
/// it twice, in each place, is twice as long with each place, and so is what a compiler has to write for it.
pub(super) enum Filled<L: Layer<Rest<S>>, S> {
    Own(L::Service),
    Empty(S),
    Erased(BoxHttpService),
}

impl<L, S> Clone for Filled<L, S>
where
    L: Layer<Rest<S>>,
    L::Service: Clone,
    S: Clone,
{
    fn clone(&self) -> Self {
        match self {
            Self::Own(service) => Self::Own(service.clone()),
            Self::Empty(service) => Self::Empty(service.clone()),
            Self::Erased(service) => Self::Erased(service.clone()),
        }
    }
}

impl<L, S, B> Service<Request<Body>> for Filled<L, S>
where
    L: Layer<Rest<S>>,
    L::Service: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    B: Into<Body>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = FilledFuture<L, S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        match self {
            Self::Own(service) => service.poll_ready(cx),
            Self::Empty(service) => service.poll_ready(cx),
            Self::Erased(service) => service.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Own(service) => FilledFuture::Own(service.call(request)),
            Self::Empty(service) => FilledFuture::Empty(service.call(request)),
            Self::Erased(service) => FilledFuture::Erased(service.call(request)),
        }
    }
}

#[pin_project(project = FilledProjection)]
pub(super) enum FilledFuture<L, S>
where
    L: Layer<Rest<S>>,
    L::Service: Service<Request<Body>>,
    S: Service<Request<Body>>,
{
    Own(#[pin] <L::Service as Service<Request<Body>>>::Future),
    Empty(#[pin] S::Future),
    Erased(<BoxHttpService as Service<Request<Body>>>::Future),
}

impl<L, S, B> Future for FilledFuture<L, S>
where
    L: Layer<Rest<S>>,
    L::Service: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    B: Into<Body>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            FilledProjection::Own(future) => {
                Poll::Ready(ready!(future.poll(cx)).map(|response| response.map(Into::into)))
            }
            FilledProjection::Empty(future) => future.poll(cx),
            FilledProjection::Erased(future) => future.as_mut().poll(cx),
        }
    }
}
