use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower_vgi::BoxError;
use tower_vgi::external::Storage;
use tower_vgi::rpc::Reply;

use super::outgoing::{Applied, Outgoing};

/// The future of [`External`](super::External).
#[pin_project]
pub struct ResponseFuture<F, T>(#[pin] State<F, T>);

#[pin_project(project = Projection)]
enum State<F, T> {
    Calling(#[pin] F, Option<Outgoing<T>>),
    /// Puts what is large.
    Putting(Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>),
}

impl<F, T> ResponseFuture<F, T> {
    pub(super) fn new(future: F, outgoing: Outgoing<T>) -> Self {
        Self(State::Calling(future, Some(outgoing)))
    }
}

impl<F, T, E> Future for ResponseFuture<F, T>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
    T: Storage,
{
    type Output = Result<Reply, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        loop {
            let (reply, outgoing) = match state.as_mut().project() {
                Projection::Putting(putting) => return putting.as_mut().poll(cx),
                Projection::Calling(future, outgoing) => {
                    (ready!(future.poll(cx)).map_err(Into::into)?, outgoing.take())
                }
            };
            // A future that has given its result is not polled again.
            let Some(outgoing) = outgoing else { return Poll::Pending };
            match outgoing.apply(reply) {
                Applied::Unchanged(reply) => return Poll::Ready(Ok(reply)),
                Applied::Putting(putting) => state.set(State::Putting(putting)),
            }
        }
    }
}

impl<F, T> fmt::Debug for ResponseFuture<F, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            State::Calling(..) => "ResponseFuture::Calling",
            State::Putting(_) => "ResponseFuture::Putting",
        })
    }
}
