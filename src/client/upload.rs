//! [`request_upload_urls`]: where large requests can be put beforehand.

use tower_vgi_macros::VgiArrow;

use super::channel::Channel;
use super::envelope::{Endpoint, Target};
use super::outgoing::{Outgoing, encode};
use super::service::HttpService;
use super::typed::value_error;
use crate::generation::Generation;
use crate::upload_url::UploadUrl;
use crate::value::Record;
use crate::wire::{BatchKind, Event};
use crate::{Result, RpcError};

#[derive(VgiArrow)]
struct Count {
    count: i64,
}

/// Asks for `count` (1 to 100) URLs for uploads.
///
/// # Errors
///
/// A `ValueError` for another count, a `NotSupported` where the server gives out none, and why it could not be asked.
pub async fn request_upload_urls<S: HttpService>(channel: &Channel<S>, count: u32) -> Result<Vec<UploadUrl>, RpcError> {
    if !(1..=100).contains(&count) {
        return Err(RpcError::value_error(format!("count is {count}; ask for 1 to 100 URLs")));
    }
    let target =
        Target { protocol: "".into(), method: "__upload_url__".into(), version: None, metadata: None, on_log: None };
    let parameters =
        Count::to_batch([Count { count: i64::from(count) }].iter()).map_err(|error| value_error(&error))?;
    let schema = Count::wire_schema().map_err(|error| value_error(&error))?;
    // The route and the metadata are the flat ones in every generation.
    let frames = encode(schema, &parameters, &target.metadata(Generation::Flat))?;
    let uri = channel.uri(&target.path(Generation::Flat, Endpoint::Init)?)?;
    let mut outgoing = Outgoing::rpc(uri, Generation::Flat, frames);
    outgoing.replayable = true;
    let mut reader = channel.ask(outgoing).await.map_err(unsupported)?;
    let mut urls = Vec::new();
    while let Some(event) = reader.event().await? {
        let Event::Batch(batch) = event else { continue };
        match batch.kind() {
            BatchKind::Log { .. } => {}
            BatchKind::Error { message } => {
                return Err(unsupported(super::response::error::rpc_error(&batch.metadata, &message, reader.status)));
            }
            _ => urls.extend(UploadUrl::rows(&batch.batch).map_err(|error| value_error(&error))?),
        }
    }
    Ok(urls)
}

/// A server without uploads has no such route.
fn unsupported(error: RpcError) -> RpcError {
    if error.http_status() != Some(http::StatusCode::NOT_FOUND) {
        return error;
    }
    let mut result =
        RpcError::new("NotSupported", "the server gives out no upload URLs").with_code(crate::ErrorCode::Unimplemented);
    result.received_mut().http_status = error.http_status();
    result
}
