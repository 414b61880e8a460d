//! Arrow types as Python writes them.

use arrow_schema::{DataType, Field, Schema, TimeUnit};

use super::quoted;
use super::value::{Literal, sample};

/// The annotation of a field: `float`, or `Annotated[int, ArrowType(pa.int32())]` where Python's own type means another
/// Arrow type. `None` for types that pyarrow has no constructor for.
pub(super) fn annotation(field: &Field) -> Option<String> {
    let annotation = match inferred(field.data_type()) {
        Some(own) => own,
        None => {
            format!("Annotated[{}, ArrowType({})]", value_type(field.data_type()), expression(field.data_type())?)
        }
    };
    Some(if field.is_nullable() { format!("{annotation} | None") } else { annotation })
}

/// The Python type for which the client infers exactly this Arrow type.
fn inferred(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Utf8 => "str".to_owned(),
        DataType::Binary => "bytes".to_owned(),
        DataType::Int64 => "int".to_owned(),
        DataType::Float64 => "float".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::List(item) if item.is_nullable() => format!("list[{}]", inferred(item.data_type())?),
        DataType::Map(entries, false) => {
            let (key, value) = key_and_value(entries)?;
            let inferable = !key.is_nullable() && value.is_nullable();
            inferable.then_some(())?;
            format!("dict[{}, {}]", inferred(key.data_type())?, inferred(value.data_type())?)
        }
        _ => return None,
    })
}

/// The Python type of the values, whatever the Arrow type.
fn value_type(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Boolean => "bool",
        integer if integer.is_integer() => "int",
        float if float.is_floating() => "float",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "str",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytes",
        DataType::Date32 | DataType::Date64 => "datetime.date",
        DataType::Timestamp(..) => "datetime.datetime",
        DataType::Time32(_) | DataType::Time64(_) => "datetime.time",
        DataType::Duration(_) => "datetime.timedelta",
        decimal if decimal.is_decimal() => "decimal.Decimal",
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return format!("list[{}]", value_type(item.data_type()));
        }
        DataType::Map(entries, _) => match key_and_value(entries) {
            Some((key, value)) => {
                return format!("dict[{}, {}]", value_type(key.data_type()), value_type(value.data_type()));
            }
            None => "dict",
        },
        DataType::Struct(_) => "dict",
        DataType::Dictionary(_, value) => return value_type(value),
        _ => "object",
    };
    name.to_owned()
}

/// How pyarrow makes the type.
pub(super) fn expression(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Null => "pa.null()".to_owned(),
        DataType::Boolean => "pa.bool_()".to_owned(),
        DataType::Int8 => "pa.int8()".to_owned(),
        DataType::Int16 => "pa.int16()".to_owned(),
        DataType::Int32 => "pa.int32()".to_owned(),
        DataType::Int64 => "pa.int64()".to_owned(),
        DataType::UInt8 => "pa.uint8()".to_owned(),
        DataType::UInt16 => "pa.uint16()".to_owned(),
        DataType::UInt32 => "pa.uint32()".to_owned(),
        DataType::UInt64 => "pa.uint64()".to_owned(),
        DataType::Float16 => "pa.float16()".to_owned(),
        DataType::Float32 => "pa.float32()".to_owned(),
        DataType::Float64 => "pa.float64()".to_owned(),
        DataType::Decimal32(precision, scale) => format!("pa.decimal32({precision}, {scale})"),
        DataType::Decimal64(precision, scale) => format!("pa.decimal64({precision}, {scale})"),
        DataType::Decimal128(precision, scale) => format!("pa.decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("pa.decimal256({precision}, {scale})"),
        DataType::Utf8 => "pa.string()".to_owned(),
        DataType::LargeUtf8 => "pa.large_string()".to_owned(),
        DataType::Utf8View => "pa.string_view()".to_owned(),
        DataType::Binary => "pa.binary()".to_owned(),
        DataType::LargeBinary => "pa.large_binary()".to_owned(),
        DataType::BinaryView => "pa.binary_view()".to_owned(),
        DataType::FixedSizeBinary(width) => format!("pa.binary({width})"),
        DataType::Date32 => "pa.date32()".to_owned(),
        DataType::Date64 => "pa.date64()".to_owned(),
        DataType::Time32(unit) => format!("pa.time32({})", quoted(unit_name(*unit))),
        DataType::Time64(unit) => format!("pa.time64({})", quoted(unit_name(*unit))),
        DataType::Timestamp(unit, None) => format!("pa.timestamp({})", quoted(unit_name(*unit))),
        DataType::Timestamp(unit, Some(zone)) => {
            format!("pa.timestamp({}, tz={})", quoted(unit_name(*unit)), quoted(zone))
        }
        DataType::Duration(unit) => format!("pa.duration({})", quoted(unit_name(*unit))),
        DataType::List(item) => format!("pa.list_({})", child(item, "item", true)?),
        DataType::LargeList(item) => format!("pa.large_list({})", child(item, "item", true)?),
        DataType::FixedSizeList(item, size) => format!("pa.list_({}, {size})", child(item, "item", true)?),
        DataType::Struct(fields) => {
            let fields: Option<Vec<String>> = fields.iter().map(|field| field_expression(field)).collect();
            format!("pa.struct([{}])", fields?.join(", "))
        }
        DataType::Map(entries, sorted) => {
            let (key, value) = key_and_value(entries)?;
            let sorted = if *sorted { ", keys_sorted=True" } else { "" };
            format!("pa.map_({}, {}{sorted})", child(key, key.name(), false)?, child(value, value.name(), true)?)
        }
        DataType::Dictionary(index, value) => format!("pa.dictionary({}, {})", expression(index)?, expression(value)?),
        _ => return None,
    })
}

/// The child of a nested type: as a field only where pyarrow would make another one of the bare type.
fn child(field: &Field, name: &str, nullable: bool) -> Option<String> {
    if field.name() == name && field.is_nullable() == nullable {
        expression(field.data_type())
    } else {
        field_expression(field)
    }
}

fn field_expression(field: &Field) -> Option<String> {
    let nullable = if field.is_nullable() { "" } else { ", nullable=False" };
    Some(format!("pa.field({}, {}{nullable})", quoted(field.name()), expression(field.data_type())?))
}

/// How pyarrow makes a schema, a field a line.
pub(super) fn schema_expression(schema: &Schema) -> Option<String> {
    let fields: Option<Vec<String>> = schema.fields().iter().map(|field| field_expression(field)).collect();
    Some(format!("pa.schema([\n    {},\n])", fields?.join(",\n    ")))
}

/// Whether pyarrow finds this type for itself when it sees values.
pub(super) fn is_inferred_from_values(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::Binary | DataType::Int64 | DataType::Float64 | DataType::Boolean => true,
        DataType::List(item) => is_inferred_from_values(item.data_type()),
        _ => false,
    }
}

/// A value of the type.
pub(super) fn sample_value(data_type: &DataType) -> Option<String> {
    if let Some(literal) = sample(data_type) {
        return Some(literal.python());
    }
    Some(match data_type {
        DataType::Null => Literal::Null.python(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "b\"bytes\"".to_owned(),
        DataType::FixedSizeBinary(width) => format!("bytes({width})"),
        DataType::Date32 | DataType::Date64 => "datetime.date(2026, 1, 31)".to_owned(),
        DataType::Timestamp(_, None) => "datetime.datetime(2026, 1, 31, 12, 30)".to_owned(),
        DataType::Timestamp(_, Some(_)) => {
            "datetime.datetime(2026, 1, 31, 12, 30, tzinfo=datetime.timezone.utc)".to_owned()
        }
        DataType::Time32(_) | DataType::Time64(_) => "datetime.time(12, 30)".to_owned(),
        DataType::Duration(_) => "datetime.timedelta(seconds=1)".to_owned(),
        decimal if decimal.is_decimal() => "decimal.Decimal(\"1.5\")".to_owned(),
        DataType::List(item) | DataType::LargeList(item) => format!("[{}]", sample_value(item.data_type())?),
        DataType::FixedSizeList(item, size) => {
            let size = usize::try_from(*size).ok().filter(|size| *size <= 8)?;
            format!("[{}]", vec![sample_value(item.data_type())?; size].join(", "))
        }
        DataType::Map(entries, _) => {
            let (key, value) = key_and_value(entries)?;
            format!("{{{}: {}}}", sample_value(key.data_type())?, sample_value(value.data_type())?)
        }
        DataType::Struct(fields) => {
            let members: Option<Vec<String>> = fields
                .iter()
                .map(|field| Some(format!("{}: {}", quoted(field.name()), sample_value(field.data_type())?)))
                .collect();
            format!("{{{}}}", members?.join(", "))
        }
        DataType::Dictionary(_, value) => sample_value(value)?,
        _ => return None,
    })
}

fn key_and_value(entries: &Field) -> Option<(&Field, &Field)> {
    match entries.data_type() {
        DataType::Struct(fields) => match &fields[..] {
            [key, value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    }
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tower_vgi::VgiArrow;

    fn of<T: VgiArrow>() -> String {
        annotation(&T::parameter_field("x")).unwrap()
    }

    #[test]
    fn types_that_the_client_infers_are_python_s_own() {
        assert_eq!(of::<f64>(), "float");
        assert_eq!(of::<Option<String>>(), "str | None");
        assert_eq!(of::<Vec<Vec<i64>>>(), "list[list[int]]");
        assert_eq!(of::<BTreeMap<String, f64>>(), "dict[str, float]");
    }

    #[test]
    fn other_types_are_spelled_out() {
        assert_eq!(of::<u32>(), "Annotated[int, ArrowType(pa.uint32())]");
        assert_eq!(of::<Option<i8>>(), "Annotated[int, ArrowType(pa.int8())] | None");
        assert_eq!(of::<Vec<i32>>(), "Annotated[list[int], ArrowType(pa.list_(pa.int32()))]");
        let dictionary = DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8));
        assert_eq!(expression(&dictionary).unwrap(), "pa.dictionary(pa.int16(), pa.string())");
        let required = DataType::List(Field::new("item", DataType::Utf8, false).into());
        assert_eq!(expression(&required).unwrap(), r#"pa.list_(pa.field("item", pa.string(), nullable=False))"#);
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(expression(&zoned).unwrap(), r#"pa.timestamp("us", tz="UTC")"#);
    }
}
