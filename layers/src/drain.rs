//! A request that is refused before its body was touched: the answer goes out when the client has been heard out.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_vgi::drain::Drain;

/// A refused request's body on its way out; gives the answer when it is time for it.
#[pin_project]
pub(crate) struct Draining<B, T> {
    #[pin]
    body: B,
    drain: Drain,
    answer: Option<T>,
}

impl<B: HttpBody, T> Draining<B, T> {
    pub(crate) fn new(request: Request<B>, answer: T) -> Self {
        let (head, body) = request.into_parts();
        let drain = Drain::untouched(head.version, &head.headers, &body);
        Self { body, drain, answer: Some(answer) }
    }
}

impl<B: HttpBody, T> Future for Draining<B, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        match this.drain.poll(this.body, cx) {
            Poll::Ready(()) => this.answer.take().map_or(Poll::Pending, Poll::Ready),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::CompressionLayer;
    use crate::limit::RequestLimitLayer;
    use bytes::Bytes;
    use std::convert::Infallible;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tower::ServiceExt;

    /// What a client of `service` reads after it has written everything.
    async fn answer_after_writing(layered: impl FnOnce() -> Served, parts: Vec<Vec<u8>>) -> String {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = crate::serve(layered()).print_port(false).signals(false).shutdown_on(async {
            let _ = stopped.await;
        });
        let server = server.bind().await.unwrap();
        let address = server.local_addr().unwrap();
        let running = tokio::spawn(server.into_future());
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        for part in parts {
            stream.write_all(&part).await.unwrap();
        }
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        drop(stream);
        drop(stop);
        running.await.unwrap().unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    }

    type Served = tower::util::BoxCloneService<Request<hyper::body::Incoming>, http::Response<Answer>, Infallible>;
    type Answer = tower_vgi::Body;

    fn boxed<L, S, B>(layer: L, inner: S) -> Served
    where
        L: tower::Layer<S>,
        L::Service: tower::Service<Request<hyper::body::Incoming>, Response = http::Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        <L::Service as tower::Service<Request<hyper::body::Incoming>>>::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<tower_vgi::BoxError>,
    {
        let service = layer.layer(inner).map_response(|response| response.map(tower_vgi::Body::new));
        tower::util::BoxCloneService::new(service)
    }

    async fn read<B>(request: Request<B>) -> Result<http::Response<Answer>, Infallible>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<tower_vgi::BoxError>,
    {
        let status = if crate::testing::collect(request.into_body()).await.is_ok() { 200 } else { 500 };
        Ok(http::Response::builder().status(status).body(tower_vgi::Body::empty()).unwrap())
    }

    const MANY: usize = 12 << 20;

    fn announced(headers: &str) -> Vec<Vec<u8>> {
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {MANY}\r\n{headers}\r\n");
        vec![head.into_bytes(), vec![0; MANY]]
    }

    fn chunked(headers: &str) -> Vec<Vec<u8>> {
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n{headers}\r\n{MANY:x}\r\n");
        vec![head.into_bytes(), vec![0; MANY], b"\r\n0\r\n\r\n".to_vec()]
    }

    #[tokio::test]
    async fn a_client_that_writes_everything_first_sees_the_refusal() {
        let limit = || boxed(RequestLimitLayer::new(1000).unwrap(), tower::service_fn(read));
        assert_eq!(answer_after_writing(limit, announced("")).await, "HTTP/1.1 413");
        assert_eq!(answer_after_writing(limit, chunked("")).await, "HTTP/1.1 413");

        let compression = || boxed(CompressionLayer::new(), tower::service_fn(read));
        assert_eq!(answer_after_writing(compression, announced("content-encoding: br\r\n")).await, "HTTP/1.1 415");
        assert_eq!(answer_after_writing(compression, chunked("content-encoding: zstd\r\n")).await, "HTTP/1.1 400");
        assert_eq!(answer_after_writing(compression, announced("content-encoding: gzip\r\n")).await, "HTTP/1.1 400");
    }
}
