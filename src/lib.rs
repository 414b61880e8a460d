//! Typed RPC whose payload is Apache Arrow, over plain HTTP, as tower services and layers.
#![deny(missing_docs)]

pub mod body;
pub mod error;
pub mod value;
pub mod vocabulary;
pub mod wire;

pub use body::Body;
pub use error::{ErrorCode, ErrorDetail, MethodError, Result, RpcError};
pub use value::{Record, VgiArrow};
pub use vocabulary::{Advertise, AuthContext, Capabilities, MountPrefix, PeerAddr, ResponseBudget, ServiceInfo};

#[cfg(feature = "macros")]
pub use tower_vgi_macros::VgiArrow;

/// Any error; what tower's own middleware uses.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

// Names that generated code needs; not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::value::derived;
    pub use {arrow_array, arrow_schema, serde};
}

extern crate self as tower_vgi;
