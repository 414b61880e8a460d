//! The records of `vgi_rpc.Reflection.v1` (wire specification §10.2), as servers write and clients read them.

use tower_vgi_macros::VgiArrow;

/// The name of the protocol.
pub(crate) const REFLECTION: &str = "vgi_rpc.Reflection.v1";

#[derive(Clone, VgiArrow)]
pub(crate) struct ProtocolSummary {
    pub(crate) protocol: String,
    pub(crate) protocol_version: String,
    pub(crate) protocol_hash: String,
    pub(crate) deprecated: bool,
    pub(crate) deprecation_message: String,
    pub(crate) features: Vec<String>,
}

#[derive(Clone, VgiArrow)]
pub(crate) struct ProtocolList {
    pub(crate) server_id: String,
    pub(crate) server_version: String,
    pub(crate) request_version: String,
    pub(crate) protocols: Vec<ProtocolSummary>,
}

#[derive(Clone, VgiArrow)]
pub(crate) struct MethodInfo {
    pub(crate) name: String,
    pub(crate) method_type: String,
    pub(crate) has_return: bool,
    pub(crate) has_header: bool,
    pub(crate) stream_kind: String,
    pub(crate) params_schema_ipc: Vec<u8>,
    pub(crate) result_schema_ipc: Vec<u8>,
    pub(crate) header_schema_ipc: Vec<u8>,
    pub(crate) idempotency: String,
    pub(crate) deprecated: bool,
    pub(crate) deprecation_message: String,
}

#[derive(Clone, VgiArrow)]
pub(crate) struct ServiceDescription {
    pub(crate) protocol: String,
    pub(crate) protocol_version: String,
    pub(crate) protocol_hash: String,
    pub(crate) deprecated: bool,
    pub(crate) deprecation_message: String,
    pub(crate) features: Vec<String>,
    pub(crate) methods: Vec<MethodInfo>,
}
