//! [`Jwt`]: from a token to a caller.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, get_current_timestamp};
use serde_json::{Map, Value};
use tower_vgi::{AuthContext, AuthReason};

use super::builder::JwtBuilder;
use super::key_set::KeySet;
use super::keys::Keys;
use super::verified::Verified;
use crate::auth::credential::bearer;
use crate::auth::{AuthError, Authenticate, BearerTaken};

/// Knows callers by `Authorization: Bearer …` with a JSON Web Token. See the [module](super).
#[derive(Clone)]
pub struct Jwt {
    shared: Arc<Shared>,
}

struct Shared {
    rules: Rules,
    keys: Arc<Keys>,
    verified: Verified,
}

/// What a token has to be like.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuers: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
    /// In seconds.
    pub(super) leeway: u64,
    pub(super) principal_claim: String,
    pub(super) domain: String,
}

impl Jwt {
    /// Describes which tokens are accepted.
    pub fn builder() -> JwtBuilder {
        JwtBuilder::new()
    }

    pub(super) fn new(rules: Rules, keys: Arc<Keys>, verified: Verified) -> Self {
        Self { shared: Arc::new(Shared { rules, keys, verified }) }
    }

    /// Who holds a token that was checked before.
    fn known(&self, token: &str) -> Option<AuthContext> {
        let Shared { keys, verified, .. } = &*self.shared;
        verified.caller(token, keys.current()?.number, get_current_timestamp())
    }

    async fn caller(&self, token: &str) -> Result<AuthContext, AuthError> {
        let Shared { rules, keys, verified } = &*self.shared;
        if let Some(caller) = self.known(token) {
            return Ok(caller);
        }
        let header = decode_header(token).map_err(|_| invalid("the bearer token is no JWT of a known algorithm"))?;
        if !rules.algorithms.contains(&header.alg) {
            return Err(invalid("the token's algorithm is not accepted"));
        }
        rules.check_issuer(token)?;
        let edition = keys.with(header.kid.as_deref()).await?;
        let claims = rules.check(token, &header, &edition.keys)?;
        let caller = rules.caller(claims)?;
        if let Some(term) = caller.claims.get("exp").and_then(seconds) {
            verified.remember(token, &caller, edition.number, term.saturating_add(rules.leeway));
        }
        Ok(caller)
    }
}

impl Rules {
    /// Before any key is looked for: a token of another issuer, who may be the next in a chain, names a key that this
    /// one does not have. Nothing is believed; whoever lies about it is found out by the signature.
    fn check_issuer(&self, token: &str) -> Result<(), AuthError> {
        let claims: Map<String, Value> =
            insecure_decode_claims(token).map_err(|_| invalid("the token cannot be read"))?;
        match claims.get("iss") {
            Some(Value::String(issuer)) if !self.issuers.contains(issuer) => Err(refused(&ErrorKind::InvalidIssuer)),
            _ => Ok(()),
        }
    }

    /// The claims of a token that is signed, in its term, and made by and for the right ones.
    fn check(&self, token: &str, header: &Header, keys: &KeySet) -> Result<Map<String, Value>, AuthError> {
        let mut validation = Validation::new(header.alg);
        validation.leeway = self.leeway;
        validation.validate_nbf = true;
        validation.aud = Some(HashSet::from_iter(self.audiences.iter().cloned()));
        validation.iss = Some(HashSet::from_iter(self.issuers.iter().cloned()));
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        let mut refusal = None;
        for key in keys.candidates(header.kid.as_deref(), header.alg) {
            match decode::<Map<String, Value>>(token, key, &validation) {
                Ok(decoded) => return Ok(decoded.claims),
                // Another key without a name may be the right one.
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {
                    refusal = Some(invalid("the token's signature is not valid"));
                }
                Err(error) => return Err(refused(error.kind())),
            }
        }
        Err(refusal.unwrap_or_else(|| invalid("the token is signed by a key that is not the issuer's")))
    }

    fn caller(&self, claims: Map<String, Value>) -> Result<AuthContext, AuthError> {
        // A list of issuers would pass if one of them were right.
        if !claims.get("iss").is_some_and(Value::is_string) {
            return Err(refused(&ErrorKind::InvalidIssuer));
        }
        let Some(principal) = claims.get(&self.principal_claim).and_then(Value::as_str).filter(|name| !name.is_empty())
        else {
            return Err(invalid(format!("the token's claim {} names nobody", self.principal_claim)));
        };
        let mut caller = AuthContext::authenticated(self.domain.clone(), principal);
        caller.claims = claims.into();
        Ok(caller)
    }
}

/// A time of JSON Web Tokens: seconds, perhaps with a fraction.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64))
}

fn refused(error: &ErrorKind) -> AuthError {
    match error {
        ErrorKind::ExpiredSignature => AuthError::refused(AuthReason::ExpiredCredential, "the token has expired"),
        ErrorKind::ImmatureSignature => invalid("the token is not valid yet"),
        ErrorKind::InvalidIssuer => invalid("the token is of an issuer that is not accepted"),
        ErrorKind::InvalidAudience => invalid("the token was made for another audience"),
        ErrorKind::MissingRequiredClaim(claim) => invalid(format!("the token has no claim {claim}")),
        ErrorKind::InvalidClaimFormat(claim) => {
            invalid(format!("the token's claim {claim} has not the form it should"))
        }
        _ => invalid("the token cannot be read"),
    }
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> AuthError {
    AuthError::refused(AuthReason::InvalidCredential, detail)
}

impl Authenticate for Jwt {
    async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let caller = self.caller(bearer(&request.headers)?).await?;
        BearerTaken::mark(&request.extensions);
        Ok(caller)
    }

    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        match bearer(&request.headers) {
            Ok(token) => {
                let caller = self.known(token)?;
                BearerTaken::mark(&request.extensions);
                Some(Ok(caller))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Jwt").field("rules", &self.shared.rules).finish_non_exhaustive()
    }
}
