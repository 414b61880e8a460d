//! What was called.

use std::sync::Arc;

use http::HeaderValue;

use crate::rpc::{Generation, MethodDescription, Operation, Protocol, protocol_hash};

/// A call that was handed on to its method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DispatchedCall {
    /// What is called.
    pub method: Arc<CalledMethod>,
    /// What is asked of it.
    pub operation: Operation,
    /// Which form of the wire the caller speaks.
    pub generation: Generation,
    /// The id of the request.
    pub request_id: HeaderValue,
    /// How many rows the request has: its parameters are one; a call without parameters may have none.
    pub request_rows: u64,
}

impl DispatchedCall {
    /// A call, for testing a layer without a core.
    pub fn new(
        method: impl Into<Arc<CalledMethod>>,
        operation: Operation,
        generation: Generation,
        request_id: HeaderValue,
    ) -> Self {
        Self { method: method.into(), operation, generation, request_id, request_rows: 1 }
    }
}

/// A method with its protocol: what observers group by. Names of methods alone may collide.
#[derive(Debug)]
#[non_exhaustive]
pub struct CalledMethod {
    /// The wire name of the protocol.
    pub protocol: Arc<str>,
    /// What the protocol looks like, as 64 hexadecimal digits; see [`protocol_hash`].
    pub protocol_hash: Arc<str>,
    /// What the method looks like.
    pub description: Arc<MethodDescription>,
}

impl CalledMethod {
    /// A method of a protocol, if it has it.
    ///
    /// ```
    /// use tower_vgi::call_record::CalledMethod;
    /// use tower_vgi::rpc::{Method, Protocol};
    ///
    /// let ping = Method::unary("ping").handler(|_ctx, _params| async { Ok(()) });
    /// let protocol = Protocol::new("Greeter").method(ping);
    /// assert_eq!(&*CalledMethod::of(&protocol, "ping").unwrap().protocol, "Greeter");
    /// ```
    pub fn of(protocol: &Protocol, method: &str) -> Option<Self> {
        let description = protocol.methods.get(method)?.description.clone();
        Some(Self { protocol: protocol.name().into(), protocol_hash: protocol_hash(protocol).into(), description })
    }
}
