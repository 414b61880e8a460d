//! Connections to stores, and only to such addresses as the policy takes.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::is_public;
use super::policy::UrlPolicy;
use crate::tls::Tls;
use crate::{BoxError, RpcError};

/// Connects to any address where the policy says so, and to public ones elsewhere.
#[derive(Clone)]
pub(super) struct Connector {
    any: HttpsConnector<HttpConnector>,
    public: HttpsConnector<HttpConnector<PublicResolver>>,
    policy: Arc<UrlPolicy>,
    /// Why there is no TLS, such as a system without root certificates.
    no_tls: Option<Arc<str>>,
}

/// The address is none that the policy takes.
#[derive(Debug)]
pub(super) struct RefusedAddress {
    host: String,
}

impl Connector {
    pub(super) fn new(policy: Arc<UrlPolicy>, tls: Option<&Tls>, timeout: Duration) -> Result<Self, RpcError> {
        let (config, no_tls) = match Tls::config(tls) {
            Ok(config) => (config, None),
            // What was given has to be right; a system without authorities can still read what is near.
            Err(error) if tls.is_some() => return Err(error),
            Err(error) => (Tls::nobody()?, Some(error.message().into())),
        };
        Ok(Self {
            any: secured(HttpConnector::new(), config.clone(), timeout),
            public: secured(HttpConnector::new_with_resolver(PublicResolver(GaiResolver::new())), config, timeout),
            policy,
            no_tls,
        })
    }
}

fn secured<R>(
    mut connector: HttpConnector<R>,
    config: ClientConfig,
    timeout: Duration,
) -> HttpsConnector<HttpConnector<R>> {
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(timeout));
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(connector)
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Neither connector has anything to wait for.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Some(reason) = self.no_tls.as_ref().filter(|_| uri.scheme() == Some(&Scheme::HTTPS)) {
            let error = format!("there is no TLS: {reason}");
            return Box::pin(async move { Err(error.into()) });
        }
        if self.policy.takes_any_address(&uri) {
            return Box::pin(self.any.call(uri));
        }
        // An address in place of a name is not resolved, so that the resolver does not see it.
        let host = uri.host().unwrap_or_default();
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if literal.is_ok_and(|address| !is_public(address)) {
            let error = RefusedAddress { host: host.to_owned() };
            return Box::pin(async move { Err(error.into()) });
        }
        Box::pin(self.public.call(uri))
    }
}

/// Gives the public addresses of a name. They are what is connected to: asking twice could give something else.
#[derive(Clone)]
pub(super) struct PublicResolver(GaiResolver);

impl Service<Name> for PublicResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.as_str().to_owned();
        let resolving = self.0.call(name);
        Box::pin(async move {
            let public: Vec<_> = resolving.await?.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(RefusedAddress { host }.into());
            }
            Ok(public.into_iter())
        })
    }
}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "'{}' has no public address; a store inside of the own network has to be named among the allowed origins",
            self.host
        )
    }
}

impl std::error::Error for RefusedAddress {}
