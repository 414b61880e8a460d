use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower_service::Service;
use tower_vgi::external::Storage;
use tower_vgi::rpc::{Call, Reply};
use tower_vgi::{BoxError, RpcError};

use super::outgoing::{Applied, Outgoing};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The future of [`External`](super::External).
#[pin_project]
pub struct ResponseFuture<F, T>(#[pin] State<F, T>);

#[pin_project(project = Projection)]
enum State<F, T> {
    /// Fetches what the request points to, and calls.
    Fetching(BoxFuture<Result<Reply, BoxError>>, Option<Outgoing<T>>),
    Calling(#[pin] F, Option<Outgoing<T>>),
    /// Puts what is large.
    Putting(BoxFuture<Result<Reply, BoxError>>),
    Failed(Option<RpcError>),
}

impl<F, T> ResponseFuture<F, T> {
    pub(super) fn calling(future: F, outgoing: Outgoing<T>) -> Self {
        Self(State::Calling(future, Some(outgoing)))
    }

    pub(super) fn fetching<S>(fetching: BoxFuture<Result<Call, RpcError>>, mut ready: S, outgoing: Outgoing<T>) -> Self
    where
        S: Service<Call, Response = Reply, Future = F> + Send + 'static,
        S::Error: Into<BoxError>,
        F: Future<Output = Result<Reply, S::Error>> + Send + 'static,
    {
        let answered = async move {
            let call = fetching.await?;
            ready.call(call).await.map_err(Into::into)
        };
        Self(State::Fetching(Box::pin(answered), Some(outgoing)))
    }

    pub(super) fn failed(error: RpcError) -> Self {
        Self(State::Failed(Some(error)))
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
                Projection::Fetching(answered, outgoing) => (ready!(answered.as_mut().poll(cx))?, outgoing.take()),
                Projection::Calling(future, outgoing) => {
                    (ready!(future.poll(cx)).map_err(Into::into)?, outgoing.take())
                }
                Projection::Failed(error) => {
                    return error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error.into())));
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
            State::Fetching(..) => "ResponseFuture::Fetching",
            State::Calling(..) => "ResponseFuture::Calling",
            State::Putting(_) => "ResponseFuture::Putting",
            State::Failed(_) => "ResponseFuture::Failed",
        })
    }
}
