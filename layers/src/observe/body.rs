//! Bodies that are counted as they pass.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_vgi::{Body, Delivery};

use super::watch::{Received, Watch};
use super::{End, Observe};

/// The body of an observed request. One that announces its size is not touched.
#[pin_project]
pub struct RequestBody<B> {
    #[pin]
    inner: B,
    count: Option<Arc<AtomicU64>>,
}

impl<B: HttpBody> RequestBody<B> {
    pub(super) fn new(inner: B) -> (Self, Received) {
        match inner.size_hint().exact() {
            Some(bytes) => (Self { inner, count: None }, Received::Announced(bytes)),
            None => {
                let count = Arc::new(AtomicU64::new(0));
                (Self { inner, count: Some(count.clone()) }, Received::Counted(count))
            }
        }
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RequestBody").field("counted", &self.count).finish_non_exhaustive()
    }
}

impl From<RequestBody<Body>> for Body {
    fn from(body: RequestBody<Body>) -> Self {
        match body.count {
            None => body.inner,
            Some(_) => Self::new(body),
        }
    }
}

impl<B: HttpBody> HttpBody for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = this.inner.poll_frame(cx);
        if let (Some(count), Poll::Ready(Some(Ok(frame)))) = (this.count, &frame) {
            count.fetch_add(size(frame), Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an observed response.
#[pin_project]
pub struct ResponseBody<B, O: Observe> {
    #[pin]
    inner: B,
    watch: Watch<O>,
}

impl<B: HttpBody, O: Observe> ResponseBody<B, O> {
    pub(super) fn new(inner: B, watch: Watch<O>) -> Self {
        Self { inner, watch }
    }
}

impl<B: HttpBody, O: Observe> fmt::Debug for ResponseBody<B, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseBody").field("size", &self.inner.size_hint()).finish_non_exhaustive()
    }
}

impl<O> From<ResponseBody<Self, O>> for Body
where
    O: Observe<Seen: Send> + Send + 'static,
{
    /// Where all of the body is there, nothing is done that has to be surrounded: it is enough to be told what is taken.
    fn from(body: ResponseBody<Self, O>) -> Self {
        if !body.inner.is_complete() {
            return Self::new(body);
        }
        let ResponseBody { mut inner, watch } = body;
        if !watch.has_ended() {
            inner.on_delivery(watch);
        }
        inner
    }
}

impl<O> Delivery for Watch<O>
where
    O: Observe<Seen: Send> + Send + 'static,
{
    fn taken(&mut self, bytes: u64) {
        self.sent(bytes);
    }

    fn delivered(&mut self) {
        self.end(End::Complete);
    }
}

impl<B: HttpBody, O: Observe> HttpBody for ResponseBody<B, O> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = this.watch.in_scope(|| this.inner.as_mut().poll_frame(cx));
        match &frame {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                this.watch.sent(size(frame));
                // A server that knows that this was the last one does not ask again.
                if this.inner.is_end_stream() {
                    this.watch.end(End::Complete);
                }
            }
            Poll::Ready(Some(Err(_))) => this.watch.end(End::Broken),
            Poll::Ready(None) => this.watch.end(End::Complete),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn size<D: bytes::Buf>(frame: &Frame<D>) -> u64 {
    frame.data_ref().map_or(0, |data| data.remaining() as u64)
}
