//! [`IdentityProtocol`]: the protocol with what a server has of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::mint::ErasedMinter;
use super::{
    GrantRequest, IDENTITY, IdentityError, IdentityErrorKind, Introspection, IssuedGrant, MintGrant, freshness,
};
use crate::rpc::{CallContext, Method, Params, Protocol};
use crate::{AuthContext, Result, RpcError};

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
    max_auth_age: Duration,
}

impl IdentityProtocol {
    /// Nothing set up yet; that is a mistake when the server is built.
    pub fn new() -> Self {
        Self { introspection: None, minter: None, max_auth_age: DEFAULT_MAX_AUTH_AGE }
    }

    /// Answers whose credentials are (`introspect_token`). Default: not.
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(introspection);
        self
    }

    /// Gives grants (`issue_grant`): sealed ones, with [`GrantKeys`](super::GrantKeys), or those of your own. Default:
    /// none.
    pub fn grants(mut self, minter: impl MintGrant) -> Self {
        self.minter = Some(Arc::new(minter));
        self
    }

    /// How long ago a caller may have logged in who wants a grant. Default: [`DEFAULT_MAX_AUTH_AGE`].
    pub fn max_auth_age(mut self, age: Duration) -> Self {
        self.max_auth_age = age;
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
            protocol = protocol.method(issue_grant(minter, identity.max_auth_age));
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

fn issue_grant(minter: Arc<dyn ErasedMinter>, max_auth_age: Duration) -> Method {
    let answer = move |context: CallContext, params: Params| {
        let minter = minter.clone();
        async move {
            let request = GrantRequest {
                principal: context.auth().principal.clone(),
                purpose: params.get(0)?,
                scopes: params.get(1)?,
                ttl_seconds: params.get(2)?,
            };
            let issued: Result<_> = mint(&*minter, context.auth(), max_auth_age, &request).await.map_err(Into::into);
            issued
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

async fn mint(
    minter: &dyn ErasedMinter,
    caller: &AuthContext,
    max_auth_age: Duration,
    request: &GrantRequest,
) -> Result<IssuedGrant, RpcError> {
    freshness::check(caller, max_auth_age, SystemTime::now())?;
    let issued = minter.mint(request).await.map_err(|error| match error.kind() {
        IdentityErrorKind::Unavailable | IdentityErrorKind::GrantRefused => error,
        // A minter knows no other reasons.
        _ => IdentityError::refused(error.detail().to_owned()),
    });
    Ok(issued?)
}

impl fmt::Debug for IdentityProtocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IdentityProtocol")
            .field("introspection", &self.introspection)
            .field("grants", &self.minter.is_some())
            .field("max_auth_age", &self.max_auth_age)
            .finish()
    }
}
