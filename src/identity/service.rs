//! [`IdentityProtocol`]: the protocol with what a server has of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::CACHE_CONTROL;

use super::mint::ErasedMinter;
use super::{
    GrantRequest, IDENTITY, IdentityError, IdentityErrorKind, Introspection, IssuedGrant, MintGrant, TARGET, freshness,
};
use crate::rpc::{CallContext, Method, Params, Protocol};
use crate::{AuthContext, RpcError};

/// How long ago the caller of `issue_grant` may have logged in unless the server says otherwise: 15 minutes.
pub const DEFAULT_MAX_AUTH_AGE: Duration = Duration::from_secs(900);

/// The identity protocol, to be hosted beside a server's own protocols. See the [module](super).
///
/// What is not set up is not there: a server that only introspects has no `issue_grant`, which callers see when they ask
/// what it hosts. The protocol is one of the namespaced generation, and cannot be the primary one, which flat routes
/// lead to.
#[derive(Clone)]
#[must_use = "a protocol does nothing until a server hosts it"]
pub struct IdentityProtocol {
    introspection: Option<Introspection>,
    minter: Option<Arc<dyn ErasedMinter>>,
    policy: GrantPolicy,
}

/// Who gets grants.
#[derive(Clone, Debug)]
struct GrantPolicy {
    max_auth_age: Duration,
    /// `None` is all.
    domains: Option<Vec<String>>,
}

impl IdentityProtocol {
    /// Nothing set up yet; that is a mistake when the server is built.
    pub fn new() -> Self {
        let policy = GrantPolicy { max_auth_age: DEFAULT_MAX_AUTH_AGE, domains: None };
        Self { introspection: None, minter: None, policy }
    }

    /// Answers whose credentials are (`introspect_token`). Default: not.
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(introspection);
        self
    }

    /// Gives grants (`issue_grant`): [sealed ones](super::SealedGrants), or those of your own. Default: none.
    pub fn grants(mut self, minter: impl MintGrant) -> Self {
        self.minter = Some(Arc::new(minter));
        self
    }

    /// How long ago a caller may have logged in who wants a grant. Default: [`DEFAULT_MAX_AUTH_AGE`].
    pub fn max_auth_age(mut self, age: Duration) -> Self {
        self.policy.max_auth_age = age;
        self
    }

    /// Of which domains callers get grants, as [`AuthContext::domain`] names them; others are refused. Default: of all.
    ///
    /// A grant is for a principal, and does not say of which domain: what one authenticator calls `alice` and what another
    /// one calls `alice` have the same grants. Where callers of several domains may have the same names, and are not the
    /// same people, let one domain have grants.
    pub fn grants_for_domains<D: Into<String>>(mut self, domains: impl IntoIterator<Item = D>) -> Self {
        self.policy.domains = Some(domains.into_iter().map(Into::into).collect());
        self
    }
}

impl Default for IdentityProtocol {
    fn default() -> Self {
        Self::new()
    }
}

impl From<IdentityProtocol> for Protocol {
    fn from(identity: IdentityProtocol) -> Self {
        let mut protocol =
            Protocol::new(IDENTITY).doc("Tells whose credentials are, and gives credentials for what runs unattended.");
        protocol.reserved = true;
        if let Some(introspection) = identity.introspection {
            protocol = protocol.method(introspect_token(introspection));
        }
        if let Some(minter) = identity.minter {
            protocol = protocol.method(issue_grant(minter, identity.policy));
        }
        if protocol.methods.is_empty() {
            protocol.mistakes.push(format!(
                "the protocol '{IDENTITY}' has nothing to answer: set up its introspection, its grants or both, or leave \
                 it out"
            ));
        }
        protocol
    }
}

fn introspect_token(introspection: Introspection) -> Method {
    let answer = move |context: CallContext, params: Params| {
        let introspection = introspection.clone();
        async move {
            // Before the credential is as much as read.
            introspection.check_caller(context.auth()).map_err(RpcError::from)?;
            let token: String = params.get(0)?;
            Ok(introspection.introspect(context.auth(), &token).await.map_err(RpcError::from)?)
        }
    };
    Method::unary("introspect_token")
        .doc("Tells which principal an opaque credential belongs to, to callers who may ask.")
        .parameter::<String>("token")
        .handler(answer)
}

fn issue_grant(minter: Arc<dyn ErasedMinter>, policy: GrantPolicy) -> Method {
    let policy = Arc::new(policy);
    let answer = move |context: CallContext, params: Params| {
        let (minter, policy) = (minter.clone(), policy.clone());
        async move {
            // Before what they ask for is as much as read.
            policy.check(context.auth()).map_err(|error| {
                let AuthContext { principal: caller, domain, .. } = context.auth();
                tracing::warn!(target: TARGET, caller, domain, why = error.detail(), "grant: refused by the policy");
                RpcError::from(error)
            })?;
            let request = GrantRequest {
                caller: context.auth().clone(),
                principal: context.auth().principal.clone(),
                purpose: params.get(0)?,
                scopes: params.get(1)?,
                ttl_seconds: params.get(2)?,
            };
            let issued = mint(&*minter, &request).await.map_err(RpcError::from)?;
            context.set_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))?;
            Ok(issued)
        }
    };
    Method::unary("issue_grant")
        .doc("Makes a credential for the caller, who has to have logged in a short while ago.")
        .parameter::<String>("purpose")
        .parameter_doc("Why it is wanted, for whoever looks into it later.")
        .parameter::<Vec<String>>("scopes")
        .parameter_doc("What it may do.")
        .parameter::<i64>("ttl_seconds")
        .parameter_doc("How long it is to be good; the answer says how long it is.")
        .handler(answer)
}

impl GrantPolicy {
    fn check(&self, caller: &AuthContext) -> Result<(), IdentityError> {
        freshness::check(caller, self.max_auth_age, SystemTime::now())?;
        match &self.domains {
            Some(domains) if !domains.contains(&caller.domain) => {
                Err(IdentityError::refused(format!("callers of the domain '{}' get no grants", caller.domain)))
            }
            _ => Ok(()),
        }
    }
}

/// Leaves a trace of each grant: later there is nothing but its id by which it can be known.
async fn mint(minter: &dyn ErasedMinter, request: &GrantRequest) -> Result<IssuedGrant, IdentityError> {
    let (caller, domain) = (&request.caller.principal, &request.caller.domain);
    // What the minter has put into the grant is its own affair.
    let (purpose, asked_scopes) = (&request.purpose, &request.scopes);
    match minter.mint(request).await {
        Ok(issued) => {
            let (grant_id, expires_at) = (&issued.grant_id, &issued.expires_at);
            tracing::info!(
                target: TARGET, caller, domain, grant_id, purpose, ?asked_scopes, %expires_at, "grant: issued"
            );
            Ok(issued)
        }
        Err(error) => {
            tracing::warn!(target: TARGET, caller, domain, why = error.detail(), "grant: not issued");
            Err(match error.kind() {
                IdentityErrorKind::Unavailable | IdentityErrorKind::GrantRefused => error,
                // A minter knows no other reasons.
                _ => IdentityError::refused(error.detail().to_owned()),
            })
        }
    }
}

impl fmt::Debug for IdentityProtocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IdentityProtocol")
            .field("introspection", &self.introspection)
            .field("grants", &self.minter.is_some())
            .field("policy", &self.policy)
            .finish()
    }
}
