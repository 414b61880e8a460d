//! The accept loop and the drain.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tower_service::Service;
use tower_vgi::BoxError;
use tower_vgi::session::DrainHandle;

use super::TARGET;
use super::connection::{Protocols, drive};
use super::listener::Bound;
use super::stop::Stop;
use crate::readiness::Readiness;

/// How long sessions that are left at the end may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A server whose socket is bound: callers can connect, and are answered once it is awaited.
#[must_use = "nobody is answered until this is awaited"]
pub struct Server<S> {
    pub(super) service: S,
    pub(super) listener: Bound,
    pub(super) stop: Stop,
    pub(super) protocols: Protocols,
    pub(super) drain_timeout: Duration,
    pub(super) readiness: Readiness,
    pub(super) sessions: Option<DrainHandle>,
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
    /// [`Interrupted`](io::ErrorKind::Interrupted) after a second signal, which cuts what is under way. What goes wrong
    /// with a connection concerns that one only.
    pub async fn run(self) -> io::Result<()> {
        let Self { mut stop, drain_timeout, readiness, sessions, .. } = self;
        let (stopping, watcher) = watch::channel(false);
        let mut connections = Connections {
            service: self.service,
            listener: self.listener,
            protocols: self.protocols,
            watcher,
            max: self.max_connections,
            open: JoinSet::new(),
        };
        connections.accept_until(stop.asked()).await;

        readiness.drain();
        let mut time_over = pin!(tokio::time::sleep(drain_timeout));
        let mut cut = None;
        if let Some(sessions) = &sessions {
            sessions.drain();
            let ended = connections.accept_until(async {
                tokio::select! {
                    biased;
                    () = sessions.drained() => None,
                    () = &mut time_over => Some(Cut::TimeOver),
                    () = stop.signalled() => Some(Cut::Signalled),
                }
            });
            cut = ended.await;
        }
        let mut open = connections.close();
        stopping.send_replace(true);
        if cut.is_none() {
            let drained = async {
                while let Some(ended) = open.join_next().await {
                    report(ended);
                }
            };
            cut = tokio::select! {
                () = drained => None,
                () = time_over => Some(Cut::TimeOver),
                () = stop.signalled() => Some(Cut::Signalled),
            };
        }
        if let Some(reason) = cut {
            tracing::warn!(target: TARGET, "{reason}: cutting {} connections", open.len());
            open.shutdown().await;
        }
        if cut == Some(Cut::Signalled) {
            return Err(io::Error::new(
                io::ErrorKind::Interrupted,
                "a second signal has stopped the server before it had drained",
            ));
        }
        if let Some(sessions) = sessions {
            end(&sessions).await;
        }
        Ok(())
    }
}

/// Why not everybody was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    TimeOver,
    Signalled,
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TimeOver => "the drain timeout has passed",
            Self::Signalled => "signalled again",
        })
    }
}

/// Closes what callers have left.
async fn end(sessions: &DrainHandle) {
    if tokio::time::timeout(CLOSE_TIMEOUT, sessions.shutdown()).await.is_err() {
        tracing::warn!(target: TARGET, "{} sessions are not closed after {CLOSE_TIMEOUT:?}", sessions.remaining());
    }
}

/// The connections, while new ones come.
struct Connections<S> {
    service: S,
    listener: Bound,
    protocols: Protocols,
    watcher: watch::Receiver<bool>,
    max: usize,
    open: JoinSet<()>,
}

impl<S, B> Connections<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn accept_until<T>(&mut self, until: impl Future<Output = T>) -> T {
        let mut until = pin!(until);
        loop {
            tokio::select! {
                done = &mut until => return done,
                Some(ended) = self.open.join_next() => report(ended),
                // The others wait in the system's queue, and are turned away by it when that is full.
                (socket, peer) = self.listener.accept(), if self.open.len() < self.max => {
                    let connection =
                        drive(socket, peer, self.service.clone(), self.protocols.clone(), self.watcher.clone());
                    self.open.spawn(connection);
                }
            }
        }
    }

    /// Accepts no more.
    fn close(self) -> JoinSet<()> {
        self.open
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
        tracing::error!(target: TARGET, %error, "a connection panicked, the others go on");
    }
}
