//! What a server tells about itself: `__describe__` on the flat routes, `vgi_rpc.Reflection.v1` on the namespaced.

pub(crate) mod describe;
pub(crate) mod hash;
pub(crate) mod reflection;

pub use crate::type_name::type_name;
pub use hash::protocol_hash;
