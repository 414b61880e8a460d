//! [`ServerCapabilities`]: what a server says it can do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, header};

use super::channel::Channel;
use super::outgoing::Outgoing;
use super::response::refusal;
use super::service::HttpService;
use crate::headers::{ACCEPT_MAX_RESPONSE_BYTES_SUPPORT, EXTERNALIZATION_ENABLED, PRODUCER_STREAM};
use crate::{Result, RpcError};

/// What a server says it can do (wire specification §6.1). What it says nothing about is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerCapabilities {
    /// The largest request body that is taken, in bytes.
    pub max_request_bytes: Option<u64>,
    /// The largest response body that is sent, in decoded bytes.
    pub max_response_bytes: Option<u64>,
    /// The most that is kept elsewhere for one response, in bytes.
    pub max_externalized_response_bytes: Option<u64>,
    /// Whether large batches are kept elsewhere.
    pub externalization_enabled: bool,
    /// Whether URLs for uploads are given out.
    pub upload_url_support: bool,
    /// The largest upload, in bytes.
    pub max_upload_bytes: Option<u64>,
    /// The codings of bodies that are understood, the preferred one first.
    pub supported_encodings: Vec<String>,
    /// Until when this holds; `None` where the server does not say.
    pub expires_at: Option<Instant>,
    /// Whether there are sticky sessions.
    pub sticky_enabled: bool,
    /// How long a session lives by default.
    pub sticky_default_ttl: Option<Duration>,
    /// The headers that a session's requests have to echo.
    pub sticky_echo_headers: Vec<String>,
    /// Whether the server is to be called through a proxy that proves itself.
    pub proxy_proof_required: bool,
    /// Whether responses can be limited by the caller: the mark of the namespaced generation.
    pub response_budgets: bool,
    /// Whether producers come as one streamed response.
    pub producer_streams: bool,
}

impl ServerCapabilities {
    /// Reads the headers of any response.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
        let flag = |name: &str| text(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        Self {
            max_request_bytes: number("vgi-max-request-bytes"),
            max_response_bytes: number("vgi-max-response-bytes"),
            max_externalized_response_bytes: number("vgi-max-externalized-response-bytes"),
            externalization_enabled: flag(EXTERNALIZATION_ENABLED.as_str()),
            upload_url_support: flag("vgi-upload-url-support"),
            max_upload_bytes: number("vgi-max-upload-bytes"),
            // The oldest servers take zstd and say nothing.
            supported_encodings: text("vgi-supported-encodings").map_or_else(|| vec!["zstd".to_owned()], list),
            expires_at: max_age(headers).and_then(|age| Instant::now().checked_add(age)),
            sticky_enabled: flag("vgi-sticky-enabled"),
            sticky_default_ttl: number("vgi-sticky-default-ttl").map(Duration::from_secs),
            sticky_echo_headers: text("vgi-sticky-echo-headers").map(list).unwrap_or_default(),
            proxy_proof_required: flag("vgi-proxy-proof-required"),
            response_budgets: flag(ACCEPT_MAX_RESPONSE_BYTES_SUPPORT.as_str()),
            producer_streams: flag(PRODUCER_STREAM.as_str()),
        }
    }

    /// Whether they have to be asked for anew. Without a term they hold for as long as the channel lives.
    pub fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|until| until <= Instant::now())
    }
}

/// What the server says it can do; remembered by the channel for as long as the server says.
///
/// # Errors
///
/// Why the server could not be asked.
pub async fn capabilities<S: HttpService>(channel: &Channel<S>) -> Result<Arc<ServerCapabilities>, RpcError> {
    channel.capabilities().await
}

/// Asks the server.
pub(crate) async fn ask<S: HttpService>(channel: &Channel<S>) -> Result<ServerCapabilities, RpcError> {
    let (method, uri) = channel.health()?;
    let outgoing = Outgoing::plain(method, uri);
    let response = channel.send(&outgoing).await?;
    // Servers say what they can do with every answer. A proxy's failure or page is none: nothing is learnt from it.
    let speaks = response.headers().keys().any(|name| name.as_str().starts_with("vgi-"));
    if !speaks && (!response.status().is_success() || refusal::is_page(response.headers())) {
        return Err(refusal::not_of_the_protocol(response, &outgoing.uri).await);
    }
    Ok(ServerCapabilities::from_headers(response.headers()))
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::CACHE_CONTROL)?.to_str().ok()?;
    let seconds = text.split(',').find_map(|part| part.trim().strip_prefix("max-age="))?;
    seconds.trim().parse::<u64>().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn every_header_has_its_attribute() {
        let capabilities = ServerCapabilities::from_headers(&headers(&[
            ("vgi-max-request-bytes", "10"),
            ("vgi-max-response-bytes", "20"),
            ("vgi-max-externalized-response-bytes", "30"),
            ("vgi-externalization-enabled", "true"),
            ("vgi-upload-url-support", "true"),
            ("vgi-max-upload-bytes", "40"),
            ("vgi-supported-encodings", "zstd, gzip"),
            ("cache-control", "public, max-age=300"),
            ("vgi-sticky-enabled", "true"),
            ("vgi-sticky-default-ttl", "300"),
            ("vgi-sticky-echo-headers", "a, b"),
            ("vgi-proxy-proof-required", "true"),
            ("vgi-accept-max-response-bytes-support", "true"),
            ("vgi-producer-stream", "true"),
        ]));
        let expected = ServerCapabilities {
            max_request_bytes: Some(10),
            max_response_bytes: Some(20),
            max_externalized_response_bytes: Some(30),
            externalization_enabled: true,
            upload_url_support: true,
            max_upload_bytes: Some(40),
            supported_encodings: vec!["zstd".to_owned(), "gzip".to_owned()],
            expires_at: capabilities.expires_at,
            sticky_enabled: true,
            sticky_default_ttl: Some(Duration::from_secs(300)),
            sticky_echo_headers: vec!["a".to_owned(), "b".to_owned()],
            proxy_proof_required: true,
            response_budgets: true,
            producer_streams: true,
        };
        assert_eq!(capabilities, expected);
        assert!(capabilities.expires_at.is_some() && !capabilities.is_expired());
    }

    #[test]
    fn what_is_not_said_or_makes_no_sense_is_absent() {
        let capabilities = ServerCapabilities::from_headers(&headers(&[
            ("vgi-max-request-bytes", "many"),
            ("cache-control", "no-store"),
        ]));
        assert_eq!((capabilities.max_request_bytes, capabilities.expires_at), (None, None));
        assert_eq!(capabilities.supported_encodings, ["zstd"]);
        let none = ServerCapabilities::from_headers(&headers(&[("vgi-supported-encodings", "")]));
        assert!(none.supported_encodings.is_empty());
        let expired = ServerCapabilities::from_headers(&headers(&[("cache-control", "max-age=0")]));
        assert!(expired.is_expired());
    }
}
