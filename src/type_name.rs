//! The text of an Arrow type in a protocol's hash (wire specification §10.3).

use std::fmt::Write as _;

use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit, UnionMode};

/// The name of a field's Arrow type, such as `int64` or `list<item?:utf8>`: what a protocol's hash is made of, and
/// short enough for people.
///
/// ```
/// use tower_vgi::VgiArrow;
/// use tower_vgi::rpc::type_name;
///
/// assert_eq!(type_name(&Vec::<f64>::parameter_field("x")), "list<item?:float64>");
/// ```
pub fn type_name(field: &Field) -> String {
    let mut token = String::new();
    write_field_type(&mut token, field);
    token
}

const EXTENSION_NAME: &str = "ARROW:extension:name";

fn write_field_type(out: &mut String, field: &Field) {
    match field.metadata().get(EXTENSION_NAME) {
        Some(name) => {
            let _ = write!(out, "extension({name})<");
            write_type(out, field.data_type());
            out.push('>');
        }
        None => write_type(out, field.data_type()),
    }
}

fn write_type(out: &mut String, data_type: &DataType) {
    // Writing to a String cannot fail.
    let _ = match data_type {
        DataType::Null => write!(out, "null"),
        DataType::Boolean => write!(out, "bool"),
        DataType::Int8 => write!(out, "int8"),
        DataType::Int16 => write!(out, "int16"),
        DataType::Int32 => write!(out, "int32"),
        DataType::Int64 => write!(out, "int64"),
        DataType::UInt8 => write!(out, "uint8"),
        DataType::UInt16 => write!(out, "uint16"),
        DataType::UInt32 => write!(out, "uint32"),
        DataType::UInt64 => write!(out, "uint64"),
        DataType::Float16 => write!(out, "float16"),
        DataType::Float32 => write!(out, "float32"),
        DataType::Float64 => write!(out, "float64"),
        DataType::Decimal32(precision, scale) => write!(out, "decimal32({precision},{scale})"),
        DataType::Decimal64(precision, scale) => write!(out, "decimal64({precision},{scale})"),
        DataType::Decimal128(precision, scale) => write!(out, "decimal128({precision},{scale})"),
        DataType::Decimal256(precision, scale) => write!(out, "decimal256({precision},{scale})"),
        DataType::Utf8 => write!(out, "utf8"),
        DataType::LargeUtf8 => write!(out, "large_utf8"),
        DataType::Utf8View => write!(out, "utf8_view"),
        DataType::Binary => write!(out, "binary"),
        DataType::LargeBinary => write!(out, "large_binary"),
        DataType::BinaryView => write!(out, "binary_view"),
        DataType::FixedSizeBinary(width) => write!(out, "fixed_size_binary({width})"),
        DataType::Date32 => write!(out, "date32"),
        DataType::Date64 => write!(out, "date64"),
        DataType::Time32(unit) => write!(out, "time32({})", time_unit(unit)),
        DataType::Time64(unit) => write!(out, "time64({})", time_unit(unit)),
        DataType::Timestamp(unit, None) => write!(out, "timestamp({})", time_unit(unit)),
        DataType::Timestamp(unit, Some(zone)) => write!(out, "timestamp({},tz={zone})", time_unit(unit)),
        DataType::Duration(unit) => write!(out, "duration({})", time_unit(unit)),
        DataType::Interval(IntervalUnit::YearMonth) => write!(out, "interval_months"),
        DataType::Interval(IntervalUnit::DayTime) => write!(out, "interval_day_time"),
        DataType::Interval(IntervalUnit::MonthDayNano) => write!(out, "interval_month_day_nano"),
        DataType::List(item) => return write_list(out, "list", item),
        DataType::LargeList(item) => return write_list(out, "large_list", item),
        DataType::ListView(item) => return write_list(out, "list_view", item),
        DataType::LargeListView(item) => return write_list(out, "large_list_view", item),
        DataType::FixedSizeList(item, size) => return write_list(out, &format!("fixed_size_list({size})"), item),
        DataType::Struct(fields) => {
            out.push_str("struct<");
            for (index, field) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_child(out, field.name(), field);
            }
            write!(out, ">")
        }
        DataType::Map(entries, sorted) => return write_map(out, entries, *sorted),
        DataType::Union(fields, mode) => {
            out.push_str(if *mode == UnionMode::Dense { "dense_union<" } else { "sparse_union<" });
            for (index, (code, field)) in fields.iter().enumerate() {
                let _ = write!(out, "{}{code}=", if index > 0 { "," } else { "" });
                write_child(out, field.name(), field);
            }
            write!(out, ">")
        }
        DataType::Dictionary(index, value) => {
            out.push_str("dictionary<index:");
            write_type(out, index);
            out.push_str(",value:");
            write_type(out, value);
            write!(out, ">")
        }
        DataType::RunEndEncoded(run_ends, values) => {
            out.push_str("run_end_encoded<");
            write_child(out, "run_ends", run_ends);
            out.push(',');
            // The values' nullability is not part of the type.
            out.push_str("values:");
            write_field_type(out, values);
            write!(out, ">")
        }
    };
}

fn write_child(out: &mut String, name: &str, field: &Field) {
    let _ = write!(out, "{name}{}:", if field.is_nullable() { "?" } else { "" });
    write_field_type(out, field);
}

/// The child of a list is always called `item`, whatever its producer calls it.
fn write_list(out: &mut String, kind: &str, item: &Field) {
    let _ = write!(out, "{kind}<");
    write_child(out, "item", item);
    out.push('>');
}

fn write_map(out: &mut String, entries: &Field, sorted: bool) {
    out.push_str("map<");
    if let DataType::Struct(fields) = entries.data_type() {
        for (index, (name, field)) in ["key", "value"].iter().zip(fields).enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_child(out, name, field);
        }
    }
    out.push_str(if sorted { ">,keys_sorted" } else { ">" });
}

fn time_unit(unit: &TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Fields;

    use super::*;

    fn token(data_type: DataType) -> String {
        type_name(&Field::new("x", data_type, false))
    }

    #[test]
    fn tokens_follow_the_specification() {
        let item = |name: &str, nullable| Arc::new(Field::new(name, DataType::Int64, nullable));
        let entries =
            Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Int64, true)]);
        let map =
            |sorted| DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries.clone()), false)), sorted);
        let dictionary = DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8));
        for (data_type, expected) in [
            (DataType::Decimal128(20, 4), "decimal128(20,4)"),
            (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), "timestamp(us,tz=UTC)"),
            (DataType::List(item("element", true)), "list<item?:int64>"),
            (DataType::FixedSizeList(item("item", false), 3), "fixed_size_list(3)<item:int64>"),
            (DataType::Struct(Fields::from(vec![item("a", false), item("b", true)])), "struct<a:int64,b?:int64>"),
            (map(false), "map<key:utf8,value?:int64>"),
            (map(true), "map<key:utf8,value?:int64>,keys_sorted"),
            (dictionary, "dictionary<index:int16,value:utf8>"),
        ] {
            assert_eq!(token(data_type), expected);
        }
    }

    #[test]
    fn extension_types_name_themselves() {
        let field = Field::new("x", DataType::FixedSizeBinary(16), false)
            .with_metadata([(EXTENSION_NAME.to_owned(), "arrow.uuid".to_owned())]);
        assert_eq!(type_name(&field), "extension(arrow.uuid)<fixed_size_binary(16)>");
    }
}
