//! Where an issuer's keys are, and the way there.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Uri;
use serde_json::Value;
use tower_vgi::BoxError;

use super::key_set::KeySet;
use crate::auth::outbound::is_private;

/// Fetches a document.
pub(super) type Fetch = Arc<dyn Fn(Uri) -> Pin<Box<dyn Future<Output = Result<Bytes, BoxError>> + Send>> + Send + Sync>;

pub(super) fn boxed<F, R>(fetch: F) -> Fetch
where
    F: Fn(Uri) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Bytes, BoxError>> + Send + 'static,
{
    Arc::new(move |url| Box::pin(fetch(url)))
}

/// Where keys are.
#[derive(Debug)]
pub(super) enum Source {
    Url(Uri),
    /// Where the document at this address says. It has to be that of one of the issuers.
    Discovery {
        url: Uri,
        issuers: Vec<String>,
        /// Whether the keys may be where somebody on the way could give others.
        allow_http: bool,
    },
}

impl Source {
    pub(super) async fn keys(&self, fetch: &Fetch) -> Result<KeySet, BoxError> {
        let url = match self {
            Self::Url(url) => url.clone(),
            Self::Discovery { url, issuers, allow_http } => {
                discovered(&fetch(url.clone()).await?, url, issuers, *allow_http)?
            }
        };
        KeySet::parse(&fetch(url).await?)
    }
}

fn discovered(document: &[u8], from: &Uri, issuers: &[String], allow_http: bool) -> Result<Uri, BoxError> {
    let document: Value = serde_json::from_slice(document).map_err(|_| "the discovery document is no JSON")?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let issuer = text("issuer").ok_or("the discovery document names no issuer")?;
    if !issuers.iter().any(|known| known == issuer) {
        return Err(format!("the discovery document is that of another issuer: {issuer:?}").into());
    }
    let url = text("jwks_uri").ok_or("the discovery document does not say where the keys are")?;
    let url: Uri = url.parse().map_err(|_| format!("the address of the keys is none: {url:?}"))?;
    // Whoever is between could otherwise give keys of their own.
    if from.scheme_str() == Some("https") && url.scheme_str() != Some("https") {
        return Err("the address of the keys is not of https, as that of the discovery document is".into());
    }
    if !allow_http && !is_private(&url) {
        return Err("the address of the keys is not of https".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_issuers_own_document_says_where_the_keys_are() {
        let issuers = ["https://a.example".to_owned()];
        let said_at = |from: &'static str, allow_http: bool, document: &str| {
            discovered(document.as_bytes(), &Uri::from_static(from), &issuers, allow_http)
                .map_err(|error| error.to_string())
        };
        let said = |document: &str| said_at("https://a.example/x", true, document);
        let good = r#"{"issuer": "https://a.example", "jwks_uri": "https://keys.example/k"}"#;
        assert_eq!(said(good).unwrap(), "https://keys.example/k");
        for (document, word) in [
            ("x", "no JSON"),
            ("{}", "no issuer"),
            (r#"{"issuer": "https://b.example", "jwks_uri": "https://keys.example/k"}"#, "another issuer"),
            (r#"{"issuer": "https://a.example"}"#, "where the keys are"),
            (r#"{"issuer": "https://a.example", "jwks_uri": "http://keys.example/k"}"#, "not of https"),
            (r#"{"issuer": "https://a.example", "jwks_uri": "::"}"#, "none"),
        ] {
            assert!(said(document).unwrap_err().contains(word), "{document}");
        }
        let unsafe_keys = r#"{"issuer": "https://a.example", "jwks_uri": "http://keys.example/k"}"#;
        assert!(said_at("http://127.0.0.1/x", false, unsafe_keys).unwrap_err().contains("not of https"));
        assert_eq!(said_at("http://127.0.0.1/x", true, unsafe_keys).unwrap(), "http://keys.example/k");
    }
}
