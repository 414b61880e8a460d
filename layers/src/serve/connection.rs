//! One connection, from its first byte to its end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::watch;
use tower_service::Service;
use tower_vgi::BoxError;

use super::TARGET;
use super::requests::Requests;
use super::security::Security;
use super::self_wake::SelfWake;
use super::stream::{Socket, Stream};
use super::timer::ConnectionTimer;

/// How connections speak HTTP.
#[derive(Clone, Debug)]
pub(super) struct Protocols {
    pub(super) security: Security,
    pub(super) header_read_timeout: Duration,
    pub(super) max_buf_size: usize,
}

impl Protocols {
    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(ConnectionTimer::default())
            .header_read_timeout(self.header_read_timeout)
            .max_buf_size(self.max_buf_size);
        builder
            .http2()
            .timer(TokioTimer::new())
            // Fixed windows throttle large bodies over distance.
            .adaptive_window(true)
            // Finds out that a peer has vanished without a word.
            .keep_alive_interval(Duration::from_secs(60));
        builder
    }
}

/// Serves one connection until it ends, or until it has finished its requests after `stopping` turned true.
pub(super) async fn drive<S, B>(
    socket: Socket,
    peer: Option<SocketAddr>,
    service: S,
    protocols: Protocols,
    mut stopping: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // The clock of HTTP/1.1 starts only when the version is known, which until then nothing hurries.
    // What has been sent before the stop is still answered, so that is looked at first.
    let opened = tokio::select! {
        biased;
        opened = tokio::time::timeout(protocols.header_read_timeout, open(socket, &protocols.security)) => opened,
        () = told(&mut stopping) => return,
    };
    let stream = match opened {
        Ok(Ok(Some(stream))) => stream,
        Ok(Err(error)) => return tracing::debug!(target: TARGET, %error, ?peer, "a connection did not begin"),
        Ok(Ok(None)) | Err(_) => return,
    };

    let service = Requests::new(service, peer, stream.peer_certificates());
    let builder = protocols.builder();
    let mut connection = pin!(SelfWake::new(builder.serve_connection(TokioIo::new(stream), service)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopping) => {
            connection.as_mut().get_pin_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        report(error.as_ref(), peer);
    }
}

/// Secures the connection and waits for its first bytes; none when the peer leaves without a word.
async fn open(socket: Socket, security: &Security) -> io::Result<Option<Stream>> {
    let mut stream = Stream::new(security.secure(socket).await?);
    Ok(stream.read_ahead().await?.then_some(stream))
}

/// Until the server stops. One that is gone without a word stops too.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await.is_ok();
}

/// Peers come and go as they like; only what our own side did wrong is worth an operator's attention.
fn report(error: &(dyn std::error::Error + 'static), peer: Option<SocketAddr>) {
    let cause = error.source().map(tracing::field::display);
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
        tracing::error!(target: TARGET, %error, cause, ?peer, "the service failed, its connection is closed");
    } else {
        tracing::debug!(target: TARGET, %error, cause, ?peer, "a connection broke");
    }
}
