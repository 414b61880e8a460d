//! From hyper's requests to a tower service.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use http::Request;
use hyper::body::Incoming;
use pin_project::pin_project;
use tower_service::Service;
use tower_vgi::{BoxError, PeerAddr, PeerCertificates};

/// The service of one connection, which is told who calls.
///
/// A service that is ready is called as it is, without the clone that hyper-util's adapter makes for every request: a
/// whole stack of layers is not for nothing. One that is not ready leaves its place to a clone, so that the requests of
/// an HTTP/2 connection do not wait for each other.
pub(super) struct Requests<S> {
    /// Called by the connection's task only, and never held while something is awaited.
    service: RefCell<S>,
    peer: Option<PeerAddr>,
    certificates: Option<PeerCertificates>,
}

impl<S> Requests<S> {
    pub(super) fn new(service: S, peer: Option<SocketAddr>, certificates: Option<PeerCertificates>) -> Self {
        Self { service: RefCell::new(service), peer: peer.map(PeerAddr), certificates }
    }
}

impl<S> hyper::service::Service<Request<Incoming>> for Requests<S>
where
    S: Service<Request<Incoming>, Error: Into<BoxError>> + Clone,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Answer<S>;

    fn call(&self, mut request: Request<Incoming>) -> Answer<S> {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        if let Some(certificates) = &self.certificates {
            request.extensions_mut().insert(certificates.clone());
        }
        let mut service = self.service.borrow_mut();
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Answer::Called(service.call(request)),
            Poll::Ready(Err(error)) => Answer::Failed(Some(error.into())),
            Poll::Pending => {
                // Whoever was asked has a place in a queue, and so is the one that waits for it.
                let fresh = service.clone();
                Answer::Waiting(Box::new((std::mem::replace(&mut service, fresh), Some(request))))
            }
        }
    }
}

/// The answer to one request.
#[pin_project(project = AnswerProjection)]
pub(super) enum Answer<S: Service<Request<Incoming>>> {
    Waiting(Box<(S, Option<Request<Incoming>>)>),
    Called(#[pin] S::Future),
    Failed(Option<BoxError>),
}

impl<S: Service<Request<Incoming>, Error: Into<BoxError>>> Future for Answer<S> {
    type Output = Result<S::Response, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project() {
                AnswerProjection::Waiting(waiting) => {
                    let (service, request) = &mut **waiting;
                    ready!(service.poll_ready(cx)).map_err(Into::into)?;
                    let Some(request) = request.take() else { return Poll::Pending };
                    Self::Called(service.call(request))
                }
                AnswerProjection::Called(future) => return future.poll(cx).map_err(Into::into),
                AnswerProjection::Failed(error) => match error.take() {
                    Some(error) => return Poll::Ready(Err(error)),
                    None => return Poll::Pending,
                },
            };
            self.set(next);
        }
    }
}
