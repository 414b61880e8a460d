//! What a server offers, decoded.

use serde_json::{Value, json};
use tower_vgi::RpcError;
use tower_vgi::client::{Channel, DescribedMethod, MethodKind, introspect};

use crate::{Object, Refusal, object, relay};

/// The framework's own protocols are not what a caller means.
const FRAMEWORK: &str = "vgi_rpc.";

pub(crate) async fn describe(channel: &Channel) -> Result<Object, Refusal> {
    let failed = |error: &RpcError| Ok(object(json!({"describe": null, "error": relay::failure(error)})));
    let description = match introspect(channel).await {
        Ok(description) => description,
        Err(error) => return failed(&error),
    };
    let Some(protocol) = description.protocols.iter().find(|protocol| !protocol.name.starts_with(FRAMEWORK)) else {
        return failed(&RpcError::new("ProtocolError", "the server hosts no protocol but the framework's own"));
    };
    let methods = protocol.methods.iter().map(method).collect::<Result<Vec<_>, _>>()?;
    Ok(object(json!({
        "error": null,
        "describe": {
            "protocol_name": protocol.name,
            // Both are fixed: an incompatible successor would be another protocol.
            "request_version": "1",
            "describe_version": "5",
            "protocol_hash": protocol.hash,
            "server_id": description.server_id,
            "protocol_version": protocol.version.as_deref().unwrap_or_default(),
            "methods": methods,
        },
    })))
}

fn method(method: &DescribedMethod) -> Result<Value, Refusal> {
    Ok(json!({
        "name": method.name,
        "method_type": if method.is_stream { "stream" } else { "unary" },
        "has_return": !method.is_stream && !method.result.fields().is_empty(),
        "has_header": method.header.is_some(),
        "is_exchange": match method.kind {
            Some(MethodKind::Exchange) => Some(true),
            Some(MethodKind::Producer) => Some(false),
            Some(MethodKind::Unary) | None => None,
        },
        "params_schema_b64": relay::schema(method.parameters.clone())?,
        "result_schema_b64": relay::schema(method.result.clone())?,
        "header_schema_b64": method.header.clone().map(relay::schema).transpose()?,
    }))
}
