//! Text: `String` (utf8), [`LargeString`], and [`DictionaryString`].

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use arrow_array::builder::GenericStringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int16Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, GenericStringArray, OffsetSizeTrait};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::read::{mismatch, present, resolve};
use super::{ValueError, VgiArrow, allowance, write};

/// `utf8`.
impl VgiArrow for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        Ok(Arc::new(to_text::<i32, _>(values.map(|value| value.map(String::as_str)))?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        read_owned(array, row, &DataType::Utf8)
    }
}

/// Text with the Arrow type `large_utf8`, for columns of more than 2 GiB or peers that ask for it.
///
/// ```
/// use tower_vgi::value::{LargeString, VgiArrow};
///
/// let text = LargeString::from("big");
/// assert_eq!(text.len(), 3);
/// assert_eq!(LargeString::from_array(&text.to_parameter()?, 0)?, text);
/// # Ok::<(), tower_vgi::value::ValueError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LargeString(pub String);

impl VgiArrow for LargeString {
    fn data_type() -> DataType {
        DataType::LargeUtf8
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        Ok(Arc::new(to_text::<i64, _>(values.map(|value| value.map(|value| value.0.as_str())))?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        read_owned(array, row, &DataType::LargeUtf8).map(Self)
    }
}

/// Text with the Arrow type `dictionary(int16, utf8)`, unordered: for columns with few distinct values.
///
/// A column can hold 32 768 distinct texts; more are an error.
///
/// ```
/// use tower_vgi::value::{DictionaryString, VgiArrow};
///
/// let colour = DictionaryString::from("red");
/// assert_eq!(DictionaryString::from_array(&colour.to_parameter()?, 0)?, colour);
/// # Ok::<(), tower_vgi::value::ValueError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DictionaryString(pub String);

impl VgiArrow for DictionaryString {
    fn data_type() -> DataType {
        dictionary_type()
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        to_dictionary(values.map(|value| value.map(|value| value.0.as_str())))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        read_owned(array, row, &dictionary_type()).map(Self)
    }
}

/// The type of enums and of [`DictionaryString`].
pub(crate) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8))
}

/// A dictionary of the distinct texts, in the order in which they first occur.
pub(crate) fn to_dictionary<'a, I>(values: I) -> Result<ArrayRef, ValueError>
where
    I: Iterator<Item = Option<&'a str>> + Clone,
{
    let mut known: HashMap<&str, i16> = HashMap::new();
    let mut texts: Vec<&str> = Vec::new();
    let keys = write::try_primitive::<Int16Type>(values.map(|value| {
        let Some(value) = value else { return Ok(None) };
        // Neighbours are often equal, and a single row needs no table at all.
        if let (Some(last), Ok(key)) = (texts.last(), i16::try_from(texts.len().wrapping_sub(1)))
            && *last == value
        {
            return Ok(Some(key));
        }
        if texts.is_empty() {
            texts.push(value);
            return Ok(Some(0));
        }
        if known.is_empty() {
            known.extend(texts.first().map(|first| (*first, 0)));
        }
        if let Some(key) = known.get(value) {
            return Ok(Some(*key));
        }
        let key = i16::try_from(texts.len())
            .map_err(|_| ValueError::range("more than 32768 distinct texts do not fit one dictionary(int16, utf8)"))?;
        texts.push(value);
        known.insert(value, key);
        Ok(Some(key))
    }))?;
    let texts = to_text::<i32, _>(texts.iter().map(|text| Some(*text)))?;
    let array = DictionaryArray::<Int16Type>::try_new(keys, Arc::new(texts)).map_err(ValueError::arrow)?;
    Ok(Arc::new(array))
}

/// The text of a row as a copy of its own.
fn read_owned(array: &dyn Array, row: usize, wanted: &DataType) -> Result<String, ValueError> {
    let text = read(array, row, wanted)?;
    allowance::spend(text.len())?;
    Ok(text.to_owned())
}

/// The text of a row, from any of Arrow's text types, dictionary-encoded or not.
pub(crate) fn read<'a>(array: &'a dyn Array, row: usize, wanted: &DataType) -> Result<&'a str, ValueError> {
    if let Some(array) = array.as_string_opt::<i32>() {
        return present(array, row).map(|()| array.value(row));
    }
    if let Some(array) = array.as_dictionary_opt::<Int16Type>()
        && let Some(values) = array.values().as_string_opt::<i32>()
    {
        present(array, row)?;
        let key = usize::try_from(array.keys().value(row)).unwrap_or(usize::MAX);
        return present(values, key).map(|()| values.value(key));
    }
    if let Some(array) = array.as_string_opt::<i64>() {
        return present(array, row).map(|()| array.value(row));
    }
    if let Some(array) = array.as_string_view_opt() {
        return present(array, row).map(|()| array.value(row));
    }
    match resolve(array, row)? {
        Some((values, row)) => read(values, row, wanted),
        None => Err(mismatch(array, row, wanted)),
    }
}

/// A builder knows that its text is UTF-8 but is slow to set up. Making the array of a parameter directly
/// is twice as fast, though it checks the text again; up to this many bytes that costs nothing.
const MAX_CHECKED_AGAIN: usize = 1024;

fn to_text<'a, O, I>(values: I) -> Result<GenericStringArray<O>, ValueError>
where
    O: OffsetSizeTrait,
    I: Iterator<Item = Option<&'a str>> + Clone,
{
    let mut rest = values.clone();
    if let (Some(Some(only)), None) = (rest.next(), rest.next())
        && only.len() <= MAX_CHECKED_AGAIN
    {
        let (offsets, nulls) = write::offsets::<O>(std::iter::once(Some(only.len())), "bytes of text")?;
        let text = Buffer::from_vec(only.as_bytes().to_vec());
        return GenericStringArray::try_new(offsets, text, nulls).map_err(ValueError::arrow);
    }
    let total = values.clone().flatten().fold(0usize, |total, value| total.saturating_add(value.len()));
    O::from_usize(total).ok_or_else(|| write::too_long::<O>(total, "bytes of text"))?;
    let mut builder = GenericStringBuilder::<O>::with_capacity(values.size_hint().0, total);
    values.for_each(|value| builder.append_option(value));
    Ok(builder.finish())
}

macro_rules! conversions {
    ($wrapper:ident) => {
        impl From<String> for $wrapper {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $wrapper {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<$wrapper> for String {
            fn from(text: $wrapper) -> Self {
                text.0
            }
        }

        impl Deref for $wrapper {
            type Target = String;

            fn deref(&self) -> &String {
                &self.0
            }
        }

        impl DerefMut for $wrapper {
            fn deref_mut(&mut self) -> &mut String {
                &mut self.0
            }
        }

        impl AsRef<str> for $wrapper {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $wrapper {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $wrapper {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $wrapper {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

conversions!(LargeString);
conversions!(DictionaryString);
