//! Values with parts: lists, maps, structs, and what wraps one other value.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, FixedSizeListArray, LargeListArray, ListArray, MapArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use serde_json::{Map, Value};

use super::Mismatch;

type Values<'a> = [Option<&'a Value>];

pub(super) fn column(field: &Field, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    match field.data_type() {
        DataType::List(item) => list(field, item, values),
        DataType::ListView(item) => converted(field, DataType::List(item.clone()), values),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            let (items, offsets, nulls) = items(field, item, values)?;
            let offsets = OffsetBuffer::new(offsets.iter().map(|offset| i64::from(*offset)).collect());
            let list = LargeListArray::try_new(item.clone(), offsets, items, nulls).map_err(|_| too_large(field))?;
            retyped(field, Arc::new(list))
        }
        DataType::FixedSizeList(item, size) => fixed_size_list(field, item, *size, values),
        DataType::Struct(fields) => structs(field, fields, values),
        DataType::Map(entries, sorted) => map(field, entries, *sorted, values),
        DataType::Dictionary(_, value) => converted(field, (**value).clone(), values),
        DataType::RunEndEncoded(_, value) => converted(field, value.data_type().clone(), values),
        _ => Err(Mismatch::new(0, field, "this")),
    }
}

/// The same values of another type, and then of the field's.
fn converted(field: &Field, data_type: DataType, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    let plain = Field::new(field.name(), data_type, field.is_nullable());
    retyped(field, super::column(&plain, values)?)
}

fn retyped(field: &Field, array: ArrayRef) -> Result<ArrayRef, Mismatch> {
    if array.data_type() == field.data_type() {
        return Ok(array);
    }
    cast(&array, field.data_type()).map_err(|_| too_large(field))
}

fn too_large(field: &Field) -> Mismatch {
    Mismatch::new(0, field, "these values: they cannot be held")
}

fn list(field: &Field, item: &FieldRef, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    let (items, offsets, nulls) = items(field, item, values)?;
    let list = ListArray::try_new(item.clone(), OffsetBuffer::new(offsets.into()), items, nulls);
    Ok(Arc::new(list.map_err(|_| too_large(field))?))
}

type Items = (ArrayRef, Vec<i32>, Option<NullBuffer>);

/// The items of all lists one after the other, and where each list ends.
fn items(field: &Field, item: &FieldRef, values: &Values<'_>) -> Result<Items, Mismatch> {
    let mut offsets = vec![0_i32];
    let mut all = Vec::new();
    for (row, value) in values.iter().enumerate() {
        match value {
            None => {}
            Some(Value::Array(items)) => all.extend(items.iter().map(Some)),
            Some(_) => return Err(Mismatch::of(row, field, *value)),
        }
        offsets.push(i32::try_from(all.len()).map_err(|_| too_large(field))?);
    }
    let items = super::column(item, &all).map_err(|mismatch| {
        let (row, position) = place(&offsets, mismatch.row);
        mismatch.within(row, format_args!("[{position}]"))
    })?;
    Ok((items, offsets, nulls(values)))
}

/// The list that has an item, and the item's place in it.
fn place(offsets: &[i32], item: usize) -> (usize, usize) {
    let ends = |offset: &i32| usize::try_from(*offset).is_ok_and(|offset| offset <= item);
    let row = offsets.partition_point(ends).saturating_sub(1);
    let start = offsets.get(row).and_then(|start| usize::try_from(*start).ok()).unwrap_or(0);
    (row, item.saturating_sub(start))
}

fn nulls(values: &Values<'_>) -> Option<NullBuffer> {
    let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
    (nulls.null_count() > 0).then_some(nulls)
}

fn fixed_size_list(field: &Field, item: &FieldRef, size: i32, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    let length = usize::try_from(size).unwrap_or(0);
    let mut all = Vec::with_capacity(values.len().saturating_mul(length));
    for (row, value) in values.iter().enumerate() {
        match value {
            None => all.extend(std::iter::repeat_n(None, length)),
            Some(Value::Array(items)) if items.len() == length => all.extend(items.iter().map(Some)),
            Some(_) => return Err(Mismatch::of(row, field, *value)),
        }
    }
    // The items of a list that is null are null, whatever the field says.
    let nulls = nulls(values);
    let loose = match nulls {
        Some(_) => Arc::new(item.as_ref().clone().with_nullable(true)),
        None => item.clone(),
    };
    let items = super::column(&loose, &all).map_err(|mismatch| {
        let (row, position) = (mismatch.row / length.max(1), mismatch.row % length.max(1));
        mismatch.within(row, format_args!("[{position}]"))
    })?;
    let list = FixedSizeListArray::try_new(item.clone(), size, items, nulls);
    Ok(Arc::new(list.map_err(|_| too_large(field))?))
}

fn structs(field: &Field, fields: &Fields, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    let mut objects: Vec<Option<&Map<String, Value>>> = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        objects.push(match value {
            None => None,
            Some(Value::Object(object)) => {
                if let Some(name) = object.keys().find(|name| fields.find(name).is_none()) {
                    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
                    let mismatch = Mismatch::of(row, field, *value);
                    return Err(mismatch.hint(format!("no member '{name}'; there are {}", names.join(", "))));
                }
                Some(object)
            }
            Some(_) => return Err(Mismatch::of(row, field, *value)),
        });
    }
    let nulls = nulls(values);
    let mut columns = Vec::with_capacity(fields.len());
    for member in fields {
        let parts: Vec<Option<&Value>> =
            objects.iter().map(|object| object.and_then(|object| object.get(member.name()))).collect();
        let absent = |row: usize| objects.get(row).is_some_and(Option::is_none);
        let column = match super::column(member, &parts) {
            // Of a struct that is null, all members are.
            Err(mismatch) if nulls.is_some() && absent(mismatch.row) => {
                super::column(&member.as_ref().clone().with_nullable(true), &parts)
            }
            result => result,
        };
        columns.push(column.map_err(|mismatch| {
            let row = mismatch.row;
            mismatch.within(row, format_args!(".{}", member.name()))
        })?);
    }
    let array = StructArray::try_new_with_length(fields.clone(), columns, nulls, values.len());
    Ok(Arc::new(array.map_err(|_| Mismatch::of(0, field, values.first().copied().flatten()))?))
}

/// `{"key": value}`, or `[[key, value]]` where keys are no text.
fn map(field: &Field, entries: &FieldRef, sorted: bool, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    let DataType::Struct(fields) = entries.data_type() else { return Err(too_large(field)) };
    let [key_field, value_field] = &fields[..] else { return Err(too_large(field)) };
    let mut offsets = vec![0_i32];
    let (mut keys, mut parts): (Vec<Value>, Vec<&Value>) = (Vec::new(), Vec::new());
    for (row, value) in values.iter().enumerate() {
        match value {
            None => {}
            Some(Value::Object(object)) => {
                keys.extend(object.keys().cloned().map(Value::String));
                parts.extend(object.values());
            }
            Some(Value::Array(pairs)) => {
                for pair in pairs {
                    let Some([key, value]) = pair.as_array().map(Vec::as_slice) else {
                        return Err(
                            Mismatch::of(row, field, Some(pair)).hint("a map is {…}, or a list of [key, value]")
                        );
                    };
                    keys.push(key.clone());
                    parts.push(value);
                }
            }
            Some(_) => return Err(Mismatch::of(row, field, *value)),
        }
        offsets.push(i32::try_from(keys.len()).map_err(|_| too_large(field))?);
    }
    let located = |mismatch: Mismatch| {
        let (row, _) = place(&offsets, mismatch.row);
        let step = match keys.get(mismatch.row) {
            Some(Value::String(key)) => format!("[{key}]"),
            key => format!("[{}]", key.unwrap_or(&Value::Null)),
        };
        mismatch.within(row, step)
    };
    let keys_column = super::column(key_field, &keys.iter().map(Some).collect::<Vec<_>>()).map_err(located)?;
    let values_column =
        super::column(value_field, &parts.iter().copied().map(Some).collect::<Vec<_>>()).map_err(located)?;
    let entries_array =
        StructArray::try_new_with_length(fields.clone(), vec![keys_column, values_column], None, keys.len())
            .map_err(|_| too_large(field))?;
    let offsets = OffsetBuffer::new(offsets.clone().into());
    let array = MapArray::try_new(entries.clone(), offsets, entries_array, nulls(values), sorted);
    Ok(Arc::new(array.map_err(|_| too_large(field))?))
}

#[cfg(test)]
mod tests {
    use arrow_cast::display::array_value_to_string;
    use serde_json::json;

    use super::*;

    fn item(data_type: DataType, nullable: bool) -> FieldRef {
        Arc::new(Field::new("item", data_type, nullable))
    }

    fn point() -> DataType {
        DataType::Struct(vec![Field::new("x", DataType::Int64, false), Field::new("y", DataType::Utf8, true)].into())
    }

    fn map_of(key: DataType) -> DataType {
        let fields = vec![Field::new("key", key, false), Field::new("value", DataType::Int64, true)];
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
    }

    fn rows(data_type: &DataType, values: &[Value]) -> Result<Vec<String>, String> {
        let field = Field::new("x", data_type.clone(), true);
        let array = super::super::column(&field, &values.iter().map(Some).collect::<Vec<_>>())
            .map_err(|mismatch| format!("{}: {}", mismatch.row, mismatch.named("x")))?;
        assert_eq!(array.data_type(), data_type);
        Ok((0..array.len()).map(|row| array_value_to_string(&array, row).unwrap()).collect())
    }

    #[test]
    fn json_becomes_lists_maps_and_structs() {
        let int16 = || Box::new(DataType::Int16);
        let run_ends = Arc::new(Field::new("run_ends", DataType::Int32, false));
        for (data_type, value, expected) in [
            (DataType::List(item(DataType::Int64, true)), json!([1, null]), "[1, ]"),
            (DataType::List(item(DataType::List(item(DataType::Utf8, true)), true)), json!([["a"], []]), "[[a], []]"),
            (DataType::LargeList(item(DataType::Float64, false)), json!([1.5]), "[1.5]"),
            (DataType::ListView(item(DataType::Int64, true)), json!([1]), "[1]"),
            (DataType::FixedSizeList(item(DataType::Int64, false), 2), json!([1, 2]), "[1, 2]"),
            (point(), json!({"y": "a", "x": 1}), "{x: 1, y: a}"),
            (point(), json!({"x": 1}), "{x: 1, y: }"),
            (map_of(DataType::Utf8), json!({"a": 1, "b": null}), "{a: 1, b: }"),
            (map_of(DataType::Int64), json!({"1": 2}), "{1: 2}"),
            (map_of(DataType::Int64), json!([[1, 2]]), "{1: 2}"),
            (DataType::Dictionary(int16(), Box::new(DataType::Utf8)), json!("RED"), "RED"),
            (DataType::RunEndEncoded(run_ends, Arc::new(Field::new("values", DataType::Utf8, true))), json!("a"), "a"),
        ] {
            // A null before it, so that offsets are not trivial.
            let rows = rows(&data_type, &[Value::Null, value]);
            assert_eq!(rows.map(|rows| rows[1].clone()), Ok(expected.to_owned()), "{data_type}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        let ints = DataType::List(item(DataType::Int64, true));
        let points = DataType::List(item(point(), false));
        for (data_type, value, expected) in [
            (&ints, json!(1), "1: 'x' takes list<item?:int64>?, not 1"),
            (&ints, json!([1, "b"]), "1: 'x[1]' takes int64?, not 'b'"),
            (&points, json!([{"x": 1}, {"x": "b"}]), "1: 'x[1].x' takes int64, not 'b'"),
            (&points, json!([{"y": "b"}]), "1: 'x[0].x' takes int64, not null"),
            (
                &point(),
                json!({"x": 1, "z": 1}),
                "1: 'x' takes struct<x:int64,y?:utf8>?, not {\"x\":1,\"z\":1}: no member 'z'; there are x, y",
            ),
            (&map_of(DataType::Utf8), json!({"a": 1, "b": "c"}), "1: 'x[b]' takes int64?, not 'c'"),
            (&map_of(DataType::Int64), json!({"a": 1}), "1: 'x[a]' takes int64, not 'a'"),
            (
                &DataType::FixedSizeList(item(DataType::Int64, false), 2),
                json!([1]),
                "1: 'x' takes fixed_size_list(2)<item:int64>?, not [1]",
            ),
        ] {
            assert_eq!(rows(data_type, &[Value::Null, value]), Err(expected.to_owned()));
        }
    }
}
