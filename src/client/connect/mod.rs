//! [`Connection`]: a pool of connections to one server.

mod io;

use std::fmt;
use std::future::Future;
use std::io::{Error as IoError, ErrorKind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Extensions, Request, Response, Uri};
#[cfg(feature = "client-tls")]
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
#[cfg(unix)]
use tokio::net::UnixStream;
use tower_service::Service;

use self::io::{Io, Stream, Traffic};
use super::time::within;
#[cfg(feature = "client-tls")]
use crate::tls::Tls;
use crate::{Body, BoxError, Result, RpcError};

/// A pool of connections to one server, over TCP, TLS or a Unix socket; what [`Channel`](super::Channel) sends through
/// unless it is given another service.
#[derive(Clone)]
pub struct Connection {
    client: Client<Connector, Body>,
}

/// A kept connection was closed before a byte of the response had come: the request has not run, and is sent again once.
#[derive(Debug)]
pub struct ConnectionLost(BoxError);

impl Connection {
    pub(crate) fn new(url: &str, how: &HowToConnect) -> Result<(Self, Uri), RpcError> {
        let (way, base) = match url.strip_prefix("unix:") {
            Some(path) => {
                let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
                (Way::Unix(Arc::new(path)), Uri::from_static("http://localhost"))
            }
            None => {
                let base = url.parse::<Uri>().map_err(|error| RpcError::value_error(format!("not a URL: {error}")))?;
                let mut connector = HttpConnector::new();
                connector.set_nodelay(true);
                let way = match base.scheme_str() {
                    Some("http") => Way::Tcp(connector),
                    Some("https") => secured(connector, how)?,
                    _ => {
                        return Err(RpcError::value_error(
                            "the URL of a server begins with http://, https:// or unix:",
                        ));
                    }
                };
                (way, base)
            }
        };
        let connector = Connector { way, timeout: how.connect_timeout };
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(hyper_util::rt::TokioTimer::new()).http2_only(how.http2);
        if how.http2 {
            builder.http2_adaptive_window(true);
        }
        Ok((Self { client: builder.build(connector) }, base))
    }
}

/// What a builder says about connections.
#[derive(Clone)]
pub(crate) struct HowToConnect {
    pub(crate) http2: bool,
    pub(crate) connect_timeout: Option<Duration>,
    #[cfg(feature = "client-tls")]
    pub(crate) tls: Option<Tls>,
}

#[cfg(feature = "client-tls")]
fn secured(connector: HttpConnector, how: &HowToConnect) -> Result<Way, RpcError> {
    let mut connector = connector;
    connector.enforce_http(false);
    let builder = HttpsConnectorBuilder::new().with_tls_config(Tls::config(how.tls.as_ref())?).https_only();
    Ok(Way::Tls(Box::new(match how.http2 {
        true => builder.enable_http2().wrap_connector(connector),
        false => builder.enable_all_versions().wrap_connector(connector),
    })))
}

#[cfg(not(feature = "client-tls"))]
fn secured(_connector: HttpConnector, _how: &HowToConnect) -> Result<Way, RpcError> {
    Err(RpcError::value_error(
        "https:// needs the feature `client-tls`, or a service that speaks TLS given to `ChannelBuilder::service`",
    ))
}

impl Service<Request<Body>> for Connection {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let captured = capture_connection(&mut request);
        let response = self.client.request(request);
        Box::pin(async move {
            match response.await {
                Ok(response) => {
                    if let Some(traffic) = response.extensions().get::<Traffic>() {
                        traffic.0.used.store(true, Ordering::Relaxed);
                    }
                    Ok(response.map(Body::new))
                }
                Err(error) => {
                    let mut extensions = Extensions::new();
                    if let Some(connected) = &*captured.connection_metadata() {
                        connected.get_extras(&mut extensions);
                    }
                    let traffic = extensions.get::<Traffic>();
                    let reused = traffic.is_some_and(|traffic| traffic.0.used.load(Ordering::Relaxed));
                    let silent = traffic.is_some_and(|traffic| traffic.0.silent.load(Ordering::Relaxed));
                    let error: BoxError = error.into();
                    Err(if reused && is_closed(&*error, silent) { ConnectionLost(error).into() } else { error })
                }
            }
        })
    }
}

/// Whether the other side had closed the connection: without a byte of a response, unless the request was not sent.
fn is_closed(error: &(dyn std::error::Error + 'static), silent: bool) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_canceled() || silent && (error.is_incomplete_message() || error.is_closed()))
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<IoError>()
            && silent
            && matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
        {
            return true;
        }
        next = error.source();
    }
    false
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection")
    }
}

impl fmt::Display for ConnectionLost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the server had closed the kept connection")
    }
}

impl std::error::Error for ConnectionLost {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

#[derive(Clone)]
struct Connector {
    way: Way,
    /// For all of it: the name, the connection, TLS.
    timeout: Option<Duration>,
}

#[derive(Clone)]
enum Way {
    Tcp(HttpConnector),
    #[cfg(feature = "client-tls")]
    Tls(Box<HttpsConnector<HttpConnector>>),
    Unix(Arc<PathBuf>),
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Io>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Io>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.way {
            Way::Tcp(connector) => connector.poll_ready(cx).map_err(Into::into),
            #[cfg(feature = "client-tls")]
            Way::Tls(connector) => connector.poll_ready(cx),
            Way::Unix(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting: Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>> = match &mut self.way {
            Way::Tcp(connector) => {
                let connecting = connector.call(uri);
                Box::pin(async move { Ok(Stream::Tcp(connecting.await?.into_inner())) })
            }
            #[cfg(feature = "client-tls")]
            Way::Tls(connector) => {
                let connecting = connector.call(uri);
                Box::pin(async move { Ok(Stream::Tls(Box::new(TokioIo::new(connecting.await?)))) })
            }
            Way::Unix(path) => {
                let path = path.clone();
                Box::pin(async move { connect_unix(&path).await })
            }
        };
        let timeout = self.timeout;
        Box::pin(async move {
            let connected = match timeout {
                None => connecting.await,
                Some(timeout) => within(timeout, connecting)
                    .await
                    .unwrap_or_else(|| Err(format!("no connection within {timeout:?}").into())),
            };
            Ok(TokioIo::new(Io { stream: connected?, traffic: Traffic::default() }))
        })
    }
}

#[cfg(unix)]
async fn connect_unix(path: &std::path::Path) -> Result<Stream, BoxError> {
    Ok(Stream::Unix(UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn connect_unix(_path: &std::path::Path) -> Result<Stream, BoxError> {
    Err("there are no Unix sockets on this system".into())
}
