//! [`HttpClient`]: what providers ask other servers.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::crypto::ring;
use tower_vgi::BoxError;

pub(super) use super::private::is_private;

/// For all of a request, from the name of the server to the last byte of its answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// More than any document has.
const MAX_BYTES: usize = 1 << 20;

/// Asks other servers, over http and https: bounded in time and size, and without following redirects, since an
/// address that was configured is not to lead elsewhere.
#[derive(Clone)]
pub(super) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpClient {
    /// Trusts the system's authorities where there is no `tls`.
    pub(super) fn new(tls: Option<Box<ClientConfig>>) -> Result<Self, BoxError> {
        let builder = HttpsConnectorBuilder::new();
        let builder = match tls {
            Some(mut config) => {
                // Set by the connector, which knows the versions of HTTP.
                config.alpn_protocols.clear();
                builder.with_tls_config(*config)
            }
            None => builder.with_provider_and_native_roots(ring::default_provider())?,
        };
        let connector = builder.https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// The document at an address.
    pub(super) async fn get(&self, url: Uri) -> Result<Bytes, BoxError> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = url.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.send(request).await.map_err(|error| format!("{url}: {error}"))?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(format!("{url}: the server answered {status}").into()),
        }
    }

    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, BoxError> {
        let answer = async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body = Limited::new(body, MAX_BYTES).collect().await?.to_bytes();
            Ok::<_, BoxError>(Response::from_parts(head, body))
        };
        tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| format!("no answer within {TIMEOUT:?}"))?
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HttpClient")
    }
}
