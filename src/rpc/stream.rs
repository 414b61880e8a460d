//! Streams as a method writes them: [`Producer`] and [`Exchange`] with their states, and [`Output`].

use std::future::Future;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::CallContext;
use super::erased_state::{ErasedExchange, ErasedProducer, ErasedState, OpenStream};
use super::live_stream::LiveStream;
use crate::value::Record;
use crate::wire::{AnnotatedBatch, Metadata, WireSchema};
use crate::{MethodError, Result, RpcError};

/// The state of a producer between its batches.
///
/// It travels sealed in the caller's token, so that any worker with the same key takes the next
/// step: keep it small, and keep what is large where every worker finds it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the state of a producer",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, and implement `ProducerState`"
)]
pub trait ProducerState: Serialize + DeserializeOwned + Send + 'static {
    /// Takes one step: at most one batch into `output`, or [`Output::finish`], or both.
    ///
    /// # Errors
    ///
    /// What is returned ends the stream; the caller gets it after the batches so far.
    fn produce(&mut self, context: &CallContext, output: &mut Output) -> impl Future<Output = Result<()>> + Send;

    /// Told when the caller gives up early and says so.
    fn cancel(&mut self, context: &CallContext) -> impl Future<Output = ()> + Send {
        let _ = context;
        async {}
    }

    /// Not for implementing: there is one state that is more than what is written down of it.
    #[doc(hidden)]
    fn as_live(&mut self) -> Option<&mut LiveStream> {
        None
    }
}

/// The state of an exchange between its turns; see [`ProducerState`] for where it lives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the state of an exchange",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, and implement `ExchangeState`"
)]
pub trait ExchangeState: Serialize + DeserializeOwned + Send + 'static {
    /// Answers one batch of the caller with exactly one batch into `output`.
    ///
    /// # Errors
    ///
    /// What is returned fails this turn; the caller may try again with the state before it.
    fn exchange(
        &mut self,
        context: &CallContext,
        input: AnnotatedBatch,
        output: &mut Output,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Told when the caller gives up early and says so.
    fn cancel(&mut self, context: &CallContext) -> impl Future<Output = ()> + Send {
        let _ = context;
        async {}
    }
}

/// What a step emits.
#[derive(Debug)]
pub struct Output {
    schema: SchemaRef,
    data: Option<AnnotatedBatch>,
    finished: bool,
    may_finish: bool,
}

impl Output {
    pub(crate) fn new(schema: SchemaRef, may_finish: bool) -> Self {
        Self { schema, data: None, finished: false, may_finish }
    }

    /// The schema that every batch of this stream has.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Emits a batch.
    ///
    /// # Errors
    ///
    /// When the step has emitted one already, or the batch does not have the stream's columns.
    pub fn emit(&mut self, batch: RecordBatch) -> Result<()> {
        self.emit_with_metadata(batch, Metadata::new())
    }

    /// Emits a batch with metadata of the application's own, which the caller receives with it.
    ///
    /// # Errors
    ///
    /// As [`Output::emit`]; and when a key begins with `vgi_rpc.`, which belongs to the protocol.
    pub fn emit_with_metadata(&mut self, batch: RecordBatch, metadata: Metadata) -> Result<()> {
        if self.data.is_some() {
            return Err(RpcError::runtime_error("a step may emit one batch only; this one emitted two").into());
        }
        if let Some((key, _)) = metadata.iter().find(|(key, _)| key.starts_with(b"vgi_rpc.")) {
            let key = String::from_utf8_lossy(key).into_owned();
            return Err(RpcError::value_error(format!(
                "the metadata key '{key}' is reserved; use a prefix of your own"
            ))
            .into());
        }
        self.data = Some(AnnotatedBatch { batch: conform(&self.schema, batch)?, metadata });
        Ok(())
    }

    /// Emits rows of a record.
    ///
    /// # Errors
    ///
    /// As [`Output::emit`]; and when a value does not fit its Arrow type.
    pub fn emit_rows<'a, R: Record>(&mut self, rows: impl IntoIterator<Item = &'a R, IntoIter: Clone>) -> Result<()> {
        let batch = R::to_batch(rows.into_iter())?;
        self.emit(batch)
    }

    /// Says that nothing follows.
    ///
    /// # Errors
    ///
    /// On an exchange, which only the caller ends.
    pub fn finish(&mut self) -> Result<()> {
        if !self.may_finish {
            return Err(RpcError::runtime_error("an exchange is ended by its caller; finish() is for producers").into());
        }
        self.finished = true;
        Ok(())
    }

    pub(crate) fn into_parts(self) -> (Option<AnnotatedBatch>, bool) {
        (self.data, self.finished)
    }
}

/// The batch on exactly the stream's schema; only names, order, types and nullability have to fit.
fn conform(schema: &SchemaRef, batch: RecordBatch) -> Result<RecordBatch> {
    if Arc::ptr_eq(schema, batch.schema_ref()) {
        return Ok(batch);
    }
    let sent = batch.schema();
    let same_names = schema.fields().len() == sent.fields().len()
        && schema.fields().iter().zip(sent.fields()).all(|(declared, sent)| declared.name() == sent.name());
    if !same_names {
        return Err(RpcError::type_error(format!(
            "the emitted batch has the columns [{}], the stream declares [{}]",
            column_names(&sent),
            column_names(schema)
        ))
        .into());
    }
    let rows = batch.num_rows();
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options).map_err(|error| {
        MethodError::from(RpcError::type_error(format!("the emitted batch does not fit the stream's schema: {error}")))
    })
}

fn column_names(schema: &SchemaRef) -> String {
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
}

/// The header of a stream: a record, or none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the header of a stream",
    label = "not a struct with named fields that derives `VgiArrow`",
    note = "add `#[derive(VgiArrow)]` to the struct, and give its fields names"
)]
pub trait StreamHeader: Send + 'static {
    /// Its schema; `None` when the stream has no header.
    fn schema() -> Option<SchemaRef>;

    /// The header as a batch of one row.
    ///
    /// # Errors
    ///
    /// When a value does not fit its Arrow type.
    fn into_batch(self) -> Result<Option<RecordBatch>>;
}

impl StreamHeader for () {
    fn schema() -> Option<SchemaRef> {
        None
    }

    fn into_batch(self) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}

impl<R: Record> StreamHeader for R {
    fn schema() -> Option<SchemaRef> {
        Some(R::schema())
    }

    fn into_batch(self) -> Result<Option<RecordBatch>> {
        Ok(Some(R::to_batch(std::iter::once(&self))?))
    }
}

/// What a producer method returns: the state that makes the batches, and perhaps a header.
#[derive(Debug)]
pub struct Producer<S, H = ()> {
    state: S,
    header: H,
    schema: Option<SchemaRef>,
}

impl<S: ProducerState> Producer<S> {
    /// A producer without a header.
    pub fn new(state: S) -> Self {
        Self { state, header: (), schema: None }
    }
}

impl<S: ProducerState, H: StreamHeader> Producer<S, H> {
    /// A producer with a header, which the caller gets before the first batch.
    pub fn with_header(state: S, header: H) -> Self {
        Self { state, header, schema: None }
    }

    /// Sets the schema of the batches, for methods whose schema depends on their parameters.
    #[must_use]
    pub fn with_schema(mut self, schema: SchemaRef) -> Self {
        self.schema = Some(schema);
        self
    }

    pub(crate) fn into_open(self) -> Result<OpenStream> {
        Ok(OpenStream {
            output: self.schema.map(WireSchema::new).transpose()?,
            input: None,
            header: self.header.into_batch()?,
            state: Box::new(ErasedProducer(self.state)),
        })
    }

    pub(crate) fn restore(bytes: &[u8]) -> Option<Box<dyn ErasedState>> {
        let state: S = postcard::from_bytes(bytes).ok()?;
        Some(Box::new(ErasedProducer(state)))
    }
}

/// What an exchange method returns: the state that answers, and perhaps a header.
#[derive(Debug)]
pub struct Exchange<S, H = ()> {
    state: S,
    header: H,
    input: Option<SchemaRef>,
    output: Option<SchemaRef>,
}

impl<S: ExchangeState> Exchange<S> {
    /// An exchange without a header.
    pub fn new(state: S) -> Self {
        Self::with_header(state, ())
    }
}

impl<S: ExchangeState, H: StreamHeader> Exchange<S, H> {
    /// An exchange with a header, which the caller gets first.
    pub fn with_header(state: S, header: H) -> Self {
        Self { state, header, input: None, output: None }
    }

    /// Sets the schemas of the caller's batches and of the answers, for methods whose schemas depend on
    /// their parameters.
    #[must_use]
    pub fn with_schemas(mut self, input: SchemaRef, output: SchemaRef) -> Self {
        self.input = Some(input);
        self.output = Some(output);
        self
    }

    pub(crate) fn into_open(self) -> Result<OpenStream> {
        Ok(OpenStream {
            output: self.output.map(WireSchema::new).transpose()?,
            input: self.input.map(WireSchema::new).transpose()?,
            header: self.header.into_batch()?,
            state: Box::new(ErasedExchange(self.state)),
        })
    }

    pub(crate) fn restore(bytes: &[u8]) -> Option<Box<dyn ErasedState>> {
        let state: S = postcard::from_bytes(bytes).ok()?;
        Some(Box::new(ErasedExchange(state)))
    }
}
