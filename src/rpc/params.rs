//! [`Params`]: the checked parameters of a call (wire specification §4.4, steps 6 and 7).

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use http::StatusCode;

use super::cast::cast_lossless;
use super::generation::ParameterCheck;
use super::method::{MethodDescription, Parameter};
use crate::RpcError;
use crate::value::{VgiArrow, allowance};

/// The parameters of a call: one row, the columns as declared and in their order.
#[derive(Clone, Debug)]
pub struct Params {
    columns: Vec<ArrayRef>,
    method: Arc<MethodDescription>,
}

impl Params {
    /// The value of a parameter by its position.
    ///
    /// # Errors
    ///
    /// A `TypeError` (the caller is answered 400) when the column holds no such value: an unknown name
    /// of an enum, or a record that does not fit.
    pub fn get<T: VgiArrow>(&self, index: usize) -> Result<T, RpcError> {
        let column = self.column(index)?;
        allowance::within(allowance::DEFAULT, || T::from_parameter(column.as_ref(), 0)).map_err(|error| {
            let name = self.method.parameters.get(index).map_or("?", |parameter| parameter.field.name());
            refuse(format!("{}() parameter '{name}': {error}", self.method.name))
        })
    }

    /// The column of a parameter, one row long.
    ///
    /// # Errors
    ///
    /// When the method has no parameter of that position.
    pub fn column(&self, index: usize) -> Result<&ArrayRef, RpcError> {
        self.columns
            .get(index)
            .ok_or_else(|| RpcError::runtime_error(format!("{}() has no parameter number {index}", self.method.name)))
    }

    /// The position of a parameter.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.method.parameters.iter().position(|parameter| parameter.field.name() == name)
    }

    /// All columns.
    pub fn columns(&self) -> &[ArrayRef] {
        &self.columns
    }

    /// Checks a request batch against the declared parameters.
    pub(crate) fn check(
        method: &Arc<MethodDescription>,
        batch: &RecordBatch,
        check: ParameterCheck,
    ) -> Result<Self, RpcError> {
        check_rows(batch)?;
        let columns = match check {
            ParameterCheck::Exact => exact(method, batch)?,
            ParameterCheck::ByName => by_name(method, batch)?,
        };
        for (parameter, column) in method.parameters.iter().zip(&columns) {
            if !parameter.field.is_nullable() && column.is_null(0) {
                return Err(refuse(format!(
                    "{}() parameter '{}' is not optional, but the request carries null",
                    method.name,
                    parameter.field.name()
                )));
            }
        }
        Ok(Self { columns, method: method.clone() })
    }
}

fn refuse(message: String) -> RpcError {
    RpcError::type_error(message).with_status(StatusCode::BAD_REQUEST)
}

/// A batch with columns has one row; one without may say 0 or 1.
fn check_rows(batch: &RecordBatch) -> Result<(), RpcError> {
    let rows = batch.num_rows();
    if rows == 1 || (batch.num_columns() == 0 && rows == 0) {
        return Ok(());
    }
    Err(RpcError::new(
        "RpcError",
        format!(
            "ProtocolError: Expected 1 row in request batch, got {rows}. Each parameter is a column with one value."
        ),
    )
    .with_status(StatusCode::BAD_REQUEST))
}

fn exact(method: &MethodDescription, batch: &RecordBatch) -> Result<Vec<ArrayRef>, RpcError> {
    let schema = batch.schema_ref();
    let sent = schema.fields();
    if sent.len() != method.parameters.len() {
        check_names(method, batch)?;
        return Err(refuse(format!(
            "{}() takes {} parameter(s), the request carries {} column(s)",
            method.name,
            method.parameters.len(),
            sent.len()
        )));
    }
    for (index, (parameter, sent)) in method.parameters.iter().zip(sent).enumerate() {
        let declared = &parameter.field;
        if declared.name() != sent.name() {
            check_names(method, batch)?;
            return Err(refuse(format!(
                "{}() parameter schema field {index} expected name '{}', got '{}'",
                method.name,
                declared.name(),
                sent.name()
            )));
        }
        if !declared.data_type().equals_datatype(sent.data_type()) {
            return Err(wrong_type(method, declared, sent.data_type()));
        }
        if declared.is_nullable() != sent.is_nullable() {
            let text = |nullable| if nullable { "nullable" } else { "not nullable" };
            return Err(refuse(format!(
                "{}() parameter '{}' is declared {}, but the request's column is {}",
                method.name,
                declared.name(),
                text(declared.is_nullable()),
                text(sent.is_nullable())
            )));
        }
    }
    Ok(batch.columns().to_vec())
}

fn by_name(method: &MethodDescription, batch: &RecordBatch) -> Result<Vec<ArrayRef>, RpcError> {
    check_names(method, batch)?;
    method
        .parameters
        .iter()
        .map(|parameter| match batch.column_by_name(parameter.field.name()) {
            Some(column) => convert(method, &parameter.field, column),
            None => parameter.default.clone().ok_or_else(|| missing(method, batch)),
        })
        .collect()
}

/// Refuses names that are not declared, and the absence of one without a default.
fn check_names(method: &MethodDescription, batch: &RecordBatch) -> Result<(), RpcError> {
    let schema = batch.schema_ref();
    let declared = |name: &str| method.parameters.iter().any(|parameter| parameter.field.name() == name);
    let mut unknown =
        schema.fields().iter().map(|field| field.name().as_str()).filter(|name| !declared(name)).peekable();
    if unknown.peek().is_some() {
        let unknown: Vec<&str> = unknown.collect();
        let names: Vec<&str> = method.parameters.iter().map(|p| p.field.name().as_str()).collect();
        return Err(refuse(format!(
            "Request carries parameter(s) this protocol does not declare: {}. Declared: {}.",
            unknown.join(", "),
            names.join(", ")
        )));
    }
    let absent = |parameter: &&Parameter| schema.column_with_name(parameter.field.name()).is_none();
    if method.parameters.iter().any(|p| p.default.is_none() && absent(&p)) {
        return Err(missing(method, batch));
    }
    Ok(())
}

fn missing(method: &MethodDescription, batch: &RecordBatch) -> RpcError {
    let mut names = String::new();
    for parameter in &method.parameters {
        let name = parameter.field.name();
        if parameter.default.is_none() && batch.column_by_name(name).is_none() {
            let separator = if names.is_empty() { "" } else { ", " };
            let _ = write!(names, "{separator}'{name}'");
        }
    }
    refuse(format!("{}() missing required argument(s): {names}", method.name))
}

/// A column as its declared type; converted where no value changes.
fn convert(method: &MethodDescription, declared: &Field, column: &ArrayRef) -> Result<ArrayRef, RpcError> {
    cast_lossless(column, declared.data_type()).ok_or_else(|| wrong_type(method, declared, column.data_type()))
}

fn wrong_type(method: &MethodDescription, declared: &Field, sent: &DataType) -> RpcError {
    refuse(format!(
        "{}() parameter '{}' expected Arrow type {} but the request batch carries {sent}",
        method.name,
        declared.name(),
        declared.data_type()
    ))
}
