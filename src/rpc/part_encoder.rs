//! [`PartEncoder`]: parts of an answer as Arrow.

use arrow_array::RecordBatch;

use super::call::Operation;
use super::identity::Identity;
use super::log::LogMessage;
use super::reply::{Part, PartPlace};
use crate::wire::{Frames, Metadata, StreamEncoder, WireError};
use crate::{ErrorCode, RpcError};

/// Writes parts of an answer as the response of its call does: with the ids of server and request on what was logged.
#[derive(Clone, Debug)]
pub struct PartEncoder {
    identity: Identity,
    operation: Operation,
}

impl PartEncoder {
    pub(crate) fn new(identity: Identity, operation: Operation) -> Self {
        Self { identity, operation }
    }

    /// A whole Arrow IPC stream with a part in it.
    ///
    /// # Errors
    ///
    /// When the batch does not fit the schema.
    pub fn encode(&self, part: &Part, place: &PartPlace) -> Result<Frames, RpcError> {
        let mut frames = Frames::new();
        let mut encoder = StreamEncoder::new(place.schema.clone());
        encoder.write_schema(&mut frames);
        write_logs(&self.identity, self.operation, &mut encoder, &part.logs, &mut frames).map_err(encode_error)?;
        if let Some(data) = &part.data {
            encoder.write_batch(&data.batch, &data.metadata, &mut frames).map_err(encode_error)?;
        }
        encoder.write_end(&mut frames);
        Ok(frames)
    }
}

pub(crate) fn write_logs(
    identity: &Identity,
    operation: Operation,
    encoder: &mut StreamEncoder,
    logs: &[LogMessage],
    frames: &mut Frames,
) -> Result<(), WireError> {
    // What a stream's state says belongs to the stream, not to the request that happened to ask.
    let with_request_id = matches!(operation, Operation::Unary | Operation::Init);
    for log in logs {
        write_empty(encoder, &log.metadata(identity, with_request_id), frames)?;
    }
    Ok(())
}

/// A batch without rows: all that it says is in its metadata.
pub(crate) fn write_empty(
    encoder: &mut StreamEncoder,
    metadata: &Metadata,
    frames: &mut Frames,
) -> Result<(), WireError> {
    let empty = RecordBatch::new_empty(encoder.schema().schema().clone());
    encoder.write_batch(&empty, metadata, frames)
}

pub(crate) fn encode_error(error: WireError) -> RpcError {
    RpcError::runtime_error(format!("the answer cannot be encoded: {error}")).with_code(ErrorCode::Internal)
}
