//! [`MethodDetails`]: what some servers tell about a method besides.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;

use crate::reflection;
use crate::{Result, RpcError};

/// What servers of this project tell about a method in the namespaced generation, for people and for callers by name.
/// From other servers all of it is absent.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MethodDetails {
    /// What it does.
    pub doc: String,
    /// What each parameter means, in their order.
    pub parameter_docs: Vec<String>,
    /// One row, a column for each parameter that has a default.
    pub defaults: Option<RecordBatch>,
    /// The columns of an exchange's input, where they are always the same.
    pub input: Option<SchemaRef>,
    /// The columns of a stream's batches, where they are always the same.
    pub output: Option<SchemaRef>,
}

impl MethodDetails {
    /// The default of a parameter: a column of one row.
    pub fn default_of(&self, parameter: &str) -> Option<&ArrayRef> {
        self.defaults.as_ref()?.column_by_name(parameter)
    }

    pub(super) fn read(details: reflection::MethodDetails) -> Result<Self, RpcError> {
        let schema = |message: Option<Vec<u8>>| message.map(|message| super::introspect::schema(&message)).transpose();
        Ok(Self {
            doc: details.doc,
            parameter_docs: details.parameter_docs,
            defaults: details.defaults.filter(|defaults| defaults.num_rows() == 1),
            input: schema(details.input_schema_ipc)?,
            output: schema(details.output_schema_ipc)?,
        })
    }
}
