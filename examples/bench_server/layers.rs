//! Which layers are around the service that is measured.

use std::future::{Ready, ready};
use std::str::FromStr;

use http::request::Parts;
use tower_vgi::rpc::{RpcService, TokenKeys};
use tower_vgi::{AuthContext, BoxError};
use tower_vgi_layers::Stack;
use tower_vgi_layers::access_log::AccessLogLayer;
use tower_vgi_layers::auth::{AuthError, AuthLayer, chain};
use tower_vgi_layers::cors::AllowOrigin;
use tower_vgi_layers::local_storage::LocalStorage;
use tower_vgi_layers::stack::{Place, StackBuilder};

use crate::additions::bearer;

/// A choice of layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layers {
    /// The core alone.
    None,
    /// Those of a default deployment.
    Default,
    /// Every layer, everything configured, below `/vgi`.
    All,
    /// These alone, configured likewise; where `mount` is among them, below `/vgi`.
    Only(Vec<Place>),
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "default" => Ok(Self::Default),
            "all" => Ok(Self::All),
            names => names.split(',').map(place).collect::<Result<_, _>>().map(Self::Only),
        }
    }
}

fn place(name: &str) -> Result<Place, String> {
    let named = |place: &Place| format!("{place:?}").eq_ignore_ascii_case(&name.replace('-', ""));
    Place::ALL.into_iter().find(named).ok_or_else(|| format!("there is no place {name:?}; there are {:?}", Place::ALL))
}

impl Layers {
    /// Whether paths begin with `/vgi`.
    #[allow(dead_code)]
    pub(crate) fn is_below_a_prefix(&self) -> bool {
        match self {
            Self::None | Self::Default => false,
            Self::All => true,
            Self::Only(places) => places.contains(&Place::Mount),
        }
    }

    /// Whether callers are asked who they are.
    #[allow(dead_code)]
    pub(crate) fn know_callers(&self) -> bool {
        match self {
            Self::None | Self::Default => false,
            Self::All => true,
            Self::Only(places) => places.contains(&Place::Auth),
        }
    }

    /// The stack; none for the core alone.
    pub(crate) fn around(&self, service: RpcService) -> Result<Option<Stack>, BoxError> {
        let builder = match self {
            Self::None => return Ok(None),
            Self::Default => Stack::builder(service),
            Self::All => everything(service),
            Self::Only(places) => {
                let others = Place::ALL.into_iter().filter(|place| !places.contains(place));
                others.fold(everything(service), StackBuilder::without)
            }
        };
        Ok(Some(builder.build()?))
    }
}

fn everything(service: RpcService) -> StackBuilder {
    let info = service.info();
    Stack::builder(service)
        .prefix("/vgi")
        .max_request_bytes(64 << 20)
        .max_response_bytes(1 << 30)
        .max_request_memory(1 << 30)
        .cors(AllowOrigin::any())
        .access_log(AccessLogLayer::to_writer(info, std::io::sink()))
        .sticky(true)
        .local_storage(LocalStorage::memory(&TokenKeys::random()))
        .on_serve_start(|| async { Ok::<_, std::convert::Infallible>(()) })
        .auth(AuthLayer::new(chain(bearer(), anybody)))
}

/// Callers without a token are measured, too.
fn anybody(_request: &Parts) -> Ready<Result<AuthContext, AuthError>> {
    ready(Ok(AuthContext::anonymous()))
}
