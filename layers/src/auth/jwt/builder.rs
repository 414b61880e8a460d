//! [`JwtBuilder`]: what tokens have to look like, and where the keys are.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use tower_vgi::BoxError;

use super::key_set::KeySet;
use super::keys::{Keys, Refreshing};
use super::source::{Fetch, Source, boxed};
use super::token::{Jwt, Rules};
use super::verified::Verified;
use crate::auth::outbound::{HttpClient, is_private};

/// Describes which tokens are accepted; see [`Jwt::builder`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct JwtBuilder {
    issuers: Vec<String>,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    leeway: Duration,
    principal_claim: String,
    domain: String,
    keys: WhereKeysAre,
    fetch: Option<Fetch>,
    tls: Option<Box<rustls::ClientConfig>>,
    allow_http: bool,
    refreshing: Refreshing,
    remembered: usize,
}

#[derive(Clone)]
enum WhereKeysAre {
    Discovered,
    At(String),
    Given(Bytes),
}

impl JwtBuilder {
    pub(super) fn new() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            algorithms: [AlgorithmFamily::Rsa, AlgorithmFamily::Ec, AlgorithmFamily::Ed]
                .iter()
                .flat_map(|family| family.algorithms().to_vec())
                .collect(),
            leeway: Duration::from_secs(30),
            principal_claim: "sub".to_owned(),
            domain: "jwt".to_owned(),
            keys: WhereKeysAre::Discovered,
            fetch: None,
            tls: None,
            allow_http: false,
            refreshing: Refreshing::default(),
            remembered: 10_000,
        }
    }

    /// Who may have made a token, as its claim `iss` has it. At least one is needed. More than one are different names
    /// of an issuer with the same keys; different issuers belong into a [`chain`](crate::auth::chain()).
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// For whom a token may be made, as its claim `aud` has it: what the issuer calls this service. At least one is
    /// needed.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// By which algorithms tokens may be signed. Default: RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far the clocks of issuer and server may be apart, an hour at most. Default: 30 seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The claim that names the caller. Default: `sub`.
    pub fn principal_claim(mut self, claim: impl Into<String>) -> Self {
        self.principal_claim = claim.into();
        self
    }

    /// The domain of callers. Default: `jwt`. Two issuers whose callers may have the same names need two.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Where the issuer's keys are: a URL of a JWK set. Default: where the discovery document of the first issuer says.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.keys = WhereKeysAre::At(url.into());
        self
    }

    /// The issuer's keys themselves: a JWK set, as JSON.
    pub fn jwks(mut self, document: impl Into<Bytes>) -> Self {
        self.keys = WhereKeysAre::Given(document.into());
        self
    }

    /// Whom the server trusts when it fetches keys over TLS. Default: the system's authorities.
    pub fn tls(mut self, config: rustls::ClientConfig) -> Self {
        self.tls = Some(Box::new(config));
        self
    }

    /// Takes keys over plain http from other machines, too. Whoever is on the way can then give keys of their own, and be
    /// anybody.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Fetches documents with a function of yours, such as through a proxy. It has 15 seconds for all that is needed.
    pub fn fetch_with<F, R>(mut self, fetch: F) -> Self
    where
        F: Fn(Uri) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Bytes, BoxError>> + Send + 'static,
    {
        self.fetch = Some(boxed(fetch));
        self
    }

    /// After how long keys are looked up again. Default: ten minutes.
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.refreshing.after = age;
        self
    }

    /// For how much longer keys count that are to be looked up again: while the first request after a quiet time has
    /// them fetched, or while the issuer does not answer. For so long tokens of a key may pass that the issuer has taken
    /// back. Older keys are fetched before anybody is let in, and whoever comes while they cannot be gets a 503. Default:
    /// an hour.
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.refreshing.stale_for = time;
        self
    }

    /// How long the issuer is left alone between two fetches, whatever tokens ask for. Default: ten seconds.
    pub fn refresh_interval(mut self, interval: Duration) -> Self {
        self.refreshing.at_most_every = interval;
        self
    }

    /// How many good tokens are remembered; 0 for none. Default: 10,000.
    pub fn remembered_tokens(mut self, tokens: usize) -> Self {
        self.remembered = tokens;
        self
    }

    /// The authenticator. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// When there is no issuer, no audience or no algorithm, when an algorithm is one of shared secrets, when a URL is
    /// none or one of plain http to another machine, when there is no usable key in a given set, or when the system's authorities cannot be read.
    pub fn build(self) -> Result<Jwt, InvalidJwtConfig> {
        let wrong = |text: &str| Err(InvalidJwtConfig(text.to_owned()));
        if self.issuers.is_empty() || self.issuers.iter().any(String::is_empty) {
            return wrong("say who may have made a token: `issuer`");
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return wrong("say for whom a token has to be made: `audience`");
        }
        if self.algorithms.is_empty() {
            return wrong("say by which algorithms tokens may be signed: `algorithms`");
        }
        if self.algorithms.iter().any(|algorithm| algorithm.family() == AlgorithmFamily::Hmac) {
            return wrong("an issuer's keys are public, so that HMAC proves nothing: leave HS256, HS384 and HS512 out");
        }
        if self.leeway > Duration::from_secs(3600) {
            return wrong("the leeway is more than an hour");
        }
        // It is the process's, and jsonwebtoken panics without one.
        if CryptoProvider::try_get_default().is_none() {
            return wrong(
                "jsonwebtoken has two providers of cryptography or none: install one with \
                 `jsonwebtoken::crypto::CryptoProvider::install_default`",
            );
        }
        let keys = self.keys()?;
        let rules = Rules {
            issuers: self.issuers,
            audiences: self.audiences,
            algorithms: self.algorithms,
            leeway: self.leeway.as_secs(),
            principal_claim: self.principal_claim,
            domain: self.domain,
        };
        Ok(Jwt::new(rules, keys, Verified::new(self.remembered)))
    }

    fn keys(&self) -> Result<Arc<Keys>, InvalidJwtConfig> {
        let (url, is_discovered) = match &self.keys {
            WhereKeysAre::Given(document) => {
                let keys = KeySet::parse(document).map_err(|error| InvalidJwtConfig(error.to_string()))?;
                return Ok(Keys::fixed(keys));
            }
            WhereKeysAre::At(url) => (url.clone(), false),
            WhereKeysAre::Discovered => {
                let issuer = self.issuers.first().map_or("", String::as_str).trim_end_matches('/');
                (format!("{issuer}/.well-known/openid-configuration"), true)
            }
        };
        let parsed = url.parse::<Uri>().ok().filter(|url| url.host().is_some());
        let Some(parsed) = parsed.filter(|url| matches!(url.scheme_str(), Some("http" | "https"))) else {
            return Err(InvalidJwtConfig(format!("{url:?} is no address of http or https; give one with `jwks_url`")));
        };
        if !self.allow_http && !is_private(&parsed) {
            return Err(InvalidJwtConfig(format!(
                "{url:?} is no address of https, so that anybody on the way could give keys of their own; if that is \
                 as it should be, say so with `allow_http`"
            )));
        }
        let fetch = match &self.fetch {
            Some(fetch) => fetch.clone(),
            None => {
                let client = HttpClient::new(self.tls.clone())
                    .map_err(|error| InvalidJwtConfig(format!("no keys can be fetched: {error}")))?;
                boxed(move |url| {
                    let client = client.clone();
                    async move { client.get(url).await }
                })
            }
        };
        let source = match is_discovered {
            true => Source::Discovery { url: parsed, issuers: self.issuers.clone(), allow_http: self.allow_http },
            false => Source::Url(parsed),
        };
        Ok(Keys::fetched(source, fetch, self.refreshing))
    }
}

impl fmt::Debug for JwtBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JwtBuilder")
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// Why tokens cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidJwtConfig(String);

impl fmt::Display for InvalidJwtConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for InvalidJwtConfig {}
