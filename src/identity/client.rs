//! [`IdentityClient`]: the protocol as a caller has it.

use std::fmt;

use tower_vgi_macros::VgiArrow;

use super::resolve::ResolveToken;
use super::{IDENTITY, IdentityError, IdentityErrorKind, IssuedGrant, TokenIdentity};
use crate::client::typed::{read, value_error};
use crate::client::{Channel, Connection, FromResult, HttpService};
use crate::value::Record;
use crate::{Result, RpcError};

/// Calls the identity protocol of a server.
///
/// ```
/// # #[cfg(feature = "server")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_vgi::client::Channel;
/// use tower_vgi::identity::{GrantKeys, IdentityClient, IdentityError, IdentityErrorKind, IdentityProtocol, SealedGrants};
/// use tower_vgi::rpc::{Protocol, RpcService};
///
/// let service = RpcService::builder()
///     .protocol(Protocol::new("Reports"))
///     .protocol(IdentityProtocol::new().grants(SealedGrants::new(GrantKeys::new([[7; 32]])?)))
///     .build()?;
/// let client = IdentityClient::new(Channel::in_process(service));
///
/// // Nobody says who calls here, and grants are for people who have just logged in.
/// let error = client.issue_grant("nightly report", ["read"], 3600).await.unwrap_err();
/// let kind = IdentityError::from_rpc_error(&error).map(|error| error.kind());
/// assert_eq!(kind, Some(IdentityErrorKind::StaleAuth));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "server"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct IdentityClient<S = Connection> {
    channel: Channel<S>,
}

#[derive(VgiArrow)]
struct IntrospectArguments {
    token: String,
}

#[derive(VgiArrow)]
struct GrantArguments {
    purpose: String,
    scopes: Vec<String>,
    ttl_seconds: i64,
}

impl<S: HttpService> IdentityClient<S> {
    /// Calls through this channel.
    pub fn new(channel: Channel<S>) -> Self {
        Self { channel }
    }

    /// The channel.
    pub fn channel(&self) -> &Channel<S> {
        &self.channel
    }

    /// Whose an opaque credential is. For callers who may ask, such as a gateway.
    ///
    /// The call may be repeated as the channel's retry policy says. The answer may be kept as long as it says, and that a
    /// credential is nobody's may be kept, too; that nobody can tell must not be ([`IdentityError::from_rpc_error`]).
    ///
    /// # Errors
    ///
    /// What the server answers, or why it could not be asked.
    pub async fn introspect_token(&self, token: impl Into<String>) -> Result<TokenIdentity, RpcError> {
        self.call("introspect_token", IntrospectArguments { token: token.into() }, true).await
    }

    /// A credential for the caller, for something that runs unattended: the server says how long it is good.
    ///
    /// # Errors
    ///
    /// What the server answers, or why it could not be asked. Where the kind is [`IdentityErrorKind::StaleAuth`], the user
    /// can log in again.
    pub async fn issue_grant<T: Into<String>>(
        &self,
        purpose: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
        ttl_seconds: i64,
    ) -> Result<IssuedGrant, RpcError> {
        let scopes = scopes.into_iter().map(Into::into).collect();
        self.call("issue_grant", GrantArguments { purpose: purpose.into(), scopes, ttl_seconds }, false).await
    }

    async fn call<A: Record, R: FromResult>(&self, method: &str, arguments: A, repeat: bool) -> Result<R, RpcError> {
        let arguments = A::to_batch([arguments].iter()).map_err(|error| value_error(&error))?;
        let call = self.channel.method(IDENTITY, method);
        let call = if repeat { call.idempotent() } else { call };
        read(&call.unary(arguments).await?)
    }
}

/// Asks the server whose a credential is.
///
/// Only a credential that the server does not know is nobody's. Whatever else goes wrong is unavailable: that this caller
/// may not ask, say, tells nothing of the credential.
impl<S: HttpService> ResolveToken for IdentityClient<S> {
    async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        self.introspect_token(token).await.map_err(|error| match IdentityError::from_rpc_error(&error) {
            Some(known) if known.kind() == IdentityErrorKind::TokenUnresolved => known,
            Some(known) if known.kind() == IdentityErrorKind::Unavailable => known,
            _ => IdentityError::unavailable("the server that knows the token could not be asked"),
        })
    }
}

impl<S> fmt::Debug for IdentityClient<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IdentityClient").finish_non_exhaustive()
    }
}
