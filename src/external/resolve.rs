//! [`Fetcher::resolve`]: from a pointer to the batch that it stands for.

use std::fmt;
use std::time::Instant;

use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;

use super::fetch::{DONE_HERE, Failure, Fetcher};
use crate::log::LogMessage;
use crate::received;
use crate::reference::{Reference, redacted};
use crate::wire::{AnnotatedBatch, BatchKind, Decoder, Limits, keys};
use crate::{ErrorCode, RequestMemory, RpcError};

/// What a pointer stands for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Resolved {
    /// The batch. Its metadata says where it comes from and how long that took
    /// ([`LOCATION_SOURCE`](keys::LOCATION_SOURCE), [`LOCATION_FETCH_MS`](keys::LOCATION_FETCH_MS)).
    pub batch: AnnotatedBatch,
    /// What was logged before it, in order.
    pub logs: Vec<LogMessage>,
    /// How many bytes of Arrow there were.
    pub bytes: u64,
}

/// What is at the end of a pointer: a batch, or the error in its place. Logs come with either.
pub(crate) struct Found {
    pub(crate) batch: Result<AnnotatedBatch, RpcError>,
    pub(crate) logs: Vec<LogMessage>,
    bytes: u64,
}

/// How what was fetched is decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Nulls are taken where the schema has none.
    pub(crate) allow_nulls: bool,
    /// Whose memory it is.
    pub(crate) memory: Option<RequestMemory>,
}

impl Fetcher {
    /// Fetches what a reference refers to, which has to hold exactly one batch on `schema`.
    ///
    /// Memory is taken from `memory`, where there is some, before it is allocated.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch); when the object does not hold what it should, or holds another pointer; the error that
    /// it holds.
    pub async fn resolve(
        &self,
        reference: &Reference,
        schema: &SchemaRef,
        memory: Option<RequestMemory>,
    ) -> Result<Resolved, RpcError> {
        let found = self.find(reference, schema, Reading { allow_nulls: false, memory }).await?;
        Ok(Resolved { batch: found.batch?, logs: found.logs, bytes: found.bytes })
    }

    pub(crate) async fn find(
        &self,
        reference: &Reference,
        schema: &SchemaRef,
        reading: Reading,
    ) -> Result<Found, RpcError> {
        let begun = Instant::now();
        let mut found = self
            .attempts(reference, || async {
                let bytes = self.attempt(reference, reading.memory.as_ref()).await?;
                let limit = usize::try_from(self.inner.settings.max_decoded()).unwrap_or(usize::MAX / 2);
                self.read(bytes, reference, schema, reading.allow_nulls, limit).await
            })
            .await?;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        if let Ok(batch) = &mut found.batch {
            batch.metadata.insert(keys::LOCATION_FETCH_MS, format!("{took:.1}"));
            batch.metadata.insert(keys::LOCATION_SOURCE, reference.url());
        }
        Ok(found)
    }

    async fn read(
        &self,
        bytes: Bytes,
        reference: &Reference,
        schema: &SchemaRef,
        allow_nulls: bool,
        limit: usize,
    ) -> Result<Found, Failure> {
        if bytes.len() <= DONE_HERE {
            return read(bytes, reference, schema, allow_nulls, limit);
        }
        let (reference, schema) = (reference.clone(), schema.clone());
        let reading = tokio::task::spawn_blocking(move || read(bytes, &reference, &schema, allow_nulls, limit));
        reading.await.map_err(|_| Failure::Transient("the decoder was given up by the runtime".to_owned()))?
    }
}

/// The only batch of an Arrow IPC stream, with what was logged before.
fn read(
    bytes: Bytes,
    reference: &Reference,
    expected: &SchemaRef,
    allow_nulls: bool,
    limit: usize,
) -> Result<Found, Failure> {
    let place = || redacted(reference.url());
    // With a digest the bytes are those that were put, and reading them again gives the same.
    let invalid = |error: crate::wire::WireError| {
        let text = format!("what is at {} is not a valid Arrow IPC stream: {error}", place());
        match reference.sha256() {
            Some(_) => Failure::Final(RpcError::runtime_error(text).with_code(ErrorCode::DataLoss)),
            None => Failure::Transient(text),
        }
    };
    let size = bytes.len() as u64;
    let mut decoder = Decoder::new(bytes.into(), Limits::default().with_max_decoded_bytes(limit));
    if allow_nulls {
        decoder = decoder.allow_nulls();
    }
    let wrong = |text: String| Failure::Final(RpcError::runtime_error(text).with_code(ErrorCode::DataLoss));
    let Some(schema) = decoder.next_stream().map_err(invalid)? else {
        return Err(wrong(format!("ExternalLocation object is empty at {}", place())));
    };
    if !same_schema(schema.schema(), expected) {
        return Err(Failure::Final(RpcError::value_error(format!(
            "Schema mismatch in ExternalLocation: expected {}, got {} from {}",
            described(expected),
            described(schema.schema()),
            place()
        ))));
    }
    let mut logs = Vec::new();
    let mut only: Option<AnnotatedBatch> = None;
    while let Some(batch) = decoder.next_batch().map_err(invalid)? {
        match batch.kind() {
            BatchKind::Log { level, message } => {
                logs.push(received::log_message(&batch.metadata, &level, &message));
                continue;
            }
            BatchKind::Error { message } => {
                let error = received::rpc_error(&batch.metadata, &message, http::StatusCode::OK);
                return Ok(Found { batch: Err(error), logs, bytes: size });
            }
            _ => {}
        }
        if batch.metadata.contains(keys::LOCATION) {
            return Err(wrong(format!("Redirect loop detected: what is at {} is a pointer itself", place())));
        }
        if only.replace(batch).is_some() {
            return Err(wrong(format!("Multiple data batches found in ExternalLocation stream from {}", place())));
        }
    }
    match only {
        Some(batch) => Ok(Found { batch: Ok(batch), logs, bytes: size }),
        None => Err(wrong(format!("No data batch found in ExternalLocation stream from {}", place()))),
    }
}

/// Whether columns have the same names and types. What fields say besides does not count.
fn same_schema(left: &Schema, right: &Schema) -> bool {
    left.fields().len() == right.fields().len()
        && left.fields().iter().zip(right.fields()).all(|(left, right)| {
            left.name() == right.name()
                && left.is_nullable() == right.is_nullable()
                && left.data_type().equals_datatype(right.data_type())
        })
}

fn described(schema: &Schema) -> String {
    let fields = schema.fields().iter().map(|field| {
        let null = if field.is_nullable() { "" } else { " not null" };
        format!("{}: {}{null}", field.name(), field.data_type())
    });
    format!("[{}]", fields.collect::<Vec<_>>().join(", "))
}

impl fmt::Debug for Resolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The metadata names the source with all that gives access to it.
        formatter
            .debug_struct("Resolved")
            .field("rows", &self.batch.batch.num_rows())
            .field("logs", &self.logs.len())
            .finish_non_exhaustive()
    }
}
