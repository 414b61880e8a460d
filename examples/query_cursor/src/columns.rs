//! From rows of SQLite, whose values have a type each, to columns of Arrow, which have one.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BinaryBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Row, Statement};
use tower_vgi::{Result, RpcError};

/// The columns of a query.
pub struct Columns {
    schema: SchemaRef,
}

/// A batch that is being filled.
pub struct Batch<'a> {
    columns: &'a Columns,
    values: Vec<Values>,
    rows: usize,
}

enum Values {
    Integers(Int64Builder),
    Reals(Float64Builder),
    Texts(StringBuilder),
    Blobs(BinaryBuilder),
}

impl Columns {
    /// Finds out what a query gives: by the declarations of its columns, and where one is computed by its first value.
    ///
    /// # Errors
    ///
    /// When SQLite cannot read that value.
    pub fn of(declared: Vec<(String, Option<DataType>)>, first: Option<&Row<'_>>) -> rusqlite::Result<Self> {
        let mut fields = Vec::with_capacity(declared.len());
        for (index, (name, data_type)) in declared.into_iter().enumerate() {
            let data_type = match (data_type, first) {
                (Some(data_type), _) => data_type,
                (None, Some(row)) => arrow_type(row.get_ref(index)?.data_type()),
                (None, None) => DataType::Utf8,
            };
            fields.push(Field::new(name, data_type, true));
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)) })
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// A batch with room for so many rows.
    pub fn batch(&self, rows: usize) -> Batch<'_> {
        let rows = rows.min(8192);
        let values = self.schema.fields().iter().map(|field| match field.data_type() {
            DataType::Int64 => Values::Integers(Int64Builder::with_capacity(rows)),
            DataType::Float64 => Values::Reals(Float64Builder::with_capacity(rows)),
            DataType::Binary => Values::Blobs(BinaryBuilder::new()),
            _ => Values::Texts(StringBuilder::new()),
        });
        Batch { columns: self, values: values.collect(), rows: 0 }
    }
}

/// The names of a query's columns, with their types where they are declared.
pub fn declared(statement: &Statement<'_>) -> Vec<(String, Option<DataType>)> {
    let columns = statement.columns();
    columns.iter().map(|column| (column.name().to_owned(), column.decl_type().map(declared_type))).collect()
}

/// SQLite's own rules for what a declaration means.
fn declared_type(declaration: &str) -> DataType {
    let declaration = declaration.to_ascii_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| declaration.contains(word));
    if says(&["INT"]) {
        DataType::Int64
    } else if says(&["CHAR", "CLOB", "TEXT"]) {
        DataType::Utf8
    } else if says(&["BLOB"]) {
        DataType::Binary
    } else if says(&["REAL", "FLOA", "DOUB"]) {
        DataType::Float64
    } else {
        DataType::Utf8
    }
}

fn arrow_type(found: Type) -> DataType {
    match found {
        Type::Integer => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::Blob => DataType::Binary,
        Type::Text | Type::Null => DataType::Utf8,
    }
}

impl Batch<'_> {
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// When a value is of another type than its column.
    pub fn push(&mut self, row: &Row<'_>) -> Result<()> {
        for (index, values) in self.values.iter_mut().enumerate() {
            let value = row.get_ref(index)?;
            if !values.push(value)? {
                let field = self.columns.schema.field(index);
                return Err(RpcError::type_error(format!(
                    "the column '{}' is {}, and a row has a value of type {}: cast it in the query",
                    field.name(),
                    field.data_type(),
                    value.data_type()
                ))
                .into());
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The batch; nothing when no row was added.
    ///
    /// # Errors
    ///
    /// None in practice: the columns have the types that they were made for.
    pub fn finish(self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let columns = self.values.into_iter().map(Values::finish).collect();
        Ok(Some(RecordBatch::try_new(self.columns.schema(), columns)?))
    }
}

impl Values {
    /// Adds a value; `false` when it does not fit.
    fn push(&mut self, value: ValueRef<'_>) -> Result<bool> {
        match (self, value) {
            (Self::Integers(values), ValueRef::Integer(value)) => values.append_value(value),
            (Self::Integers(values), ValueRef::Null) => values.append_null(),
            (Self::Reals(values), ValueRef::Real(value)) => values.append_value(value),
            // As SQLite does itself.
            #[allow(clippy::cast_precision_loss)]
            (Self::Reals(values), ValueRef::Integer(value)) => values.append_value(value as f64),
            (Self::Reals(values), ValueRef::Null) => values.append_null(),
            (Self::Texts(values), ValueRef::Text(value)) => values.append_value(std::str::from_utf8(value)?),
            (Self::Texts(values), ValueRef::Null) => values.append_null(),
            (Self::Blobs(values), ValueRef::Blob(value)) => values.append_value(value),
            (Self::Blobs(values), ValueRef::Null) => values.append_null(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(mut self) -> ArrayRef {
        let builder: &mut dyn ArrayBuilder = match &mut self {
            Self::Integers(values) => values,
            Self::Reals(values) => values,
            Self::Texts(values) => values,
            Self::Blobs(values) => values,
        };
        builder.finish()
    }
}
