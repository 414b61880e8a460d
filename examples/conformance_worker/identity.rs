//! Whose credentials are, and who gets grants, as the suites expect it of every implementation.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use tower_vgi::identity::{
    GrantKeyError, GrantKeys, GrantRequest, IdentityError, IdentityProtocol, Introspection, IssuedGrant, MintGrant,
    NoIntrospectors, ResolveToken, SealedGrants, TokenIdentity,
};
use tower_vgi::rpc::RpcServiceBuilder;
use tower_vgi::{BoxError, Result};
use tower_vgi_layers::auth::AuthError;
use tower_vgi_layers::auth::identity::{Grants, ResolvedTokens};
use tower_vgi_layers::stack::StackBuilder;
use tower_vgi_layers::token_introspection::TokenIntrospectionLayer;

use crate::whoami::{WhoamiServer, WhoamiService};

const INTROSPECTOR: &str = "conformance-introspector";
const SUBJECT: &str = "subject@conformance.example";

/// What the command line says about the identity protocol.
#[derive(clap::Args, Debug)]
pub(crate) struct IdentityFlags {
    /// Which methods of the identity protocol are hosted, with the policy of the suites
    #[arg(long, value_enum, default_value_t = Identity::Off)]
    identity: Identity,
    /// Tell gateways of earlier releases whose credentials are, at a route of its own
    #[arg(long)]
    introspect: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Identity {
    Off,
    Both,
    IntrospectOnly,
    Grants,
}

/// What callers of a worker with sealed grants may send.
pub(crate) struct Bearers {
    pub(crate) grants: Grants,
    pub(crate) tokens: ResolvedTokens<Resolver>,
}

impl IdentityFlags {
    /// Whether callers have to say who they are.
    pub(crate) fn needs_principals(&self) -> bool {
        self.introspect || self.identity != Identity::Off
    }

    /// Grants and tokens as credentials, where there are any.
    pub(crate) fn bearers(&self) -> Result<Option<Bearers>, GrantKeyError> {
        if self.identity != Identity::Grants {
            return Ok(None);
        }
        Ok(Some(Bearers { grants: Grants::new(grant_keys()?), tokens: ResolvedTokens::new(Resolver) }))
    }

    pub(crate) fn host_on(&self, builder: RpcServiceBuilder) -> Result<RpcServiceBuilder, BoxError> {
        let protocol = || Ok::<_, NoIntrospectors>(IdentityProtocol::new().introspection(introspection()?));
        Ok(match self.identity {
            Identity::Off => builder,
            Identity::IntrospectOnly => builder.protocol(protocol()?),
            Identity::Both => builder.protocol(protocol()?.grants(Minter)),
            Identity::Grants => {
                builder.protocol(protocol()?.grants(sealed_grants()?)).protocol(WhoamiServer::new(WhoamiService))
            }
        })
    }

    pub(crate) fn add_to(&self, builder: StackBuilder) -> Result<StackBuilder, NoIntrospectors> {
        if !self.introspect {
            return Ok(builder);
        }
        let introspection = Introspection::new([INTROSPECTOR], FlatResolver)?;
        Ok(builder.token_introspection(TokenIntrospectionLayer::new(introspection)))
    }
}

fn introspection() -> Result<Introspection, NoIntrospectors> {
    Introspection::new([INTROSPECTOR], Resolver)
}

/// The suites' callers have no scopes of their own, and ask for some.
fn sealed_grants() -> Result<SealedGrants, GrantKeyError> {
    Ok(SealedGrants::new(grant_keys()?).allow_scopes(|_, _| true))
}

/// Published with the suites, so that they can make grants and read ours.
fn grant_keys() -> Result<GrantKeys, GrantKeyError> {
    let key = |first: u8| std::array::from_fn(|index| first + index as u8);
    GrantKeys::new([key(0x10), key(0x30)])?.audience("conformance").max_time_to_live(Duration::from_secs(3600))
}

/// Resolves nearly everything, so that what is refused was refused by a check.
pub(crate) struct Resolver;

impl ResolveToken for Resolver {
    async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        let subject = || TokenIdentity::new(SUBJECT).named("conformance-subject");
        Ok(match token {
            "conformance-unavailable-token" => {
                let error = IdentityError::unavailable("conformance: mapping store unreachable");
                return Err(error.retry_after(Duration::from_secs(5)));
            }
            "conformance-auth-unavailable-token" => return Err(not_reached("conformance: authority unreachable")),
            "conformance-unknown-token" => return Err(IdentityError::unresolved()),
            "conformance-zero-ttl-token" => subject().ttl_seconds(0),
            "conformance-minimal-token" => TokenIdentity::new(SUBJECT),
            "  conformance-padded-probe  " => TokenIdentity::new(SUBJECT).named("conformance-padded"),
            _ => subject(),
        })
    }
}

/// What one that asks an authenticator gets from it.
fn not_reached(detail: &'static str) -> IdentityError {
    AuthError::unavailable(detail).retry_after(Duration::from_secs(7)).into()
}

/// That of the flat releases knows less.
struct FlatResolver;

impl ResolveToken for FlatResolver {
    async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        match token {
            // The second one is never asked for: it looks like a JSON Web Token.
            "conformance-opaque-subject-token" | "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl" => {
                Ok(TokenIdentity::new(SUBJECT).named("conformance-subject"))
            }
            "conformance-unavailable-token" => {
                Err(IdentityError::unavailable("conformance: mapping store unreachable"))
            }
            _ => Err(IdentityError::unresolved()),
        }
    }
}

/// Makes tokens in which the suites can see what was asked for.
struct Minter;

impl MintGrant for Minter {
    async fn mint_grant(&self, request: &GrantRequest) -> Result<IssuedGrant, IdentityError> {
        let token = format!("conformance-grant-for:{}|{}", request.principal, request.scopes.join(","));
        let issued = IssuedGrant::new(token, DateTime::<Utc>::from_timestamp_nanos(1_893_456_000_000_000_000));
        match request.purpose.as_str() {
            "conformance-auth-unavailable" => Err(not_reached("conformance: grant store unreachable")),
            "conformance-refused" => Err(IdentityError::refused("conformance: this purpose is refused")),
            "conformance-minimal" => Ok(issued),
            _ => Ok(issued.grant_id("conformance-grant-id")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tower_vgi::rpc::{Protocol, protocol_hash};

    use super::*;

    #[test]
    fn what_is_hosted_is_what_the_reference_hosts() {
        let introspecting = || IdentityProtocol::new().introspection(introspection().unwrap());
        for (protocol, expected) in [
            (introspecting().grants(Minter), "145267755ff90d5c3313d79c7ff771306f2530626380d01cb0e57a951d0f9ec3"),
            (introspecting(), "4039fbf6db3e64ae234e0be605b977477150ace892f10b6c691920eaf925e7ac"),
            (
                IdentityProtocol::new().grants(sealed_grants().unwrap()),
                "4199df7403c9ca1a02c4c524b405a999eb1489614a1480873ffc23a0e5b0d312",
            ),
        ] {
            assert_eq!(protocol_hash(&Protocol::from(protocol)), expected);
        }
        let whoami = Protocol::from(WhoamiServer::new(WhoamiService));
        assert_eq!(protocol_hash(&whoami), "a280333ba72432020e162cab388a78355969a30aa74f0665ad9d2932d7a10b8f");
    }
}
