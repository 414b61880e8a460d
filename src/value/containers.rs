//! `Option`, `Box`, lists, sets and maps.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, new_null_array};
use arrow_schema::{DataType, Field, Fields};
use indexmap::{IndexMap, IndexSet};

use super::read::{is_null, mismatch, present, resolve};
use super::{ValueError, VgiArrow, allowance, write};

/// The type of `T`, nullable.
impl<T: VgiArrow> VgiArrow for Option<T> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        T::data_type()
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        T::to_array(values.map(|value| value.and_then(Option::as_ref)))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        if is_null(array, row)? || T::__reads_as_none(array, row) {
            return Ok(None);
        }
        T::from_array(array, row).map(Some)
    }

    fn parameter_type() -> DataType {
        T::parameter_type()
    }

    fn to_parameter(&self) -> Result<ArrayRef, ValueError> {
        match self {
            Some(value) => value.to_parameter(),
            None => Ok(new_null_array(&T::parameter_type(), 1)),
        }
    }

    fn from_parameter(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        if is_null(array, row)? || T::__reads_as_none(array, row) {
            return Ok(None);
        }
        T::from_parameter(array, row).map(Some)
    }

    fn is_record() -> bool {
        T::is_record()
    }
}

/// The type of `T`.
impl<T: VgiArrow> VgiArrow for Box<T> {
    const NULLABLE: bool = T::NULLABLE;

    fn data_type() -> DataType {
        T::data_type()
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        T::to_array(values.map(|value| value.map(|value| &**value)))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        T::from_array(array, row).map(Box::new)
    }

    fn parameter_type() -> DataType {
        T::parameter_type()
    }

    fn to_parameter(&self) -> Result<ArrayRef, ValueError> {
        T::to_parameter(self)
    }

    fn from_parameter(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        T::from_parameter(array, row).map(Box::new)
    }

    fn is_record() -> bool {
        T::is_record()
    }
}

/// `list<item: T>`, items nullable; `Vec<u8>` is `binary`.
impl<T: VgiArrow> VgiArrow for Vec<T> {
    fn data_type() -> DataType {
        T::__vec_data_type()
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        T::__vec_to_array(values)
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        T::__vec_from_array(array, row)
    }
}

pub(crate) fn list_type<T: VgiArrow>() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(T::data_type(), true)))
}

pub(crate) fn to_list<'a, T, C, I>(values: I) -> Result<ArrayRef, ValueError>
where
    T: VgiArrow,
    C: 'a,
    &'a C: IntoIterator<Item = &'a T>,
    <&'a C as IntoIterator>::IntoIter: ExactSizeIterator + Clone,
    I: Iterator<Item = Option<&'a C>> + Clone,
{
    let lengths = values.clone().map(|value| value.map(|items| items.into_iter().len()));
    let (offsets, nulls) = write::offsets::<i32>(lengths, "list items")?;
    let items = T::to_array(values.flatten().flatten().map(Some))?;
    let field = Arc::new(Field::new_list_field(T::data_type(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, items, nulls).map_err(ValueError::arrow)?))
}

pub(crate) fn from_list<T, C>(array: &dyn Array, row: usize) -> Result<C, ValueError>
where
    T: VgiArrow,
    C: FromIterator<T>,
{
    let (items, range) = list_items(array, row, &list_type::<T>)?;
    let start = range.start;
    allowance::spend(range.len().saturating_mul(size_of::<T>().max(1)))?;
    range.map(|item| T::from_array(items, item).map_err(|error| error.at_index(item - start))).collect()
}

/// Where the items of a row are, in any of Arrow's list types.
fn list_items<'a>(
    array: &'a dyn Array,
    row: usize,
    wanted: &dyn Fn() -> DataType,
) -> Result<(&'a dyn Array, Range<usize>), ValueError> {
    fn range<O: TryInto<usize>>(start: O, end: O) -> Range<usize> {
        start.try_into().unwrap_or(0)..end.try_into().unwrap_or(0)
    }
    if let Some((values, row)) = resolve(array, row)? {
        return list_items(values, row, wanted);
    }
    let (items, range) = if let Some(array) = array.as_list_opt::<i32>() {
        (array.values(), range(array.value_offsets()[row], array.value_offsets()[row + 1]))
    } else if let Some(array) = array.as_list_opt::<i64>() {
        (array.values(), range(array.value_offsets()[row], array.value_offsets()[row + 1]))
    } else if let Some(array) = array.as_fixed_size_list_opt() {
        let start = array.value_offset_at(row);
        (array.values(), start..start + range(0, array.value_length()).end)
    } else if let Some(array) = array.as_list_view_opt::<i32>() {
        (array.values(), range(array.value_offset(row), array.value_offset(row) + array.value_size(row)))
    } else if let Some(array) = array.as_list_view_opt::<i64>() {
        (array.values(), range(array.value_offset(row), array.value_offset(row) + array.value_size(row)))
    } else {
        return Err(mismatch(array, row, &wanted()));
    };
    Ok((&**items, range))
}

macro_rules! set {
    ($set:ident, [$($bound:path),*] $(, $hasher:ident)?) => {
        /// `list<item: T>`, items nullable. Equal items become one on reading.
        impl<T: VgiArrow $(+ $bound)* $(, $hasher: BuildHasher + Default + Send + 'static)?> VgiArrow
            for $set<T $(, $hasher)?>
        {
            fn data_type() -> DataType {
                list_type::<T>()
            }

            fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
            where
                I: Iterator<Item = Option<&'a Self>> + Clone,
            {
                to_list::<T, Self, I>(values)
            }

            fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
                from_list::<T, Self>(array, row)
            }
        }
    };
}

set!(BTreeSet, [Ord]);
set!(HashSet, [Eq, Hash], S);
set!(IndexSet, [Eq, Hash], S);

macro_rules! map {
    ($map:ident, [$($bound:path),*] $(, $hasher:ident)?) => {
        /// `map<key: K, value: V>`, values nullable, keys not sorted. Of equal keys the last counts on reading.
        impl<K: VgiArrow $(+ $bound)*, V: VgiArrow $(, $hasher: BuildHasher + Default + Send + 'static)?> VgiArrow
            for $map<K, V $(, $hasher)?>
        {
            fn data_type() -> DataType {
                DataType::Map(entries_field::<K, V>(), false)
            }

            fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
            where
                I: Iterator<Item = Option<&'a Self>> + Clone,
            {
                let (offsets, nulls) = write::offsets::<i32>(values.clone().map(|value| value.map($map::len)), "map entries")?;
                let keys = K::to_array(values.clone().flatten().flatten().map(|(key, _)| Some(key)))?;
                let items = V::to_array(values.flatten().flatten().map(|(_, item)| Some(item)))?;
                let fields = entry_fields::<K, V>();
                let entries = StructArray::try_new(fields, vec![keys, items], None).map_err(ValueError::arrow)?;
                let map = MapArray::try_new(entries_field::<K, V>(), offsets, entries, nulls, false);
                Ok(Arc::new(map.map_err(ValueError::arrow)?))
            }

            fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
                let (map, row) = map_row(array, row, &Self::data_type)?;
                let offsets = map.value_offsets();
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                let start = range.start;
                allowance::spend(range.len().saturating_mul(size_of::<(K, V)>().max(1)))?;
                range
                    .map(|entry| {
                        let key = K::from_array(map.keys(), entry).map_err(|error| error.at_field("key"));
                        let item = V::from_array(map.values(), entry).map_err(|error| error.at_field("value"));
                        key.and_then(|key| Ok((key, item?))).map_err(|error| error.at_index(entry - start))
                    })
                    .collect()
            }
        }
    };
}

map!(BTreeMap, [Ord]);
map!(HashMap, [Eq, Hash], S);
map!(IndexMap, [Eq, Hash], S);

fn entry_fields<K: VgiArrow, V: VgiArrow>() -> Fields {
    Fields::from(vec![Field::new("key", K::data_type(), false), Field::new("value", V::data_type(), true)])
}

fn entries_field<K: VgiArrow, V: VgiArrow>() -> Arc<Field> {
    Arc::new(Field::new("entries", DataType::Struct(entry_fields::<K, V>()), false))
}

fn map_row<'a>(
    array: &'a dyn Array,
    row: usize,
    wanted: &dyn Fn() -> DataType,
) -> Result<(&'a MapArray, usize), ValueError> {
    match array.as_map_opt() {
        Some(map) => present(map, row).map(|()| (map, row)),
        None => match resolve(array, row)? {
            Some((values, row)) => map_row(values, row, wanted),
            None => Err(mismatch(array, row, &wanted())),
        },
    }
}
