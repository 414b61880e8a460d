//! Values that say their own type: `{"$binary": "AQI="}`. For rows and records, of which no schema is known.

use arrow_schema::{DataType, TimeUnit};
use serde_json::Value;

/// The type that a value says, and the value itself.
pub(super) fn typed(value: &Value) -> Option<(DataType, &Value)> {
    let Value::Object(members) = value else { return None };
    let mut members = members.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else { return None };
    Some((data_type(name.strip_prefix('$')?)?, value))
}

/// The type of a name, as descriptions have it; of those without parts.
fn data_type(name: &str) -> Option<DataType> {
    Some(match name {
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float16" => DataType::Float16,
        "float32" => DataType::Float32,
        "float64" => DataType::Float64,
        "utf8" => DataType::Utf8,
        "large_utf8" => DataType::LargeUtf8,
        "binary" => DataType::Binary,
        "large_binary" => DataType::LargeBinary,
        "date32" => DataType::Date32,
        "date64" => DataType::Date64,
        _ => return with_arguments(name),
    })
}

fn with_arguments(name: &str) -> Option<DataType> {
    let (kind, arguments) = name.strip_suffix(')')?.split_once('(')?;
    let (first, second) = match arguments.split_once(',') {
        Some((first, second)) => (first, Some(second)),
        None => (arguments, None),
    };
    let of = || unit(first);
    Some(match (kind, second) {
        ("time32", None) => Some(of()?).filter(|unit| is_coarse(*unit)).map(DataType::Time32)?,
        ("time64", None) => Some(of()?).filter(|unit| !is_coarse(*unit)).map(DataType::Time64)?,
        ("duration", None) => DataType::Duration(of()?),
        ("timestamp", None) => DataType::Timestamp(of()?, None),
        ("timestamp", Some(zone)) => DataType::Timestamp(of()?, Some(zone.strip_prefix("tz=")?.into())),
        ("fixed_size_binary", None) => first.parse().ok().filter(|width| *width >= 0).map(DataType::FixedSizeBinary)?,
        ("decimal128", Some(scale)) => {
            let (precision, scale): (u8, i8) = (first.parse().ok()?, scale.parse().ok()?);
            let fits = (1..=38).contains(&precision) && scale.unsigned_abs() <= precision;
            fits.then_some(DataType::Decimal128(precision, scale))?
        }
        _ => return None,
    })
}

fn unit(name: &str) -> Option<TimeUnit> {
    Some(match name {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return None,
    })
}

fn is_coarse(unit: TimeUnit) -> bool {
    matches!(unit, TimeUnit::Second | TimeUnit::Millisecond)
}

#[cfg(test)]
mod tests {
    use arrow_schema::Field;
    use tower_vgi::client::type_name;

    use super::*;

    #[test]
    fn names_are_those_of_descriptions() {
        for name in [
            "bool",
            "int8",
            "uint64",
            "float16",
            "large_utf8",
            "binary",
            "date32",
            "time32(ms)",
            "time64(us)",
            "duration(ns)",
            "timestamp(s)",
            "timestamp(us,tz=UTC)",
            "fixed_size_binary(8)",
            "decimal128(20,4)",
        ] {
            let data_type = data_type(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(type_name(&Field::new("x", data_type, false)), name);
        }
        for name in ["", "list", "time32(us)", "decimal128(39,0)", "decimal128(1)", "timestamp(us,UTC)", "date32("] {
            assert_eq!(data_type(name), None, "{name}");
        }
    }
}
