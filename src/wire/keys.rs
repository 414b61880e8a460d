//! Metadata keys of the protocol. All belong to record batches, none to schemas.

/// Method of a unary or init request.
pub const METHOD: &str = "vgi_rpc.method";
/// Version of the request format, on the same batch as the method.
pub const REQUEST_VERSION: &str = "vgi_rpc.request_version";
/// Wire name of the protocol called (namespaced generation).
pub const PROTOCOL: &str = "vgi_rpc.protocol";
/// Version of the protocol that the caller was written for.
pub const PROTOCOL_VERSION: &str = "vgi_rpc.protocol_version";
/// Cursor token of a stream, base64.
pub const STREAM_STATE: &str = "vgi_rpc.stream_state#b64";
/// Call token of a stream, base64.
pub const CALL_STATE: &str = "vgi_rpc.call_state#b64";
/// Its presence cancels a stream.
pub const CANCEL: &str = "vgi_rpc.cancel";
/// Level of a log batch; `EXCEPTION` makes it an error.
pub const LOG_LEVEL: &str = "vgi_rpc.log_level";
/// Text of a log or error.
pub const LOG_MESSAGE: &str = "vgi_rpc.log_message";
/// Further members of a log or error, a JSON object.
pub const LOG_EXTRA: &str = "vgi_rpc.log_extra";
/// Kind of an error, for programs.
pub const ERROR_KIND: &str = "vgi_rpc.error_kind";
/// Code of an error (namespaced generation).
pub const ERROR_CODE: &str = "vgi_rpc.error_code";
/// Details of an error, a JSON array (namespaced generation).
pub const ERROR_DETAILS: &str = "vgi_rpc.error_details";
/// Which server wrote a log or error.
pub const SERVER_ID: &str = "vgi_rpc.server_id";
/// Which request a log or error belongs to.
pub const REQUEST_ID: &str = "vgi_rpc.request_id";
/// URL of a batch that is stored elsewhere.
pub const LOCATION: &str = "vgi_rpc.location";
/// SHA-256 of what the location holds, uncompressed, in hexadecimal digits.
pub const LOCATION_SHA256: &str = "vgi_rpc.location.sha256";
/// How long fetching the location took, in milliseconds; added by the reader.
pub const LOCATION_FETCH_MS: &str = "vgi_rpc.location.fetch_ms";
/// Where a batch was fetched from; added by the reader.
pub const LOCATION_SOURCE: &str = "vgi_rpc.location.source";
/// Name of the protocol in an introspection answer (flat generation).
pub const PROTOCOL_NAME: &str = "vgi_rpc.protocol_name";
/// Format of an introspection answer (flat generation).
pub const DESCRIBE_VERSION: &str = "vgi_rpc.describe_version";
/// Hash of the protocol in an introspection answer (flat generation).
pub const PROTOCOL_HASH: &str = "vgi_rpc.protocol_hash";
