//! What callers may do, by the scopes that their credentials name: a *call layer*, around all calls, one protocol or
//! some methods.
//!
//! ```
//! use tower_vgi::rpc::{Method, Protocol};
//! use tower_vgi_layers::scope::RequireScopeLayer;
//!
//! let reports = Protocol::new("Reports")
//!     .method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }))
//!     .method(Method::unary("delete").handler(|_, _| async { Ok(1_i64) }))
//!     .layer(RequireScopeLayer::new("reports:read"))
//!     .method_layer("delete", RequireScopeLayer::new("reports:write"));
//! # let _ = reports;
//! ```
//!
//! Scopes are those of the claim `scope` or `scp` of the caller's [`AuthContext`], a text with spaces between as in
//! OAuth, or a list of texts; another claim, such as `roles`, can be named. A caller who lacks one gets a
//! `PermissionError` with the code `PERMISSION_DENIED`, and an unknown caller one with `UNAUTHENTICATED`: unlike the
//! refusals of [`auth`](crate::auth), these are errors of the call and no 401, since by now it is known what is called.
//!
//! A cancel always passes: who may no longer call may still clean up.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::{Call, Operation, Reply};
use tower_vgi::{AuthContext, BoxError, ErrorCode, RpcError};

use crate::call_response::CallFuture;

/// Lets only callers pass who have a scope. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct RequireScopeLayer {
    rule: Arc<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// One of these is needed.
    scopes: Vec<String>,
    claims: Vec<Claim>,
}

/// Where scopes are.
#[derive(Clone, Debug)]
struct Claim {
    name: String,
    /// Whose claim counts; that of every caller where none is named.
    domain: Option<String>,
}

impl RequireScopeLayer {
    /// Callers need this scope. Two layers around each other are two scopes that are needed.
    pub fn new(scope: impl Into<String>) -> Self {
        Self::any_of([scope])
    }

    /// Callers need one of these scopes.
    pub fn any_of<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        let claims = ["scope", "scp"].map(Claim::of_all).into();
        Self { rule: Arc::new(Rule { scopes, claims }) }
    }

    /// The claim that has the scopes. Default: `scope` or `scp`.
    pub fn claim(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.rule).claims = vec![Claim::of_all(name)];
        self
    }

    /// One more claim that has scopes: a scope counts in whichever of the claims it is. It counts for every caller, so name
    /// none that an identity provider lets people fill in themselves; see [`or_claim_of`](Self::or_claim_of).
    pub fn or_claim(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.rule).claims.push(Claim::of_all(name));
        self
    }

    /// One more claim that has scopes, which counts for callers of one [domain](AuthContext::domain) only. Those of
    /// [grants](tower_vgi::identity::SealedGrants) are the claim `scopes` of the domain
    /// [`GRANT_DOMAIN`](tower_vgi::identity::GRANT_DOMAIN).
    pub fn or_claim_of(mut self, domain: impl Into<String>, name: impl Into<String>) -> Self {
        let claim = Claim { name: name.into(), domain: Some(domain.into()) };
        Arc::make_mut(&mut self.rule).claims.push(claim);
        self
    }
}

impl Claim {
    fn of_all(name: impl Into<String>) -> Self {
        Self { name: name.into(), domain: None }
    }

    fn is_of(&self, caller: &AuthContext) -> bool {
        self.domain.as_ref().is_none_or(|domain| *domain == caller.domain)
    }
}

impl<S> Layer<S> for RequireScopeLayer {
    type Service = RequireScope<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireScope { inner, rule: self.rule.clone() }
    }
}

impl Rule {
    fn refusal(&self, call: &Call) -> Option<RpcError> {
        if call.operation() == Operation::Cancel {
            return None;
        }
        let caller = call.auth().filter(|caller| caller.authenticated);
        if caller.is_some_and(|caller| self.admits(caller)) {
            return None;
        }
        let needed = match &*self.scopes {
            [scope] => format!("the scope '{scope}'"),
            scopes => format!("one of the scopes '{}'", scopes.join("', '")),
        };
        let method = &call.method().name;
        Some(match caller {
            Some(_) => RpcError::new("PermissionError", format!("{method} needs {needed}, which the caller has not"))
                .with_code(ErrorCode::PermissionDenied),
            None => RpcError::new("PermissionError", format!("{method} needs a caller who is known and has {needed}"))
                .with_code(ErrorCode::Unauthenticated),
        })
    }

    fn admits(&self, caller: &AuthContext) -> bool {
        let mut claims = self.claims.iter().filter(|claim| claim.is_of(caller));
        claims.any(|claim| self.scopes.iter().any(|scope| caller.claims.has_scope(&claim.name, scope)))
    }
}

/// The service that [`RequireScopeLayer`] makes.
#[derive(Clone, Debug)]
pub struct RequireScope<S> {
    inner: S,
    rule: Arc<Rule>,
}

impl<S> RequireScope<S> {
    inner_service_accessors!();
}

impl<S> Service<Call> for RequireScope<S>
where
    S: Service<Call, Response = Reply, Error: Into<BoxError>>,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = CallFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match self.rule.refusal(&call) {
            Some(error) => CallFuture::refused(error),
            None => CallFuture::inner(self.inner.call(call)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn admits(layer: &RequireScopeLayer, claim: &str, value: Value) -> bool {
        layer.rule.admits(&AuthContext::authenticated("jwt", "alice").with_claim(claim, value))
    }

    #[test]
    fn scopes_are_whole_words_of_the_claim() {
        let read = RequireScopeLayer::new("read");
        for value in [json!("read"), json!("write read"), json!(["read"]), json!(["a", "read"])] {
            assert!(admits(&read, "scope", value.clone()) && admits(&read, "scp", value.clone()), "{value}");
            assert!(!admits(&read, "roles", value));
        }
        for value in [json!(""), json!("reads"), json!("READ"), json!(["write read"]), json!(7), json!({"read": true})]
        {
            assert!(!admits(&read, "scope", value.clone()), "{value}");
        }
        let either = RequireScopeLayer::any_of(["a", "b"]).claim("roles");
        assert!(admits(&either, "roles", json!(["b"])) && !admits(&either, "scope", json!("a")));
        let one_more = RequireScopeLayer::new("read").or_claim("scopes");
        assert!(admits(&one_more, "scope", json!("read")) && admits(&one_more, "scopes", json!(["read"])));
        assert!(!admits(&one_more, "roles", json!("read")));
    }

    /// An identity provider may let people say what they like in a claim of the same name.
    #[test]
    fn a_claim_of_one_domain_says_nothing_of_callers_of_another() {
        let of = |domain: &str| AuthContext::authenticated(domain, "alice").with_claim("scopes", json!(["read"]));
        let layer = RequireScopeLayer::new("read").or_claim_of("grant", "scopes");
        assert!(layer.rule.admits(&of("grant")) && !layer.rule.admits(&of("jwt")));
        assert!(admits(&layer, "scope", json!("read")));
        assert!(!RequireScopeLayer::new("read").rule.admits(&of("grant")));
        assert!(!RequireScopeLayer::new("write").or_claim_of("grant", "scopes").rule.admits(&of("grant")));
    }
}
