//! Arrow types as Rust types.

use std::fmt::Write as _;

use arrow_schema::{DataType, Field, Fields, SchemaRef, TimeUnit};
use tower_vgi::client::{DescribedMethod, type_name};

use super::super::names::{Taken, pascal, snake};
use super::identifier;

/// The structs that are needed.
#[derive(Debug)]
pub(super) struct Types {
    pub(super) taken: Taken,
    records: Vec<(Fields, String)>,
    text: String,
}

impl Types {
    pub(super) fn new(taken: Taken) -> Self {
        Self { taken, records: Vec::new(), text: String::new() }
    }

    /// All structs.
    pub(super) fn records(&self) -> String {
        self.text.clone()
    }

    /// What stands after `#[producer`: the rows, where they are known and have a Rust type.
    pub(super) fn producer(&mut self, method: &DescribedMethod) -> String {
        let row = self.rows(method.details.output.as_ref(), method, "Row");
        row.map(|row| format!("({row})")).unwrap_or_default()
    }

    /// What stands after `#[exchange`, likewise.
    pub(super) fn exchange(&mut self, method: &DescribedMethod) -> String {
        let input = self.rows(method.details.input.as_ref(), method, "Input");
        let output = self.rows(method.details.output.as_ref(), method, "Output");
        match (input, output) {
            (Some(input), Some(output)) => format!("({input} => {output})"),
            _ => String::new(),
        }
    }

    fn rows(&mut self, schema: Option<&SchemaRef>, method: &DescribedMethod, suffix: &str) -> Option<String> {
        self.record(schema?.fields(), &format!("{}{suffix}", pascal(&method.name)), true).ok()
    }

    /// The type of a field. `exact`: what is sent has to be of the very type; what is read may differ in nullability
    /// within.
    pub(super) fn field(&mut self, field: &Field, path: &str, exact: bool) -> Result<String, String> {
        let ty = self.value(field, path, exact)?;
        Ok(if field.is_nullable() { format!("Option<{ty}>") } else { ty })
    }

    fn value(&mut self, field: &Field, path: &str, exact: bool) -> Result<String, String> {
        let us = TimeUnit::Microsecond;
        let ty = match field.data_type() {
            DataType::Boolean => "bool",
            DataType::Int8 => "i8",
            DataType::Int16 => "i16",
            DataType::Int32 => "i32",
            DataType::Int64 => "i64",
            DataType::UInt8 => "u8",
            DataType::UInt16 => "u16",
            DataType::UInt32 => "u32",
            DataType::UInt64 => "u64",
            DataType::Float32 => "f32",
            DataType::Float64 => "f64",
            DataType::Utf8 => "String",
            DataType::LargeUtf8 => "tower_vgi::value::LargeString",
            DataType::Binary => "Vec<u8>",
            DataType::LargeBinary => "tower_vgi::value::LargeBinary",
            DataType::Date32 => "chrono::NaiveDate",
            DataType::Time64(unit) if *unit == us => "chrono::NaiveTime",
            DataType::Duration(unit) if *unit == us => "chrono::TimeDelta",
            DataType::Timestamp(unit, None) if *unit == us => "chrono::NaiveDateTime",
            DataType::Timestamp(unit, Some(zone)) if *unit == us && &**zone == "UTC" => "chrono::DateTime<chrono::Utc>",
            DataType::Dictionary(index, value) if (&**index, &**value) == (&DataType::Int16, &DataType::Utf8) => {
                "tower_vgi::value::DictionaryString"
            }
            DataType::FixedSizeBinary(width) => return Ok(format!("[u8; {width}]")),
            DataType::Decimal128(precision, scale) => {
                return Ok(format!("tower_vgi::value::Decimal<{precision}, {scale}>"));
            }
            DataType::List(item) if item.is_nullable() || !exact => {
                return Ok(format!("Vec<{}>", self.item(item, path, exact)?));
            }
            DataType::Map(entries, false) => return self.map(field, entries, path, exact),
            DataType::Struct(fields) => return self.record(fields, path, exact),
            _ => return Err(unknown(field)),
        };
        Ok(ty.to_owned())
    }

    /// Items and values of maps are nullable by custom, and hardly ever null.
    fn item(&mut self, item: &Field, path: &str, exact: bool) -> Result<String, String> {
        if matches!(item.data_type(), DataType::UInt8) {
            // A `Vec<u8>` is bytes.
            return Err(unknown(&Field::new("", DataType::List(std::sync::Arc::new(item.clone())), false)));
        }
        self.value(item, path, exact)
    }

    fn map(&mut self, field: &Field, entries: &Field, path: &str, exact: bool) -> Result<String, String> {
        let DataType::Struct(fields) = entries.data_type() else { return Err(unknown(field)) };
        let [key, value] = &fields[..] else { return Err(unknown(field)) };
        let ordered = !matches!(key.data_type(), DataType::Float32 | DataType::Float64 | DataType::Struct(_));
        if !ordered || (exact && !value.is_nullable()) {
            return Err(unknown(field));
        }
        let key = self.value(key, &format!("{path}Key"), exact)?;
        let value = self.value(value, &format!("{path}Value"), exact)?;
        Ok(format!("std::collections::BTreeMap<{key}, {value}>"))
    }

    /// The struct with these fields; one for all that are alike.
    pub(super) fn record(&mut self, fields: &Fields, path: &str, exact: bool) -> Result<String, String> {
        if let Some((_, name)) = self.records.iter().find(|(known, _)| known == fields) {
            return Ok(name.clone());
        }
        if fields.is_empty() {
            return Err("a record without fields has no Rust type".to_owned());
        }
        let mut text = String::new();
        let mut taken = Taken::default();
        for field in fields {
            let ty = self.field(field, &format!("{path}{}", pascal(field.name())), exact)?;
            let name = taken.take(&snake(field.name()));
            let name = identifier(&name).unwrap_or_else(|| format!("field_{name}"));
            if name.trim_start_matches("r#") != field.name() {
                let _ = writeln!(text, "    #[vgi(rename = {:?})]", field.name());
            }
            let _ = writeln!(text, "    pub {name}: {ty},");
        }
        let name = self.taken.take(path);
        let _ = write!(self.text, "\n#[derive(VgiArrow, Clone, Debug, PartialEq)]\npub struct {name} {{\n{text}}}\n");
        self.records.push((fields.clone(), name.clone()));
        Ok(name)
    }
}

fn unknown(field: &Field) -> String {
    format!("`{}` has no Rust type", type_name(field))
}
