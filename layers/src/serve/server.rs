//! The accept loop and the drain.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tower_service::Service;
use tower_vgi::BoxError;

use super::connection::{Protocols, drive};
use super::listener::Bound;
use super::stop::Stop;
use crate::readiness::Readiness;

/// A server whose socket is bound: callers can connect, and are answered once it is awaited.
#[must_use = "nobody is answered until this is awaited"]
pub struct Server<S> {
    pub(super) service: S,
    pub(super) listener: Bound,
    pub(super) stop: Stop,
    pub(super) protocols: Protocols,
    pub(super) drain_timeout: Duration,
    pub(super) readiness: Readiness,
    pub(super) max_connections: usize,
}

impl<S> Server<S> {
    /// The address that callers reach; none for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listener.local_addr()
    }
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Serves until it is told to stop and has drained.
    ///
    /// # Errors
    ///
    /// None at present: what goes wrong with a connection concerns that one only.
    pub async fn run(self) -> io::Result<()> {
        let Self { service, listener, mut stop, protocols, drain_timeout, readiness, max_connections } = self;
        let (stopping, watcher) = watch::channel(false);
        let mut connections = JoinSet::new();

        loop {
            tokio::select! {
                () = stop.asked() => break,
                Some(ended) = connections.join_next() => report(ended),
                // The others wait in the system's queue, and are turned away by it when that is full.
                (socket, peer) = listener.accept(), if connections.len() < max_connections => {
                    connections.spawn(drive(socket, peer, service.clone(), protocols.clone(), watcher.clone()));
                }
            }
        }

        readiness.drain();
        drop(listener);
        stopping.send_replace(true);
        let drained = async {
            while let Some(ended) = connections.join_next().await {
                report(ended);
            }
        };
        let cut = tokio::select! {
            () = drained => None,
            () = tokio::time::sleep(drain_timeout) => Some("the drain timeout has passed"),
            () = stop.signalled() => Some("signalled again"),
        };
        if let Some(reason) = cut {
            tracing::warn!("{reason}: cutting {} connections", connections.len());
            connections.shutdown().await;
        }
        Ok(())
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl<S, B> IntoFuture for Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked, the others go on");
    }
}
