//! Arrow types as annotations.

use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};
use tower_vgi::client::type_name;

use super::literal;

/// The annotation of a field: a plain type where vgi-rpc finds the Arrow type by itself, and else with the type.
pub(super) fn field(field: &Field) -> Result<String, String> {
    let ty = match plain(field.data_type()) {
        Some(ty) => ty,
        None => format!("Annotated[{}, ArrowType({})]", python(field.data_type()), arrow(field)?),
    };
    Ok(if field.is_nullable() { format!("{ty} | None") } else { ty })
}

/// The type that stands for this Arrow type without being told.
fn plain(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Int64 => "int".to_owned(),
        DataType::Float64 => "float".to_owned(),
        DataType::Utf8 => "str".to_owned(),
        DataType::Binary => "bytes".to_owned(),
        DataType::List(item) if item.is_nullable() => format!("list[{}]", plain(item.data_type())?),
        DataType::Map(entries, false) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 && fields[1].is_nullable() => {
                format!("dict[{}, {}]", plain(fields[0].data_type())?, plain(fields[1].data_type())?)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// The type of the values.
fn python(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "None",
        DataType::Boolean => "bool",
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "float",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "str",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytes",
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            "decimal.Decimal"
        }
        DataType::Date32 | DataType::Date64 => "datetime.date",
        DataType::Time32(_) | DataType::Time64(_) => "datetime.time",
        DataType::Timestamp(..) => "datetime.datetime",
        DataType::Duration(_) => "datetime.timedelta",
        DataType::Dictionary(_, value) => return python(value),
        DataType::RunEndEncoded(_, values) => return python(values.data_type()),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return format!("list[{}]", python(item.data_type()));
        }
        DataType::Struct(_) => "dict[str, Any]",
        DataType::Map(entries, _) => {
            return match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => {
                    format!("dict[{}, {}]", python(fields[0].data_type()), python(fields[1].data_type()))
                }
                _ => "dict[Any, Any]".to_owned(),
            };
        }
        data_type if data_type.is_integer() => "int",
        _ => "Any",
    }
    .to_owned()
}

/// The expression that makes the Arrow type.
fn arrow(field: &Field) -> Result<String, String> {
    let text = match field.data_type() {
        DataType::Null => "pa.null()".to_owned(),
        DataType::Boolean => "pa.bool_()".to_owned(),
        DataType::Utf8 => "pa.string()".to_owned(),
        DataType::LargeUtf8 => "pa.large_string()".to_owned(),
        DataType::Utf8View => "pa.string_view()".to_owned(),
        DataType::Binary => "pa.binary()".to_owned(),
        DataType::LargeBinary => "pa.large_binary()".to_owned(),
        DataType::BinaryView => "pa.binary_view()".to_owned(),
        DataType::FixedSizeBinary(width) => format!("pa.binary({width})"),
        DataType::Time32(of) => format!("pa.time32({:?})", unit(of)),
        DataType::Time64(of) => format!("pa.time64({:?})", unit(of)),
        DataType::Duration(of) => format!("pa.duration({:?})", unit(of)),
        DataType::Timestamp(of, None) => format!("pa.timestamp({:?})", unit(of)),
        DataType::Timestamp(of, Some(zone)) => format!("pa.timestamp({:?}, tz={})", unit(of), literal(zone)),
        DataType::Interval(IntervalUnit::MonthDayNano) => "pa.month_day_nano_interval()".to_owned(),
        DataType::Decimal32(precision, scale) => format!("pa.decimal32({precision}, {scale})"),
        DataType::Decimal64(precision, scale) => format!("pa.decimal64({precision}, {scale})"),
        DataType::Decimal128(precision, scale) => format!("pa.decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("pa.decimal256({precision}, {scale})"),
        DataType::List(item) => format!("pa.list_({})", child(item)?),
        DataType::LargeList(item) => format!("pa.large_list({})", child(item)?),
        DataType::FixedSizeList(item, size) => format!("pa.list_({}, {size})", child(item)?),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| child(field)).collect::<Result<_, _>>()?;
            format!("pa.struct([{}])", fields.join(", "))
        }
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let sorted = if *sorted { ", keys_sorted=True" } else { "" };
                format!("pa.map_({}, {}{sorted})", arrow(&fields[0])?, child(&fields[1])?)
            }
            _ => return Err(unknown(field)),
        },
        DataType::Dictionary(index, value) => {
            let of = |data_type: &DataType| arrow(&Field::new("", data_type.clone(), true));
            format!("pa.dictionary({}, {})", of(index)?, of(value)?)
        }
        // int8 … uint64, float16 … float64, date32 and date64 are called so.
        data_type if data_type.is_primitive() && !matches!(data_type, DataType::Interval(_)) => {
            format!("pa.{}()", type_name(&Field::new("", data_type.clone(), true)))
        }
        _ => return Err(unknown(field)),
    };
    Ok(text)
}

fn child(field: &Field) -> Result<String, String> {
    let nullable = if field.is_nullable() { "" } else { ", nullable=False" };
    Ok(format!("pa.field({}, {}{nullable})", literal(field.name()), arrow(field)?))
}

fn unit(unit: &TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

fn unknown(field: &Field) -> String {
    format!("{} cannot be written here", type_name(field))
}
