//! `tower-vgi capabilities`.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tower_vgi::client::{Generation, ServerCapabilities};

use crate::connect;
use crate::failure::Failure;
use crate::options::{Capabilities, CapabilitiesFormat};
use crate::output::aligned;
use crate::status::Status;

pub(crate) async fn run(options: Capabilities) -> Result<(), Failure> {
    let channel = connect::channel(&options.server, &Status::default())?;
    let capabilities = channel.capabilities().await?;
    let members = members(&capabilities, channel.generation().await?);
    let text = match options.format {
        CapabilitiesFormat::Json => format!("{:#}\n", Value::Object(members)),
        CapabilitiesFormat::Table => table(&members),
    };
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| Failure::output(&error))
}

/// What the server says. What it says nothing about is null.
fn members(capabilities: &ServerCapabilities, generation: Generation) -> Map<String, Value> {
    let expires_in = capabilities.expires_at.map(|at| at.saturating_duration_since(Instant::now()));
    // Whole seconds: a part of one has passed since they were asked.
    let expires_in = expires_in.map(|left| (left + Duration::from_millis(999)).as_secs());
    let members = json!({
        "generation": crate::schema::generation(generation),
        "max_request_bytes": capabilities.max_request_bytes,
        "max_response_bytes": capabilities.max_response_bytes,
        "max_externalized_response_bytes": capabilities.max_externalized_response_bytes,
        "externalization_enabled": capabilities.externalization_enabled,
        "upload_url_support": capabilities.upload_url_support,
        "max_upload_bytes": capabilities.max_upload_bytes,
        "supported_encodings": capabilities.supported_encodings,
        "sticky_enabled": capabilities.sticky_enabled,
        "sticky_default_ttl_seconds": capabilities.sticky_default_ttl.map(|ttl| ttl.as_secs()),
        "sticky_echo_headers": capabilities.sticky_echo_headers,
        "proxy_proof_required": capabilities.proxy_proof_required,
        "response_budgets": capabilities.response_budgets,
        "producer_streams": capabilities.producer_streams,
        "expires_in_seconds": expires_in,
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn table(members: &Map<String, Value>) -> String {
    let rows = members.iter().map(|(name, value)| {
        let text = match value {
            Value::Null => "-".to_owned(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Array(items) if items.is_empty() => "-".to_owned(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        vec![name.replace('_', " "), crate::status::printable(&text)]
    });
    aligned(&rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn what_the_server_says_is_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("vgi-max-request-bytes", HeaderValue::from_static("1024"));
        headers.insert("vgi-supported-encodings", HeaderValue::from_static("zstd, gzip"));
        headers.insert("cache-control", HeaderValue::from_static("max-age=300"));
        let members = members(&ServerCapabilities::from_headers(&headers), Generation::Flat);
        assert_eq!((&members["max_request_bytes"], &members["expires_in_seconds"]), (&json!(1024), &json!(300)));
        let table = table(&members);
        assert!(table.contains("\nsupported encodings              zstd, gzip\n"), "{table}");
        assert!(table.contains("\nmax response bytes               -\n"), "{table}");
        assert!(table.starts_with("generation                       flat\n"), "{table}");
    }
}
