//! Runs a service on a socket: HTTP/1.1 and HTTP/2, bare or behind TLS, with an orderly end.
//!
//! ```no_run
//! use http::{Request, Response};
//! use hyper::body::Incoming;
//! use tower::service_fn;
//! use tower_vgi::Body;
//! use tower_vgi_layers::serve;
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let service = service_fn(|_request: Request<Incoming>| async {
//!     Ok::<_, std::convert::Infallible>(Response::new(Body::from("hello")))
//! });
//! serve(service).host("127.0.0.1").port(8080).await
//! # }
//! ```
//!
//! Awaiting [`Serve`] binds and runs until the end. [`Serve::bind`] stops in between, for a test or
//! a program that wants to know its port first:
//!
//! ```
//! # use http::{Request, Response};
//! # use hyper::body::Incoming;
//! # use tower::service_fn;
//! # use tower_vgi::Body;
//! # use tower_vgi_layers::serve;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let service = service_fn(|_request: Request<Incoming>| async {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Body::from("hello")))
//! # });
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let server = serve(service).print_port(false).shutdown_on(async { _ = stopped.await }).bind().await?;
//! assert_ne!(server.local_addr().map(|address| address.port()), Some(0));
//! drop(stop);
//! server.await
//! # }
//! ```
//!
//! # Stopping
//!
//! SIGTERM, SIGINT or the future given to [`Serve::shutdown_on`] starts the drain, for which there is
//! [`Serve::drain_timeout`]:
//!
//! 1. The [readiness](Serve::readiness) ends. Where there are [sessions](Serve::drain_handle), new ones are refused, and
//!    the server goes on until callers have ended theirs.
//! 2. No connection is accepted any more, idle ones are closed, and requests under way finish.
//! 3. When the time is over, or at a second signal, what is left is cut. Sessions that are left are closed, which gets a
//!    few seconds more. After a second signal they are not waited for, and the result is an error, so that the program
//!    can end with another code than 0.
//!
//! Work on [blocking threads](tokio::task::spawn_blocking) cannot be cut, and a runtime that is dropped waits for it. A
//! program that must end at once leaves it behind, by [`Runtime::shutdown_background`](tokio::runtime::Runtime::shutdown_background)
//! or [`std::process::exit`].
//!
//! # What it protects against
//!
//! An HTTP/1.1 connection has 30 seconds to send each request head, and an idle one is closed after that
//! time; an HTTP/2 connection is closed when its peer does not answer pings. Bodies are not timed here. A panic in one connection ends that connection only, and so does an
//! error of the service, which is logged. When the process runs out of descriptors, accepting pauses
//! and goes on when there are some.
//!
//! The peer's address is in the request's extensions as [`PeerAddr`](tower_vgi::PeerAddr).

mod budget;
mod connection;
mod listener;
mod requests;
mod security;
mod self_wake;
mod server;
mod stop;
mod stream;
mod timer;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use tower_service::Service;
use tower_vgi::BoxError;
use tower_vgi::session::DrainHandle;

use crate::readiness::Readiness;
use connection::Protocols;
use security::Security;
use stop::Stop;

pub use listener::Listener;
pub use server::Server;
#[cfg(feature = "tls")]
pub use tls::{ClientCertificates, Tls, TlsError};

/// The target of events about connections and the drain.
pub const TARGET: &str = "tower_vgi::serve";

/// Runs `service` on a socket; see the [module](self). Without further settings: a free port of 127.0.0.1.
pub fn serve<S>(service: S) -> Serve<S> {
    Serve {
        service,
        listener: Listener::Address { host: "127.0.0.1".to_owned(), port: 0 },
        print_port: true,
        signals: true,
        shutdown: None,
        drain_timeout: Duration::from_secs(30),
        header_read_timeout: Duration::from_secs(30),
        max_buf_size: 64 * 1024,
        readiness: Readiness::new(),
        sessions: None,
        security: Security::default(),
        max_connections: usize::MAX,
        on_bound: Vec::new(),
    }
}

/// How to serve; made by [`serve`]. Await it to run, or [`bind`](Self::bind) it first.
#[must_use = "nothing is served until this is awaited"]
pub struct Serve<S> {
    service: S,
    listener: Listener,
    print_port: bool,
    signals: bool,
    shutdown: Option<Shutdown>,
    drain_timeout: Duration,
    header_read_timeout: Duration,
    max_buf_size: usize,
    readiness: Readiness,
    sessions: Option<DrainHandle>,
    security: Security,
    max_connections: usize,
    on_bound: Vec<OnBound>,
}

type OnBound = Box<dyn FnOnce(&str) + Send>;
type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<S> Serve<S> {
    /// The name or address to listen on. Default: `127.0.0.1`. Replaces a listener set before.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.listener = Listener::Address { host: host.into(), port: self.listener.wanted_port() };
        self
    }

    /// The port to listen on; 0, the default, lets the system choose. Replaces a listener set before.
    pub fn port(mut self, port: u16) -> Self {
        self.listener = match self.listener {
            Listener::Address { host, .. } => Listener::Address { host, port },
            _ => Listener::Address { host: "127.0.0.1".to_owned(), port },
        };
        self
    }

    /// Listens on a socket that is open already: a `TcpListener` or `UnixListener` of std or tokio.
    pub fn listener(mut self, listener: impl Into<Listener>) -> Self {
        self.listener = listener.into();
        self
    }

    /// Listens on a Unix socket at `path`. A socket that a dead process left there is replaced, and
    /// the file is removed at the end.
    #[cfg(unix)]
    pub fn unix(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.listener = Listener::Path(path.into());
        self
    }

    /// Whether to print `PORT:<n>` on standard output once bound, as programs that start workers
    /// expect. Default: yes. Never for a Unix socket.
    pub fn print_port(mut self, print: bool) -> Self {
        self.print_port = print;
        self
    }

    /// Whether SIGTERM and SIGINT (Ctrl-C elsewhere than on Unix) stop the server. Default: yes.
    pub fn signals(mut self, signals: bool) -> Self {
        self.signals = signals;
        self
    }

    /// Stops when `future` is done, also with signals off.
    pub fn shutdown_on(mut self, future: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Some(Box::pin(future));
        self
    }

    /// How long sessions and requests under way may take once the server stops. Default: 30 seconds.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How long a connection may take for a request head, and be idle. Default: 30 seconds.
    pub fn header_read_timeout(mut self, timeout: Duration) -> Self {
        self.header_read_timeout = timeout;
        self
    }

    /// How many bytes of an HTTP/1.1 connection are read at once, at least 8 KiB; also the limit of a
    /// request head. Default: 64 KiB, which keeps bodies of a few MiB in the processor's cache.
    pub fn max_buf_size(mut self, bytes: usize) -> Self {
        self.max_buf_size = bytes.max(8 * 1024);
        self
    }

    /// Speaks TLS on every connection. A peer that does not finish its handshake within
    /// [`header_read_timeout`](Self::header_read_timeout) is dropped.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: impl Into<Tls>) -> Self {
        self.security.tls = Some(tls.into());
        self
    }

    /// How many connections are open at the same time; others wait until one ends. Default: as many as the system
    /// lets the process have.
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max.max(1);
        self
    }

    /// Tells `readiness` when the drain begins; give the same to the health layer.
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// Ends the sessions behind this handle with the server; see the [module](self#stopping).
    pub fn drain_handle(mut self, handle: DrainHandle) -> Self {
        self.sessions = Some(handle);
        self
    }

    /// Tells a function where the server listens, such as `http://127.0.0.1:8080`, before anybody is answered. Of a Unix
    /// socket, or one that listens at all addresses, nothing is told.
    pub fn on_bound(mut self, tell: impl FnOnce(&str) + Send + 'static) -> Self {
        self.on_bound.push(Box::new(tell));
        self
    }

    /// Binds the socket, so that callers can connect, and prints the port.
    ///
    /// # Errors
    ///
    /// When the host has no address, the socket cannot be bound, or signals cannot be listened to.
    pub async fn bind(self) -> io::Result<Server<S>> {
        let listener = self.listener.bind().await?;
        // Before the port is known to anybody: a signal right after it has to be noticed.
        let stop = Stop::new(self.signals, self.shutdown)?;
        let reachable = listener.local_addr().filter(|address| !address.ip().is_unspecified());
        if let Some(address) = reachable {
            let url = format!("{}://{address}", self.security.scheme());
            self.on_bound.into_iter().for_each(|tell| tell(&url));
        }
        let protocols = Protocols {
            security: self.security,
            header_read_timeout: self.header_read_timeout,
            max_buf_size: self.max_buf_size,
        };
        if self.print_port
            && let Some(address) = listener.local_addr()
        {
            announce(address.port())?;
        }
        Ok(Server {
            service: self.service,
            listener,
            stop,
            protocols,
            drain_timeout: self.drain_timeout,
            readiness: self.readiness,
            sessions: self.sessions,
            max_connections: self.max_connections,
        })
    }
}

impl<S> fmt::Debug for Serve<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Serve")
            .field("listener", &self.listener)
            .field("drain_timeout", &self.drain_timeout)
            .finish_non_exhaustive()
    }
}

impl<S, B> IntoFuture for Serve<S>
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
        Box::pin(async move { self.bind().await?.run().await })
    }
}

fn announce(port: u16) -> io::Result<()> {
    use std::io::Write;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "PORT:{port}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests;
