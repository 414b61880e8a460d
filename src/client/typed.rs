//! [`TypedCall`]: what a generated proxy does for each of its methods.

use std::fmt;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};

use super::argument::Argument;
use super::call::MethodCall;
use super::channel::Channel;
use super::exchange::ExchangeStream;
use super::producer::ProducerStream;
use super::rows::{RowExchange, RowStream};
use super::service::HttpService;
use crate::method::MethodDescription;
use crate::reference::ByReference;
use crate::value::{Record, ValueError, VgiArrow, allowance};
use crate::wire::AnnotatedBatch;
use crate::{Result, RpcError};

/// A call of a method that is described: generated proxies are made of it.
///
/// Arguments are given in the order of the description; what is wrong with one is told when the call is made.
#[must_use = "a call is made by its last method"]
pub struct TypedCall<'a, S> {
    channel: &'a Channel<S>,
    protocol: &'static str,
    version: Option<&'static str>,
    description: &'static MethodDescription,
    columns: Result<Vec<ArrayRef>, RpcError>,
}

impl<'a, S: HttpService> TypedCall<'a, S> {
    /// Begins a call.
    #[doc(hidden)]
    pub fn new(
        channel: &'a Channel<S>,
        protocol: &'static str,
        version: Option<&'static str>,
        description: &'static MethodDescription,
    ) -> Self {
        let columns = Ok(Vec::with_capacity(description.parameters.len()));
        Self { channel, protocol, version, description, columns }
    }

    /// Gives the next argument.
    pub fn argument<T: VgiArrow>(self, value: &T) -> Self {
        self.column(|_, _| value.to_parameter())
    }

    /// Gives the next argument, or leaves it at its default.
    pub fn argument_or_default<T: VgiArrow>(self, value: &Argument<T>) -> Self {
        self.column(|description, index| match value {
            Argument::Value(value) => value.to_parameter(),
            Argument::Default => {
                let parameter = description.parameters.get(index);
                let default = parameter.and_then(|parameter| parameter.default.clone());
                default.ok_or_else(|| ValueError::payload("there is no default".to_owned()))
            }
        })
    }

    fn column(mut self, value: impl FnOnce(&MethodDescription, usize) -> Result<ArrayRef, ValueError>) -> Self {
        if let Ok(columns) = &mut self.columns {
            let index = columns.len();
            match value(self.description, index) {
                Ok(column) => columns.push(column),
                Err(error) => {
                    let name = self.description.parameters.get(index).map_or("", |parameter| parameter.field.name());
                    self.columns = Err(value_error(&error.at_field(name)));
                }
            }
        }
        self
    }

    /// Calls a unary method.
    ///
    /// # Errors
    ///
    /// What the server answers, why it could not be asked, or that the answer is no `R`.
    pub async fn unary<R: FromResult>(self) -> Result<R, RpcError> {
        let (call, parameters) = self.begin(false)?;
        let answer = call.unary_with(parameters.0, &parameters.1).await?;
        read(&answer)
    }

    /// Opens a producer of batches.
    ///
    /// # Errors
    ///
    /// What the server answers, why it could not be asked, or that the header is no `H`.
    pub async fn producer<H: FromHeader>(self) -> Result<ProducerStream<S, H>, RpcError> {
        let (call, parameters) = self.begin(H::EXPECTED)?;
        call.producer_with(parameters.0, &parameters.1).await?.map_header(H::from_header)
    }

    /// Opens a producer of rows.
    ///
    /// # Errors
    ///
    /// As [`producer`](Self::producer).
    pub async fn rows<R: Record, H: FromHeader>(self) -> Result<RowStream<R, S, H>, RpcError> {
        Ok(RowStream::new(self.producer().await?))
    }

    /// Opens an exchange of batches.
    ///
    /// # Errors
    ///
    /// As [`producer`](Self::producer).
    pub async fn exchange<H: FromHeader>(self) -> Result<ExchangeStream<S, H>, RpcError> {
        let (call, parameters) = self.begin(H::EXPECTED)?;
        call.exchange_with(parameters.0, &parameters.1).await?.map_header(H::from_header)
    }

    /// Opens an exchange of rows.
    ///
    /// # Errors
    ///
    /// As [`producer`](Self::producer).
    pub async fn row_exchange<I: Record, O: Record, H: FromHeader>(self) -> Result<RowExchange<I, O, S, H>, RpcError> {
        Ok(RowExchange::new(self.exchange().await?))
    }

    #[allow(clippy::type_complexity)]
    fn begin(
        self,
        with_header: bool,
    ) -> Result<(MethodCall<'a, S>, (std::sync::Arc<crate::wire::WireSchema>, RecordBatch)), RpcError> {
        let description = self.description;
        let columns = self.columns?;
        // Without parameters there is no row, as published clients have it.
        let options = RecordBatchOptions::new().with_row_count(Some(usize::from(!columns.is_empty())));
        let batch = RecordBatch::try_new_with_options(description.parameter_schema().clone(), columns, &options)
            .map_err(|error| RpcError::type_error(format!("the arguments do not fit the method: {error}")))?;
        let call = MethodCall::of(
            self.channel,
            self.protocol.into(),
            std::borrow::Cow::Borrowed(description.name.as_str()),
            self.version,
        );
        let call = if with_header { call.with_header() } else { call };
        Ok((call, (description.wire.parameters.clone(), batch)))
    }
}

impl<S> fmt::Debug for TypedCall<'_, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TypedCall").field(&self.description.name).finish()
    }
}

/// The result of a unary method: a value with an Arrow type, or nothing.
#[diagnostic::on_unimplemented(
    message = "a method cannot return `{Self}`: it has no Arrow type",
    label = "no Arrow type is known for `{Self}`",
    note = "for a struct or an enum of your own, add `#[derive(VgiArrow)]`"
)]
pub trait FromResult: Sized {
    /// Reads the only row of the column `result`.
    ///
    /// # Errors
    ///
    /// When there is no such row, or it holds something else.
    fn from_result(batch: &RecordBatch) -> Result<Self, ValueError>;
}

impl<T: VgiArrow> FromResult for T {
    fn from_result(batch: &RecordBatch) -> Result<Self, ValueError> {
        let column = batch.column_by_name("result").or_else(|| batch.columns().first());
        let column = column.ok_or_else(|| ValueError::payload("the answer has no column 'result'".to_owned()))?;
        T::from_parameter(column, 0).map_err(|error| error.at_field("result"))
    }
}

impl<T: VgiArrow> FromResult for ByReference<T> {
    fn from_result(batch: &RecordBatch) -> Result<Self, ValueError> {
        T::from_result(batch).map(Self::Value)
    }
}

impl FromResult for () {
    fn from_result(_batch: &RecordBatch) -> Result<Self, ValueError> {
        Ok(())
    }
}

/// The header of a stream: a record, or none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the header of a stream",
    label = "not a struct with named fields that derives `VgiArrow`",
    note = "add `#[derive(VgiArrow)]` to the struct, and give its fields names"
)]
pub trait FromHeader: Sized {
    /// Whether there is to be one.
    const EXPECTED: bool;

    /// Reads what came.
    ///
    /// # Errors
    ///
    /// When nothing came, or something else.
    fn from_header(header: Option<AnnotatedBatch>) -> Result<Self, RpcError>;
}

impl FromHeader for () {
    const EXPECTED: bool = false;

    fn from_header(_header: Option<AnnotatedBatch>) -> Result<Self, RpcError> {
        Ok(())
    }
}

impl<R: Record> FromHeader for R {
    const EXPECTED: bool = true;

    fn from_header(header: Option<AnnotatedBatch>) -> Result<Self, RpcError> {
        let header = header.ok_or_else(|| RpcError::new("HttpError", "the stream has no header"))?;
        allowance::within(allowance::DEFAULT, || R::from_batch(&header.batch, 0)).map_err(|error| value_error(&error))
    }
}

/// Reads what a method answers.
pub(crate) fn read<R: FromResult>(answer: &AnnotatedBatch) -> Result<R, RpcError> {
    allowance::within(allowance::DEFAULT, || R::from_result(&answer.batch)).map_err(|error| value_error(&error))
}

/// A value that does not fit, either way.
pub(crate) fn value_error(error: &ValueError) -> RpcError {
    RpcError::type_error(error.to_string())
}
