//! Whole numbers, `bool`, and floating-point numbers.

use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::DataType;

use super::read::{mismatch, present, through_encoding};
use super::{ValueError, VgiArrow, allowance, binary, write};

macro_rules! number {
    ($rust:ty, $arrow:ty, $data_type:ident, $slow:ident $(, $hooks:item)*) => {
        impl VgiArrow for $rust {
            fn data_type() -> DataType {
                DataType::$data_type
            }

            fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
            where
                I: Iterator<Item = Option<&'a Self>> + Clone,
            {
                Ok(Arc::new(write::primitive::<$arrow>(values.map(Option::<&Self>::copied))?))
            }

            #[inline]
            fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
                match array.as_any().downcast_ref::<PrimitiveArray<$arrow>>() {
                    Some(array) => present(array, row).map(|()| array.value(row)),
                    None => $slow(array, row),
                }
            }

            $($hooks)*
        }
    };
}

number!(i8, Int8Type, Int8, other_integer);
number!(i16, Int16Type, Int16, other_integer);
number!(i32, Int32Type, Int32, other_integer);
number!(i64, Int64Type, Int64, other_integer);
number!(u16, UInt16Type, UInt16, other_integer);
number!(u32, UInt32Type, UInt32, other_integer);
number!(u64, UInt64Type, UInt64, other_integer);
number!(f32, Float32Type, Float32, other_float);
number!(f64, Float64Type, Float64, other_float);
number!(
    u8,
    UInt8Type,
    UInt8,
    other_integer,
    fn __vec_data_type() -> DataType {
        DataType::Binary
    },
    fn __vec_to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Vec<Self>>> + Clone,
    {
        binary::to_binary::<i32, _>(values.map(|value| value.map(Vec::as_slice)))
    },
    fn __vec_from_array(array: &dyn Array, row: usize) -> Result<Vec<Self>, ValueError> {
        let bytes = binary::read(array, row, &DataType::Binary)?;
        allowance::spend(bytes.len())?;
        Ok(bytes.to_vec())
    }
);

impl VgiArrow for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let capacity = values.size_hint().0;
        let mut bits = BooleanBufferBuilder::new(capacity);
        let mut nulls = NullBufferBuilder::new(capacity);
        for value in values {
            bits.append(value.copied().unwrap_or_default());
            nulls.append(value.is_some());
        }
        Ok(Arc::new(BooleanArray::new(bits.finish(), nulls.finish())))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        match array.as_boolean_opt() {
            Some(array) => present(array, row).map(|()| array.value(row)),
            None => through_encoding(array, row),
        }
    }
}

/// Reads an integer of any width; `None` when the array holds something else.
pub(crate) fn read(array: &dyn Array, row: usize) -> Result<Option<i128>, ValueError> {
    macro_rules! widths {
        ($($data_type:ident => $arrow:ty),*) => {
            match array.data_type() {
                $(DataType::$data_type => {
                    present(array, row)?;
                    array.as_primitive_opt::<$arrow>().map(|array| i128::from(array.value(row)))
                })*
                _ => None,
            }
        };
    }
    Ok(widths!(
        Int64 => Int64Type, Int32 => Int32Type, Int16 => Int16Type, Int8 => Int8Type,
        UInt64 => UInt64Type, UInt32 => UInt32Type, UInt16 => UInt16Type, UInt8 => UInt8Type
    ))
}

/// An integer of another width, if the value fits.
fn other_integer<T: VgiArrow + TryFrom<i128>>(array: &dyn Array, row: usize) -> Result<T, ValueError> {
    match read(array, row)? {
        Some(value) => T::try_from(value).map_err(|_| misfit(&value, &T::data_type())),
        None => through_encoding(array, row),
    }
}

/// A number of another type, if the value is the same there.
fn other_float<T: VgiArrow + Float>(array: &dyn Array, row: usize) -> Result<T, ValueError> {
    let wide: f64 = match array.data_type() {
        DataType::Float64 => value::<Float64Type>(array, row)?,
        DataType::Float32 => value::<Float32Type>(array, row)?.into(),
        DataType::Float16 => value::<Float16Type>(array, row)?.into(),
        _ => match read(array, row)? {
            // Every integer up to 53 bits is exact in a double.
            Some(value) if value.unsigned_abs() <= 1 << 53 => value as f64,
            Some(value) => return Err(misfit(&value, &T::data_type())),
            None => return through_encoding(array, row),
        },
    };
    T::exactly(wide).ok_or_else(|| misfit(&wide, &T::data_type()))
}

fn value<T: arrow_array::types::ArrowPrimitiveType>(array: &dyn Array, row: usize) -> Result<T::Native, ValueError> {
    present(array, row)?;
    match array.as_primitive_opt::<T>() {
        Some(array) => Ok(array.value(row)),
        None => Err(mismatch(array, row, &T::DATA_TYPE)),
    }
}

trait Float: Sized {
    fn exactly(value: f64) -> Option<Self>;
}

impl Float for f64 {
    fn exactly(value: f64) -> Option<Self> {
        Some(value)
    }
}

impl Float for f32 {
    fn exactly(value: f64) -> Option<Self> {
        let narrow = value as f32;
        (f64::from(narrow) == value || value.is_nan()).then_some(narrow)
    }
}

fn misfit(value: &dyn std::fmt::Display, wanted: &DataType) -> ValueError {
    ValueError::range(format!("{value} does not fit the type {wanted}"))
}
