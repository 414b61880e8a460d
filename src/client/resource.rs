//! [`ProtectedResource`]: where tokens for a server come from.

use http::{Method, Uri};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;

use super::channel::Channel;
use super::outgoing::{Outgoing, place};
use super::response::refusal;
use super::service::HttpService;
use crate::{Result, RpcError};

/// More than any document has.
const MAX_BYTES: usize = 1 << 20;

/// What a server says about tokens for it: the metadata of RFC 9728, and what the protocol adds.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtectedResource {
    /// The URL of the service, as whoever issues tokens knows it.
    pub resource: String,
    /// Who issues tokens.
    pub authorization_servers: Vec<String>,
    /// The scopes that mean something there.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// How tokens may be sent.
    #[serde(default = "in_the_header")]
    pub bearer_methods_supported: Vec<String>,
    /// By what the service signs its answers.
    #[serde(default)]
    pub resource_signing_alg_values_supported: Vec<String>,
    /// The name of the service for people.
    pub resource_name: Option<String>,
    /// The URL of its documentation.
    pub resource_documentation: Option<String>,
    /// The URL of what it does with data.
    pub resource_policy_uri: Option<String>,
    /// The URL of its terms.
    pub resource_tos_uri: Option<String>,
    /// The client id to ask for tokens with.
    pub client_id: Option<String>,
    /// What goes with the client id; public, as everybody gets it.
    pub client_secret: Option<String>,
    /// The client id for the device code flow.
    pub device_code_client_id: Option<String>,
    /// What goes with that.
    pub device_code_client_secret: Option<String>,
    /// Whether the `id_token` is to be sent rather than the `access_token`.
    #[serde(default)]
    pub use_id_token_as_bearer: bool,
    /// Where programs in browsers exchange codes and refresh tokens, if the service does that for them.
    pub token_endpoint: Option<String>,
}

fn in_the_header() -> Vec<String> {
    vec!["header".to_owned()]
}

/// Asks a server where tokens for it come from; `None` where it does not say. No token is sent with the question.
///
/// The document has to be about the URL that the channel leads to: another server could otherwise ask for tokens that are
/// meant for this one (RFC 9728 §3.3). Of a channel without a host, as in process, only the path is compared.
///
/// # Errors
///
/// Why the server could not be asked, or what it answered instead. A `ValueError` where the document is about another
/// resource; where that is right, as over a Unix socket or a tunnel, take [`protected_resource_of_any_url`].
pub async fn protected_resource<S: HttpService>(channel: &Channel<S>) -> Result<Option<ProtectedResource>, RpcError> {
    let resource = protected_resource_of_any_url(channel).await?;
    if let Some(resource) = &resource {
        let base = channel.uri("/")?;
        if !is_at(&resource.resource, &base) {
            return Err(RpcError::value_error(format!(
                "the server at {} says where tokens for another resource come from: {:?}",
                place(&base),
                resource.resource
            )));
        }
    }
    Ok(resource)
}

/// Like [`protected_resource`], whatever URL the document is about. For channels that lead to a server by another way
/// than its URL, and only where that way leads to nobody else.
///
/// # Errors
///
/// Why the server could not be asked, or what it answered instead.
pub async fn protected_resource_of_any_url<S: HttpService>(
    channel: &Channel<S>,
) -> Result<Option<ProtectedResource>, RpcError> {
    // A source of tokens may be what asks.
    let outgoing = Outgoing::plain(Method::GET, document(&channel.uri("/")?)?).without_token();
    let response = channel.send(&outgoing).await?;
    match response.status().as_u16() {
        200 => {}
        404 => return Ok(None),
        _ => return Err(refusal::not_of_the_protocol(response, &outgoing.uri).await),
    }
    let failed = |why: String| RpcError::runtime_error(format!("{}: {why}", place(&outgoing.uri)));
    let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
    let body = body.map_err(|error| failed(format!("the document cannot be read: {error}")))?.to_bytes();
    let resource =
        serde_json::from_slice(&body).map_err(|error| failed(format!("no metadata of a resource: {error}")))?;
    Ok(Some(resource))
}

/// Whether a resource is what stands at this URL, as far as that is known.
fn is_at(resource: &str, base: &Uri) -> bool {
    let Ok(url) = resource.parse::<Uri>() else { return false };
    let path = |url: &Uri| url.path().trim_end_matches('/').to_owned();
    if url.query().is_some() || resource.contains(['#', '@']) || path(&url) != path(base) {
        return false;
    }
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    base.authority().is_none()
        || (url.scheme() == base.scheme() && host(&url) == host(base) && port(&url) == port(base))
}

fn port(url: &Uri) -> Option<u16> {
    url.port_u16().or_else(|| match url.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

/// The document is on the host, followed by what the server is mounted at.
fn document(base: &Uri) -> Result<Uri, RpcError> {
    let mut parts = base.clone().into_parts();
    let path = format!("/.well-known/oauth-protected-resource{}", base.path().trim_end_matches('/'));
    parts.path_and_query = Some(path.try_into().map_err(|error| RpcError::value_error(format!("{error}")))?);
    Uri::from_parts(parts).map_err(|error| RpcError::value_error(format!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_about_the_url_that_was_asked_or_about_another() {
        for (resource, base, expected) in [
            ("https://api.example/vgi", "https://api.example/vgi/", true),
            ("https://API.example:443/vgi/", "https://api.example/vgi", true),
            ("https://api.example", "https://api.example:443/", true),
            ("http://[::1]:8080/", "http://[::1]:8080/", true),
            ("https://anywhere.example/vgi", "/vgi/", true),
            ("http://api.example/vgi", "https://api.example/vgi", false),
            ("https://api.example.evil/vgi", "https://api.example/vgi", false),
            ("https://api.example:8443/vgi", "https://api.example/vgi", false),
            ("https://api.example/other", "https://api.example/vgi", false),
            ("https://api.example/VGI", "https://api.example/vgi", false),
            ("https://api.example/vgi?a", "https://api.example/vgi", false),
            ("https://api.example/vgi#a", "https://api.example/vgi", false),
            ("https://api.example@evil.example/vgi", "https://evil.example/vgi", false),
            ("https://anywhere.example/other", "/vgi/", false),
            ("/vgi", "https://api.example/vgi", false),
            ("", "https://api.example/", false),
        ] {
            assert_eq!(is_at(resource, &base.parse().unwrap()), expected, "{resource} {base}");
        }
    }
}
