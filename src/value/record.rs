//! [`Record`]: structs as rows of a batch.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Fields, Schema, SchemaRef};

use super::read::is_null;
use super::{ValueError, ValueErrorKind, VgiArrow, allowance, ipc};
use crate::wire::WireSchema;

/// A struct with `#[derive(VgiArrow)]`: the rows of a batch.
///
/// ```
/// use tower_vgi::{Record, VgiArrow};
///
/// #[derive(VgiArrow, Debug, PartialEq)]
/// struct Tick {
///     index: i64,
///     label: Option<String>,
/// }
///
/// let ticks = [Tick { index: 0, label: None }, Tick { index: 1, label: Some("one".to_owned()) }];
/// let batch = Tick::to_batch(ticks.iter())?;
/// assert_eq!((batch.num_rows(), batch.schema()), (2, Tick::schema()));
/// assert_eq!(Tick::rows(&batch)?, ticks);
/// # Ok::<(), tower_vgi::value::ValueError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no record",
    label = "not a struct with named fields that derives `VgiArrow`",
    note = "add `#[derive(VgiArrow)]` to the struct, and give its fields names"
)]
pub trait Record: Sized + Send + 'static {
    /// Its columns.
    fn schema() -> SchemaRef;

    /// Its columns, with the schema message that opens an IPC stream of them.
    ///
    /// # Errors
    ///
    /// When the columns are nested deeper than IPC allows (64 levels).
    fn wire_schema() -> Result<Arc<WireSchema>, ValueError> {
        ipc::wire_schema(Self::schema())
    }

    /// Rows as columns; `None` is a row of nulls.
    ///
    /// # Errors
    ///
    /// As [`VgiArrow::to_array`].
    fn to_columns<'a, I>(rows: I) -> Result<Vec<ArrayRef>, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone;

    /// One row of columns. The row has to exist.
    ///
    /// # Errors
    ///
    /// When a column without a default is absent, or its value cannot be read.
    fn from_columns(columns: Columns<'_>, row: usize) -> Result<Self, ValueError>;

    /// Rows as a batch.
    ///
    /// # Errors
    ///
    /// As [`VgiArrow::to_array`].
    fn to_batch<'a, I>(rows: I) -> Result<RecordBatch, ValueError>
    where
        I: Iterator<Item = &'a Self> + Clone,
        Self: 'a,
    {
        let columns = Self::to_columns(rows.clone().map(Some))?;
        let length = columns.first().map_or_else(|| rows.count(), |column| column.len());
        let options = RecordBatchOptions::new().with_row_count(Some(length));
        RecordBatch::try_new_with_options(Self::schema(), columns, &options).map_err(ValueError::arrow)
    }

    /// One row: columns matched by name, unknown ones ignored, absent ones from `#[vgi(default)]`.
    ///
    /// # Errors
    ///
    /// When there is no such row, a column without a default is absent, or a value cannot be read.
    fn from_batch(batch: &RecordBatch, row: usize) -> Result<Self, ValueError> {
        let rows = batch.num_rows();
        if row >= rows {
            let message = format!("there is no row {row} in a batch of {rows} rows");
            return Err(ValueError::new(ValueErrorKind::Array, message));
        }
        Self::from_columns(Columns::of(batch), row)
    }

    /// All rows.
    ///
    /// # Errors
    ///
    /// As [`from_batch`](Self::from_batch).
    fn rows(batch: &RecordBatch) -> Result<Vec<Self>, ValueError> {
        let columns = Columns::of(batch);
        allowance::within(allowance::DEFAULT, || {
            allowance::spend(batch.num_rows().saturating_mul(size_of::<Self>()))?;
            let row = |row| Self::from_columns(columns, row).map_err(|error| error.at_index(row));
            (0..batch.num_rows()).map(row).collect()
        })
    }
}

/// The columns of a batch or a struct array, found by name. Generated code reads through it.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    fields: &'a Fields,
    arrays: &'a [ArrayRef],
}

impl<'a> Columns<'a> {
    /// The columns of a batch.
    pub fn of(batch: &'a RecordBatch) -> Self {
        Self { fields: batch.schema_ref().fields(), arrays: batch.columns() }
    }

    pub(crate) fn new(fields: &'a Fields, arrays: &'a [ArrayRef]) -> Self {
        Self { fields, arrays }
    }

    /// The column of a name. `position` is where to look first: where it is if the sender's schema is ours.
    pub fn find(&self, position: usize, name: &str) -> Option<&'a ArrayRef> {
        let here = self.fields.get(position).is_some_and(|field| field.name() == name);
        let position = if here { position } else { self.fields.find(name)?.0 };
        self.arrays.get(position)
    }

    /// Reads a value of a column that has to be there.
    ///
    /// # Errors
    ///
    /// When the column is absent or the value cannot be read; the error names the column.
    pub fn read<T: VgiArrow>(&self, position: usize, name: &str, row: usize) -> Result<T, ValueError> {
        self.read_with(position, name, row, T::from_array, |name| Err(missing(name, T::data_type())))
    }

    #[doc(hidden)]
    pub fn read_with<T>(
        &self,
        position: usize,
        name: &str,
        row: usize,
        read: impl FnOnce(&dyn Array, usize) -> Result<T, ValueError>,
        absent: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Result<T, ValueError> {
        match self.find(position, name) {
            Some(array) => read(array, row).map_err(|error| error.at_field(name)),
            None => absent(name),
        }
    }
}

/// The error for an absent column.
#[doc(hidden)]
pub fn missing(name: &str, expected: DataType) -> ValueError {
    let message = format!("the column is missing and has no default (expected type {expected})");
    ValueError::new(ValueErrorKind::Missing, message).at_field(name)
}

/// Refuses nulls of a field that is not nullable although its Rust type is optional.
pub(crate) fn refuse_nulls<'a, R: 'a>(
    rows: impl Iterator<Item = Option<&'a R>>,
    array: &ArrayRef,
) -> Result<(), ValueError> {
    for (index, row) in rows.enumerate() {
        if row.is_some() && is_null(array, index)? {
            return Err(ValueError::new(ValueErrorKind::Null, "no value, but the column is not nullable"));
        }
    }
    Ok(())
}

/// The schema of one record type, made on first use and kept.
#[doc(hidden)]
#[derive(Debug)]
pub struct SchemaCell {
    schema: OnceLock<SchemaRef>,
    encoded: OnceLock<Arc<WireSchema>>,
}

impl SchemaCell {
    /// Empty. For the `static` of a record without type parameters.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self { schema: OnceLock::new(), encoded: OnceLock::new() }
    }

    /// The cell of a record with type parameters, on which a `static` cannot depend.
    pub fn of<R: Record>() -> Arc<Self> {
        static CELLS: RwLock<BTreeMap<TypeId, Arc<SchemaCell>>> = RwLock::new(BTreeMap::new());

        let id = TypeId::of::<R>();
        let known = CELLS.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.unwrap_or_else(|| {
            let mut cells = CELLS.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(id).or_insert_with(|| Arc::new(Self::new())))
        })
    }

    /// The schema.
    pub fn schema(&self, make: impl FnOnce() -> Schema) -> SchemaRef {
        Arc::clone(self.schema.get_or_init(|| Arc::new(make())))
    }

    /// The schema with its message.
    pub fn encoded<R: Record>(&self) -> Result<Arc<WireSchema>, ValueError> {
        if let Some(encoded) = self.encoded.get() {
            return Ok(Arc::clone(encoded));
        }
        let encoded = ipc::wire_schema(R::schema())?;
        Ok(Arc::clone(self.encoded.get_or_init(|| encoded)))
    }
}
