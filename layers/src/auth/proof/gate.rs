//! [`ProxyProof`]: the gate.

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use tower_vgi::{AuthReason, Capabilities};

use super::config::{InvalidProofConfig, ProofSecrets, check_name};
use super::nonces::{Nonces, Noted};
use super::token::{Flaw, Proof, verify};
use crate::auth::TARGET;
use crate::auth::{AuthError, Gate};

/// The header that carries the proof.
pub const PROXY_PROOF: HeaderName = HeaderName::from_static("vgi-proxy-proof");

const SKEW: Duration = Duration::from_secs(30);
const NONCES: usize = 100_000;

/// Looks at the proofs of proxies. See the [module](super).
///
/// Methods find what it has seen in the claim `vgi_proxy_proof`, an object of texts: `verified` (`true` or `false`),
/// `proxy`, `kid`, `origin_id`, and `reason`, which says what is wrong. Callers are told nothing of that.
#[derive(Clone)]
pub struct ProxyProof {
    is_required: bool,
    server: String,
    secrets: ProofSecrets,
    /// In seconds.
    skew: u64,
    capacity: usize,
    nonces: Option<Arc<Nonces>>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    verified: AtomicU64,
    unverified: AtomicU64,
    forgotten_nonces: AtomicU64,
}

/// How many requests had a proof that holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofCounts {
    /// Requests with a proof that holds.
    pub verified: u64,
    /// Requests without one.
    pub unverified: u64,
    /// Nonces that were forgotten before their time: the capacity is too small, or somebody floods the server.
    pub forgotten_nonces: u64,
}

impl ProxyProof {
    /// Lets nobody in without a proof for this server, whose name is `server`.
    ///
    /// # Errors
    ///
    /// When there are no secrets, or the name has other characters than letters, digits, `.`, `_`, `:`, `/` and `-`.
    pub fn require(server: impl Into<String>, secrets: ProofSecrets) -> Result<Self, InvalidProofConfig> {
        Self::new(true, server.into(), secrets)
    }

    /// Looks at proofs, and lets everybody in.
    ///
    /// # Errors
    ///
    /// Those of [`require`](Self::require).
    pub fn allow(server: impl Into<String>, secrets: ProofSecrets) -> Result<Self, InvalidProofConfig> {
        Self::new(false, server.into(), secrets)
    }

    fn new(is_required: bool, server: String, secrets: ProofSecrets) -> Result<Self, InvalidProofConfig> {
        check_name("server's name", &server)?;
        if secrets.is_empty() {
            return Err(InvalidProofConfig("there are no secrets of proxies: give at least one".to_owned()));
        }
        let (skew, capacity, counters) = (SKEW.as_secs(), NONCES, Arc::default());
        Ok(Self { is_required, server, secrets, skew, capacity, nonces: None, counters }.with_fresh_nonces())
    }

    /// How far the clocks of proxy and server may be apart, in whole seconds, at least one. Default: 30 seconds.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew.as_secs().max(1);
        self.with_fresh_nonces()
    }

    /// How many proofs are remembered, so that none is taken twice; 0 for none. Default: 100,000, which takes some 10 MB
    /// at most. It has to be more than come in twice the skew.
    #[must_use]
    pub fn replay_capacity(mut self, nonces: usize) -> Self {
        self.capacity = nonces;
        self.with_fresh_nonces()
    }

    fn with_fresh_nonces(mut self) -> Self {
        // A proof from the future holds until its time plus the skew, that is for twice the skew; and for a second more,
        // as times are compared in whole seconds.
        let keep = Duration::from_secs(self.skew.saturating_mul(2).saturating_add(1));
        self.nonces = (self.capacity > 0).then(|| Arc::new(Nonces::new(keep, self.capacity)));
        self
    }

    /// How many requests had a proof that holds, since the start.
    pub fn counts(&self) -> ProofCounts {
        let Counters { verified, unverified, forgotten_nonces } = &*self.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (verified, unverified) = (read(verified), read(unverified));
        ProofCounts { verified, unverified, forgotten_nonces: read(forgotten_nonces) }
    }

    fn verify<'a>(&'a self, headers: &'a HeaderMap, at: Moment) -> Result<Proof<'a>, Flaw> {
        let mut values = headers.get_all(PROXY_PROOF).iter();
        let token = values.next().ok_or(Flaw::NoProof)?;
        if values.next().is_some() {
            return Err(Flaw::Malformed);
        }
        let token = token.to_str().map_err(|_| Flaw::Malformed)?;
        let proof = verify(token, &self.secrets, &self.server, at.seconds, self.skew)?;
        match self.nonces.as_ref().map_or(Noted::New, |nonces| nonces.note(proof.nonce, at.instant)) {
            Noted::Seen => return Err(Flaw::Replayed),
            Noted::New => {}
            Noted::NewButForgotAnother => count(&self.counters.forgotten_nonces),
        }
        Ok(proof)
    }

    /// What the gate has seen, or that it does not open.
    pub(super) fn look(&self, headers: &HeaderMap, at: Moment) -> Result<Map<String, Value>, AuthError> {
        let (verified, proxy, key_id, reason) = match self.verify(headers, at) {
            Ok(proof) => {
                count(&self.counters.verified);
                ("true", proof.proxy, proof.key_id, "ok")
            }
            Err(flaw) => {
                count(&self.counters.unverified);
                tracing::debug!(target: TARGET, reason = flaw.as_str(), "a request without a proof of its proxy that holds");
                if self.is_required {
                    // The same whatever is wrong: whoever tries must not learn how far an attempt has come.
                    return Err(AuthError::refused(AuthReason::ProxyRequired, "proxy proof required"));
                }
                ("false", "", "", flaw.as_str())
            }
        };
        let members = [
            ("verified", verified),
            ("proxy", proxy),
            ("kid", key_id),
            ("origin_id", &self.server),
            ("reason", reason),
        ];
        Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

impl Gate for ProxyProof {
    fn name(&self) -> &str {
        "proxy_proof"
    }

    fn claim(&self) -> &str {
        "vgi_proxy_proof"
    }

    fn check(&self, request: &Parts) -> impl Future<Output = Result<Map<String, Value>, AuthError>> + Send {
        ready(self.look(&request.headers, Moment::now()))
    }

    fn principal(&self, seen: &Map<String, Value>) -> Option<String> {
        seen.get("proxy").and_then(Value::as_str).filter(|proxy| !proxy.is_empty()).map(str::to_owned)
    }

    /// None where proofs are not demanded: nobody is refused for want of one then.
    fn proxy_headers(&self) -> Vec<HeaderName> {
        if self.is_required { vec![PROXY_PROOF] } else { Vec::new() }
    }

    fn advertise(&self, capabilities: &mut Capabilities) {
        if self.is_required {
            let name = HeaderName::from_static("vgi-proxy-proof-required");
            capabilities.set(name, HeaderValue::from_static("true"));
        }
    }
}

impl fmt::Debug for ProxyProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProxyProof")
            .field("is_required", &self.is_required)
            .field("server", &self.server)
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}

/// Now, by the clock that proxy and server share and by one that nobody sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) seconds: u64,
    pub(super) instant: Instant,
}

impl Moment {
    fn now() -> Self {
        // Before 1970 nothing holds.
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { seconds, instant: Instant::now() }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
