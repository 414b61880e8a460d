//! Rust types and Arrow types: the trait [`VgiArrow`], and [`Record`] for structs.
//!
//! | Rust | Arrow |
//! |---|---|
//! | `bool`, `i8` … `i64`, `u8` … `u64`, `f32`, `f64` | of the same name |
//! | [`String`], [`LargeString`], [`DictionaryString`] | `utf8`, `large_utf8`, `dictionary(int16, utf8)` |
//! | `Vec<u8>` and [`bytes::Bytes`], [`LargeBinary`], `[u8; N]` | `binary`, `large_binary`, `fixed_size_binary(N)` |
//! | [`Decimal<P, S>`](Decimal) | `decimal128(P, S)` |
//! | `NaiveDate`, `NaiveTime`, `TimeDelta` of [`chrono`] | `date32`, `time64(us)`, `duration(us)` |
//! | `NaiveDateTime`, `DateTime<Utc>` of [`chrono`] | `timestamp(us)`, `timestamp(us, tz=UTC)` |
//! | `Option<T>` | the type of `T`, nullable |
//! | `Box<T>`, a struct of one unnamed field | the type of what is inside |
//! | `Vec<T>`, `BTreeSet<T>`, `HashSet<T>`, `IndexSet<T>` | `list<item: T>`, items nullable |
//! | `BTreeMap<K, V>`, `HashMap<K, V>`, `IndexMap<K, V>` | `map<key: K, value: V>`, values nullable |
//! | enum of unit variants, with [`derive`](macro@crate::VgiArrow) | `dictionary(int16, utf8)`, the variant's name |
//! | struct, with [`derive`](macro@crate::VgiArrow) | `struct`; as parameter and result `binary`: an IPC stream of one row |
//! | [`RecordBatch`](arrow_array::RecordBatch), [`SchemaRef`](arrow_schema::SchemaRef) | `binary`: an IPC stream; a schema message |
//!
//! Everything but `Option` is a non-null field. Writing gives exactly these types. Reading also takes
//! other types of the same family where nothing is lost: a dictionary for plain text and the other way
//! round, large and view types, integers of another width and timestamps of another unit as far as the
//! value fits.
//!
//! ```
//! use std::collections::BTreeMap;
//! use tower_vgi::VgiArrow;
//!
//! let stock = BTreeMap::from([("apples".to_owned(), Some(3_i64)), ("pears".to_owned(), None)]);
//! let column = stock.to_parameter()?;
//! assert_eq!(BTreeMap::from_parameter(&column, 0)?, stock);
//! # Ok::<(), tower_vgi::value::ValueError>(())
//! ```

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};

pub(crate) mod allowance;
mod binary;
mod containers;
mod decimal;
#[doc(hidden)]
pub mod derived;
mod embedded;
mod error;
mod ipc;
mod numbers;
mod payload;
mod read;
mod record;
mod temporal;
mod text;
mod write;

pub use binary::LargeBinary;
pub use decimal::Decimal;
pub use error::{ValueError, ValueErrorKind};
pub use record::{Columns, Record};
pub use text::{DictionaryString, LargeString};

/// A Rust type that has an Arrow type.
///
/// Implemented for the types in the [module's table](self); for structs and enums of your own derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no Arrow type",
    label = "no Arrow type is known for `{Self}`",
    note = "for a struct or an enum of your own, add `#[derive(VgiArrow)]`",
    note = "tuples, and enums whose variants hold data, have no Arrow type: name the fields in a struct"
)]
pub trait VgiArrow: Sized + Send + 'static {
    /// Whether a field of this type is nullable: `Option` only.
    const NULLABLE: bool = false;

    /// The Arrow type within a struct, list or map.
    fn data_type() -> DataType;

    /// Builds an array out of values; `None` is null.
    ///
    /// # Errors
    ///
    /// When a value is outside of what its Arrow type can hold, or all of them are too long for one column.
    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone;

    /// Reads one value.
    ///
    /// # Errors
    ///
    /// When the array has no such row, holds another type, or the row is null (except for `Option`).
    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError>;

    /// The Arrow type as a parameter or a result: a record is `binary` there.
    fn parameter_type() -> DataType {
        Self::data_type()
    }

    /// One value as a column of one row, in the form of a parameter or result.
    ///
    /// # Errors
    ///
    /// As [`to_array`](Self::to_array).
    fn to_parameter(&self) -> Result<ArrayRef, ValueError> {
        Self::to_array(std::iter::once(Some(self)))
    }

    /// Reads a value in the form of a parameter or result.
    ///
    /// # Errors
    ///
    /// As [`from_array`](Self::from_array).
    fn from_parameter(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        Self::from_array(array, row)
    }

    /// Whether the parameter form is an IPC stream of one row: the flat generation has such results nullable.
    fn is_record() -> bool {
        false
    }

    /// A field of this type, in the form of a parameter or result.
    fn parameter_field(name: &str) -> Field {
        Field::new(name, Self::parameter_type(), Self::NULLABLE)
    }

    /// A field of this type, within a record.
    fn field(name: &str) -> Field {
        Field::new(name, Self::data_type(), Self::NULLABLE)
    }

    // `Vec<u8>` is binary and every other `Vec<T>` a list: the item type decides.
    #[doc(hidden)]
    fn __vec_data_type() -> DataType {
        containers::list_type::<Self>()
    }

    #[doc(hidden)]
    fn __vec_to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Vec<Self>>> + Clone,
    {
        containers::to_list::<Self, Vec<Self>, I>(values)
    }

    #[doc(hidden)]
    fn __vec_from_array(array: &dyn Array, row: usize) -> Result<Vec<Self>, ValueError> {
        containers::from_list::<Self, Vec<Self>>(array, row)
    }

    // Some peers send zero bytes for an absent batch or schema.
    #[doc(hidden)]
    fn __reads_as_none(_array: &dyn Array, _row: usize) -> bool {
        false
    }
}
