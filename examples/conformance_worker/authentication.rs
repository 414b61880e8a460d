//! How callers authenticate: the flags, and the layer that they ask for.

use std::future::{Ready, ready};
use std::time::Duration;

use clap::ValueEnum;
use http::HeaderValue;
use http::request::Parts;
use tower_vgi::{AuthContext, AuthReason, BoxError};
use tower_vgi_layers::auth::proof::{ProofSecrets, ProxyProof};
use tower_vgi_layers::auth::{AuthError, AuthLayer, Authenticate, BearerTokens, chain, require_all, require_gate};

use crate::identity::IdentityFlags;

/// What the command line says about callers.
#[derive(clap::Args, Debug)]
pub(crate) struct AuthenticationFlags {
    /// How callers authenticate
    #[arg(long, value_enum, default_value_t = Authentication::None)]
    auth: Authentication,
    /// Same as `--auth principal`, where nothing else is asked for
    #[arg(long)]
    sticky_auth: bool,
    /// A token that `--auth bearer` knows, and whose it is; may be given again
    #[arg(long = "auth-token", value_name = "TOKEN=PRINCIPAL", value_parser = token)]
    auth_tokens: Vec<(String, String)>,
    /// Whether requests have to come through a proxy that proves itself
    #[arg(long, value_enum, default_value_t = ProofMode::Off)]
    proof_mode: ProofMode,
    /// Name of this server in proofs
    #[arg(long, value_name = "NAME", default_value = "conformance-origin")]
    proof_origin_id: String,
    /// Secrets of the proxies
    #[arg(long, value_name = "ID:HEX,ID:HEX", default_value = "")]
    proof_secrets: ProofSecrets,
    /// How far the clocks of proxy and server may be apart
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    proof_skew: u64,
    /// Take a proof any number of times
    #[arg(long)]
    proof_no_replay_cache: bool,
}

/// How callers authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Authentication {
    None,
    Principal,
    Reject,
    Reason,
    Bearer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProofMode {
    Off,
    Allow,
    Require,
}

impl AuthenticationFlags {
    /// The layer, if there is to be one.
    pub(crate) fn layer(&self, identity: &IdentityFlags) -> Result<Option<AuthLayer>, BoxError> {
        let auth = match self.auth {
            Authentication::None if self.sticky_auth || identity.needs_principals() => Authentication::Principal,
            auth => auth,
        };
        let gate = self.gate()?;
        Ok(match auth {
            Authentication::None => gate.map(|gate| AuthLayer::new(require_gate(gate))),
            Authentication::Principal => Some(match identity.bearers()? {
                Some(bearers) => behind(gate, chain(named, bearers.grants).or(bearers.tokens)),
                None => behind(gate, named),
            }),
            Authentication::Reject => Some(behind(gate, |_: &Parts| ready(Err(rejected())))),
            Authentication::Reason => Some(behind(gate, as_requested)),
            Authentication::Bearer => {
                let tokens = self.auth_tokens.iter();
                let tokens = tokens.map(|(token, name)| (token, AuthContext::authenticated("bearer", name)));
                Some(behind(gate, BearerTokens::new(tokens)))
            }
        })
    }

    fn gate(&self) -> Result<Option<ProxyProof>, BoxError> {
        let (server, secrets) = (self.proof_origin_id.as_str(), self.proof_secrets.clone());
        let gate = match self.proof_mode {
            ProofMode::Off => return Ok(None),
            ProofMode::Allow => ProxyProof::allow(server, secrets)?,
            ProofMode::Require => ProxyProof::require(server, secrets)?,
        };
        let gate = gate.skew(Duration::from_secs(self.proof_skew));
        Ok(Some(if self.proof_no_replay_cache { gate.replay_capacity(0) } else { gate }))
    }
}

fn behind(gate: Option<ProxyProof>, authenticator: impl Authenticate) -> AuthLayer {
    match gate {
        Some(gate) => AuthLayer::new(require_all(gate, authenticator)),
        None => AuthLayer::new(authenticator),
    }
}

/// Callers are who they say. Those who say nothing stay unknown, unless they have sent something else that nobody knows.
fn named(request: &Parts) -> Ready<Result<AuthContext, AuthError>> {
    let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    ready(match text("x-conformance-principal").filter(|name| !name.is_empty()) {
        Some(name) => {
            let caller = AuthContext::authenticated("conformance", name);
            Ok(match text("x-conformance-auth-time") {
                Some(time) => caller.with_claim("auth_time", time),
                None => caller,
            })
        }
        None if request.headers.contains_key(http::header::AUTHORIZATION) => Err(rejected()),
        None => Ok(AuthContext::anonymous()),
    })
}

/// Nobody is known, for the reason that the request asks for.
fn as_requested(request: &Parts) -> Ready<Result<AuthContext, AuthError>> {
    let wanted = request.headers.get("x-conformance-auth-reason").map(HeaderValue::as_bytes);
    let reasons = [
        AuthReason::MissingCredential,
        AuthReason::InvalidCredential,
        AuthReason::ExpiredCredential,
        AuthReason::InsufficientScope,
    ];
    let reason = reasons.into_iter().find(|reason| wanted == Some(reason.as_str().as_bytes()));
    ready(Err(reason.map_or_else(rejected, |reason| AuthError::refused(reason, reason.as_str()))))
}

fn rejected() -> AuthError {
    AuthError::refused(AuthReason::Unauthorized, "authentication rejected")
}

fn token(text: &str) -> Result<(String, String), String> {
    let parts = text.rsplit_once('=').filter(|(token, name)| !token.is_empty() && !name.is_empty());
    parts.map(|(token, name)| (token.to_owned(), name.to_owned())).ok_or("expected TOKEN=PRINCIPAL".to_owned())
}
