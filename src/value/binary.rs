//! Bytes: `Vec<u8>` and [`Bytes`] (binary), [`LargeBinary`], and arrays of bytes (fixed-size binary).

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use arrow_array::builder::GenericBinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, GenericBinaryArray, OffsetSizeTrait};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::read::{mismatch, present, resolve};
use super::{ValueError, VgiArrow, write};

/// `binary`. Reading shares the array's memory, writing one value shares the value's: nothing is copied.
///
/// A value that is kept for long keeps the whole message alive that it came in; copy small ones
/// (`Bytes::copy_from_slice`) to store them.
impl VgiArrow for Bytes {
    fn data_type() -> DataType {
        DataType::Binary
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        shared_binary::<i32, _>(values)
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        read_shared(array, row, &DataType::Binary).map(Bytes::from)
    }
}

/// Bytes with the Arrow type `large_binary`, for columns of more than 2 GiB or peers that ask for it.
///
/// ```
/// use tower_vgi::value::{LargeBinary, VgiArrow};
///
/// let bytes = LargeBinary::from(vec![1, 2, 3]);
/// let array = bytes.to_parameter()?;
/// assert_eq!(array.data_type().to_string(), "LargeBinary");
/// assert_eq!(LargeBinary::from_array(&array, 0)?, bytes);
/// # Ok::<(), tower_vgi::value::ValueError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LargeBinary(pub Bytes);

impl VgiArrow for LargeBinary {
    fn data_type() -> DataType {
        DataType::LargeBinary
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        shared_binary::<i64, _>(values.map(|value| value.map(|value| &value.0)))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        read_shared(array, row, &DataType::LargeBinary).map(|buffer| Self(Bytes::from(buffer)))
    }
}

/// `fixed_size_binary(N)`.
impl<const N: usize> VgiArrow for [u8; N] {
    fn data_type() -> DataType {
        const { assert!(N <= i32::MAX as usize, "Arrow's fixed_size_binary holds at most 2 GiB a value") }
        DataType::FixedSizeBinary(N as i32)
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let rows = values.size_hint().0;
        let mut bytes = Vec::with_capacity(rows.saturating_mul(N));
        let mut nulls = NullBufferBuilder::new(rows);
        for value in values {
            nulls.append(value.is_some());
            bytes.extend_from_slice(value.unwrap_or(&[0; N]));
        }
        let rows = nulls.len();
        let array = FixedSizeBinaryArray::try_new_with_len(N as i32, Buffer::from_vec(bytes), nulls.finish(), rows);
        Ok(Arc::new(array.map_err(ValueError::arrow)?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        let bytes = read(array, row, &Self::data_type())?;
        bytes.try_into().map_err(|_| ValueError::range(format!("expected {N} bytes, got {}", bytes.len())))
    }
}

/// Copies values into one array.
pub(crate) fn to_binary<'a, O, I>(values: I) -> Result<ArrayRef, ValueError>
where
    O: OffsetSizeTrait,
    I: Iterator<Item = Option<&'a [u8]>> + Clone,
{
    let total = values.clone().flatten().fold(0usize, |total, value| total.saturating_add(value.len()));
    O::from_usize(total).ok_or_else(|| write::too_long::<O>(total, "bytes"))?;
    let mut builder = GenericBinaryBuilder::<O>::with_capacity(values.size_hint().0, total);
    values.for_each(|value| builder.append_option(value));
    Ok(Arc::new(builder.finish()))
}

/// The same, but a single value's memory becomes the array's.
pub(crate) fn shared_binary<'a, O, I>(values: I) -> Result<ArrayRef, ValueError>
where
    O: OffsetSizeTrait,
    I: Iterator<Item = Option<&'a Bytes>> + Clone,
{
    let mut rest = values.clone();
    match (rest.next(), rest.next()) {
        (Some(Some(only)), None) => one_value::<O>(only.clone()),
        _ => to_binary::<O, _>(values.map(|value| value.map(Bytes::as_ref))),
    }
}

/// One value as an array that shares its memory.
pub(crate) fn one_value<O: OffsetSizeTrait>(value: Bytes) -> Result<ArrayRef, ValueError> {
    let end = O::from_usize(value.len()).ok_or_else(|| write::too_long::<O>(value.len(), "bytes"))?;
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![O::default(), end]));
    let array = GenericBinaryArray::<O>::try_new(offsets, Buffer::from(value), None).map_err(ValueError::arrow)?;
    Ok(Arc::new(array))
}

/// The bytes of a row, from any of Arrow's binary types.
pub(crate) fn read<'a>(array: &'a dyn Array, row: usize, wanted: &DataType) -> Result<&'a [u8], ValueError> {
    if let Some(array) = array.as_binary_opt::<i32>() {
        return present(array, row).map(|()| array.value(row));
    }
    if let Some(array) = array.as_binary_opt::<i64>() {
        return present(array, row).map(|()| array.value(row));
    }
    if let Some(array) = array.as_fixed_size_binary_opt() {
        return present(array, row).map(|()| array.value(row));
    }
    if let Some(array) = array.as_binary_view_opt() {
        return present(array, row).map(|()| array.value(row));
    }
    match resolve(array, row)? {
        Some((values, row)) => read(values, row, wanted),
        None => Err(mismatch(array, row, wanted)),
    }
}

/// The same as memory that lives on; shared with the array where it lies in one piece.
pub(crate) fn read_shared(array: &dyn Array, row: usize, wanted: &DataType) -> Result<Buffer, ValueError> {
    fn slice<O: OffsetSizeTrait>(array: &GenericBinaryArray<O>, row: usize) -> Result<Buffer, ValueError> {
        present(array, row)?;
        let start = array.value_offsets()[row].as_usize();
        let length = array.value_length(row).as_usize();
        Ok(array.values().slice_with_length(start, length))
    }
    if let Some(array) = array.as_binary_opt::<i32>() {
        return slice(array, row);
    }
    if let Some(array) = array.as_binary_opt::<i64>() {
        return slice(array, row);
    }
    read(array, row, wanted).map(Buffer::from)
}

impl Serialize for LargeBinary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for LargeBinary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = LargeBinary;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<LargeBinary, E> {
                Ok(bytes.into())
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<LargeBinary, E> {
                Ok(bytes.into())
            }

            // What formats without bytes, such as JSON, make of them.
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<LargeBinary, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes.into())
            }
        }

        deserializer.deserialize_byte_buf(Visitor)
    }
}

impl From<Bytes> for LargeBinary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for LargeBinary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for LargeBinary {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<LargeBinary> for Bytes {
    fn from(value: LargeBinary) -> Self {
        value.0
    }
}

impl From<LargeBinary> for Vec<u8> {
    fn from(value: LargeBinary) -> Self {
        value.0.into()
    }
}

impl Deref for LargeBinary {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl DerefMut for LargeBinary {
    fn deref_mut(&mut self) -> &mut Bytes {
        &mut self.0
    }
}

impl AsRef<[u8]> for LargeBinary {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
