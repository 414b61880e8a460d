//! What a stream's messages mean, however their bytes came in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_schema::{Fields, Schema, SchemaRef};

use super::body::{Body, Surroundings};
use super::compression::Decompression;
use super::dictionary::Dictionaries;
use super::message::{BatchHeader, Content, Message};
use super::{AnnotatedBatch, Limits, SchemaCache, WireError, WireSchema};

/// State of one stream: its schema and dictionaries.
pub(super) struct StreamState {
    pub(super) limits: Limits,
    cache: Option<Arc<SchemaCache>>,
    schema: Option<Arc<WireSchema>>,
    dictionaries: Dictionaries,
    decompression: Decompression,
    /// Bytes that decompression may still produce.
    budget: usize,
    allows_nulls: bool,
}

impl StreamState {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            budget: limits.max_decoded_bytes,
            limits,
            cache: None,
            schema: None,
            dictionaries: Dictionaries::default(),
            decompression: Decompression::default(),
            allows_nulls: false,
        }
    }

    pub(super) fn allow_nulls(&mut self) {
        self.allows_nulls = true;
    }

    pub(super) fn use_cache(&mut self, cache: Arc<SchemaCache>) {
        self.cache = Some(cache);
    }

    pub(super) fn is_open(&self) -> bool {
        self.schema.is_some()
    }

    /// Begins a stream with its framed schema message.
    pub(super) fn open(&mut self, message: &[u8]) -> Result<Arc<WireSchema>, WireError> {
        let schema = match &self.cache {
            Some(cache) => cache.get_or_parse(message, &self.limits)?,
            None => WireSchema::from_message_with_limits(message, &self.limits)?,
        };
        self.schema = Some(schema.clone());
        Ok(schema)
    }

    pub(super) fn close(&mut self) {
        self.schema = None;
        self.dictionaries = Dictionaries::default();
    }

    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// Starts counting decompressed bytes anew.
    pub(super) fn refill(&mut self) {
        self.budget = self.limits.max_decoded_bytes;
    }

    /// Decodes a message of the open stream: a batch, or nothing for a dictionary.
    pub(super) fn message(
        &mut self,
        message: &Message<'_>,
        body: &Buffer,
    ) -> Result<Option<AnnotatedBatch>, WireError> {
        let Some(schema) = self.schema.clone() else {
            return Err(WireError::malformed("expected a schema message first"));
        };
        self.dictionaries.received(body.len());
        // The checks leave nothing known to panic; the arrays' constructors are not ours, though.
        let decoded = catch_unwind(AssertUnwindSafe(|| match &message.content {
            Content::RecordBatch(header) => {
                let batch = self.batch(&schema, header, body, message.is_version_4)?;
                Ok(Some(AnnotatedBatch { batch, metadata: message.metadata()? }))
            }
            Content::DictionaryBatch { id, is_delta, values } => {
                self.dictionary(&schema, *id, *is_delta, values, body, message.is_version_4)?;
                Ok(None)
            }
            Content::Schema => Err(WireError::malformed("a second schema message before the end of its stream")),
        }));
        decoded.unwrap_or_else(|_| Err(WireError::malformed("the message is damaged")))
    }

    fn batch(
        &mut self,
        schema: &WireSchema,
        header: &BatchHeader<'_>,
        bytes: &Buffer,
        is_version_4: bool,
    ) -> Result<RecordBatch, WireError> {
        let fields = schema.schema().fields();
        let allows_nulls = self.allows_nulls;
        let mut body = self.body(header, bytes, is_version_4)?;
        let rows = rows(header, body.limits)?;
        if fields.is_empty() {
            body.check_unbacked(rows)?;
        }
        let mut columns = Vec::with_capacity(fields.len());
        let mut batch_schema = schema.schema().clone();
        for (index, field) in fields.iter().enumerate() {
            let column = body.array(field.data_type(), schema.plan(index))?;
            if column.len() != rows {
                return Err(WireError::malformed(format!(
                    "column {:?} has {} rows in a batch of {rows}",
                    field.name(),
                    column.len()
                )));
            }
            if column.null_count() > 0 && !field.is_nullable() && allows_nulls {
                batch_schema = with_nullable_column(&batch_schema, index);
            } else if column.null_count() > 0 && !field.is_nullable() {
                return Err(WireError::new(
                    super::WireErrorKind::UnexpectedNull,
                    format!("column {:?} must not be null", field.name()),
                ));
            }
            columns.push(column);
        }
        body.finish()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(batch_schema, columns, &options)
            .map_err(|error| WireError::arrow("the batch is not valid", error))
    }

    fn dictionary(
        &mut self,
        schema: &WireSchema,
        id: i64,
        is_delta: bool,
        header: &BatchHeader<'_>,
        bytes: &Buffer,
        is_version_4: bool,
    ) -> Result<(), WireError> {
        let spec = schema
            .dictionary(id)
            .ok_or_else(|| WireError::malformed(format!("dictionary {id} belongs to no field of the schema")))?;
        let budget = self.budget;
        let mut body = self.body(header, bytes, is_version_4)?;
        let rows = rows(header, body.limits)?;
        let values = body.array(&spec.value_type, &spec.plan)?;
        body.finish()?;
        if values.len() != rows {
            return Err(WireError::malformed(format!("a dictionary of {} values announces {rows}", values.len())));
        }
        if is_delta {
            self.dictionaries.extend(id, &values, &self.limits)
        } else {
            // Values that are not compressed keep the whole message.
            let held = bytes.len() + (budget - self.budget);
            self.dictionaries.replace(id, values, held, &self.limits)
        }
    }

    fn body<'a>(
        &'a mut self,
        header: &BatchHeader<'a>,
        bytes: &'a Buffer,
        is_version_4: bool,
    ) -> Result<Body<'a>, WireError> {
        let surroundings = Surroundings {
            limits: &self.limits,
            dictionaries: &self.dictionaries,
            decompression: &mut self.decompression,
            budget: &mut self.budget,
            is_version_4,
        };
        Body::new(header, bytes, surroundings)
    }
}

fn with_nullable_column(schema: &Schema, column: usize) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(index, field)| {
        if index == column { Arc::new(field.as_ref().clone().with_nullable(true)) } else { field.clone() }
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Fields>(), schema.metadata().clone()))
}

fn rows(header: &BatchHeader<'_>, limits: &Limits) -> Result<usize, WireError> {
    match usize::try_from(header.rows) {
        Ok(rows) if rows > limits.max_rows => Err(WireError::too_large("rows of a batch", rows, limits.max_rows)),
        Ok(rows) => Ok(rows),
        Err(_) => Err(WireError::malformed(format!("a batch of {} rows", header.rows))),
    }
}
