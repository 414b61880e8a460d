//! The future of call layers that sometimes refuse a call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;
use tower_vgi::rpc::Reply;
use tower_vgi::{BoxError, RpcError};

/// The reply of the service inside, or a refusal.
#[pin_project]
pub struct CallFuture<F>(#[pin] State<F>);

#[pin_project(project = StateProjection)]
enum State<F> {
    Inner(#[pin] F),
    Refused(Option<RpcError>),
}

impl<F> CallFuture<F> {
    /// Waits for the service inside.
    pub fn inner(future: F) -> Self {
        Self(State::Inner(future))
    }

    /// Refuses at once. The caller gets the error as it is.
    pub fn refused(error: RpcError) -> Self {
        Self(State::Refused(Some(error)))
    }
}

impl<F, E> Future for CallFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Reply, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProjection::Inner(future) => future.poll(cx).map_err(Into::into),
            // A future that has given its result is not polled again; staying pending is the mildest answer.
            StateProjection::Refused(error) => {
                error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error.into())))
            }
        }
    }
}

impl<F> fmt::Debug for CallFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Inner(_) => "CallFuture::Inner",
            State::Refused(_) => "CallFuture::Refused",
        })
    }
}
