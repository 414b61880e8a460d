//! Names of the semantic conventions. Those of RPC are still in development, so that they are written down here.

use std::sync::Arc;

use tower_vgi::call_record::CalledMethod;

pub(super) const RPC_SYSTEM_NAME: &str = "rpc.system.name";
pub(super) const VGI_RPC: &str = "vgi_rpc";
pub(super) const RPC_METHOD: &str = "rpc.method";
pub(super) const RPC_STATUS_CODE: &str = "rpc.response.status_code";
pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(super) const HTTP_STATUS_CODE: &str = "http.response.status_code";
pub(super) const HTTP_REQUEST_BODY_SIZE: &str = "http.request.body.size";
pub(super) const HTTP_RESPONSE_BODY_SIZE: &str = "http.response.body.size";
pub(super) const URL_PATH: &str = "url.path";
pub(super) const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
pub(super) const NETWORK_IO_DIRECTION: &str = "network.io.direction";
pub(super) const CLIENT_ADDRESS: &str = "client.address";
pub(super) const CLIENT_PORT: &str = "client.port";
pub(super) const USER_AGENT: &str = "user_agent.original";
pub(super) const EXCEPTION: &str = "exception";
pub(super) const EXCEPTION_TYPE: &str = "exception.type";
pub(super) const EXCEPTION_MESSAGE: &str = "exception.message";

/// A request that leads to no method.
pub(super) const OTHER: &str = "_OTHER";

/// The value of `rpc.method`, and the name of spans.
pub(super) fn full_name(method: &CalledMethod) -> Arc<str> {
    format!("{}/{}", method.protocol, method.description.name).into()
}

pub(super) const METHOD_TYPE: &str = "rpc.vgi_rpc.method_type";
pub(super) const REQUEST_ID: &str = "rpc.vgi_rpc.request_id";
pub(super) const STREAM_ID: &str = "rpc.vgi_rpc.stream_id";
pub(super) const CANCELLED: &str = "rpc.vgi_rpc.cancelled";
pub(super) const SESSION_ID: &str = "rpc.vgi_rpc.session_id";
pub(super) const PRINCIPAL: &str = "rpc.vgi_rpc.auth.principal";
pub(super) const DOMAIN: &str = "rpc.vgi_rpc.auth.domain";
pub(super) const AUTHENTICATED: &str = "rpc.vgi_rpc.auth.authenticated";
pub(super) const ERROR_NAME: &str = "rpc.vgi_rpc.error_type";
pub(super) const TOKEN: &str = "rpc.vgi_rpc.token";

/// What earlier conventions had.
pub(super) mod legacy {
    pub(crate) const RPC_SYSTEM: &str = "rpc.system";
    pub(crate) const RPC_SERVICE: &str = "rpc.service";
    pub(crate) const HTTP_METHOD: &str = "http.method";
    pub(crate) const HTTP_STATUS_CODE: &str = "http.status_code";
    pub(crate) const STATUS: &str = "status";
}
