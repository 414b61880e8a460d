//! The records of `vgi_rpc.Reflection.v1` (wire specification §10.2), as servers write and clients read them.

use arrow_array::RecordBatch;
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
    /// An extension of ours: readers ignore columns that they do not know, and other servers have none.
    #[vgi(binary, default)]
    pub(crate) tower_vgi_details: MethodDetails,
}

/// What callers by name and people like to know, and the reference does not tell.
#[derive(Clone, Default, VgiArrow)]
pub(crate) struct MethodDetails {
    #[vgi(default)]
    pub(crate) doc: String,
    /// Of each parameter, in their order.
    #[vgi(default)]
    pub(crate) parameter_docs: Vec<String>,
    /// One row, a column for each parameter that has a default.
    #[vgi(default)]
    pub(crate) defaults: Option<RecordBatch>,
    /// The schema of an exchange's input, where it is always the same.
    #[vgi(default)]
    pub(crate) input_schema_ipc: Option<Vec<u8>>,
    /// The schema of a stream's batches, where it is always the same.
    #[vgi(default)]
    pub(crate) output_schema_ipc: Option<Vec<u8>>,
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
    /// An extension of ours, as in [`MethodInfo`].
    #[vgi(default)]
    pub(crate) tower_vgi_doc: String,
}
