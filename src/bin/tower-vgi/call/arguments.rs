//! The row of arguments, typed by the method's parameters.

use std::io;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tower_vgi::client::{Generation, MethodDetails, type_name};

use super::method::Method;
use crate::failure::Failure;
use crate::options::Call;
use crate::value;

/// Reads what the command line says.
pub(super) async fn read(method: &Method, options: &Call) -> Result<RecordBatch, Failure> {
    let parameters = &method.description.parameters;
    let mut given = match options.json.as_deref() {
        None => Map::new(),
        Some("-") => object(&stdin().await?)?,
        Some(text) => object(text)?,
    };
    for argument in &options.arguments {
        let (name, value) = parse(argument, parameters)?;
        if given.insert(name.clone(), value).is_some() {
            return Err(Failure::usage(format!("argument '{name}' is given twice")));
        }
    }
    let row = Row { parameters, details: &method.description.details, generation: method.generation };
    row.of(&given).map_err(Failure::Usage)
}

/// All of stdin, read where that may block: Ctrl-C is heard meanwhile.
async fn stdin() -> Result<String, Failure> {
    let read = tokio::task::spawn_blocking(|| io::read_to_string(io::stdin())).await;
    read.unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|error| Failure::local("the arguments cannot be read from stdin", &error))
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::usage("--json takes an object, such as {\"a\": 1}")),
        Err(error) => Err(Failure::usage(format!("--json takes an object, and this is no JSON: {error}"))),
    }
}

/// `name=text` or `name:=JSON`.
fn parse(argument: &str, parameters: &Schema) -> Result<(String, Value), Failure> {
    let Some((name, text)) = argument.split_once('=') else {
        return Err(Failure::usage(format!("an argument is given as name=value; '{argument}' is none")));
    };
    let json = |text: &str, name: &str, type_name: &str| {
        serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!("argument '{name}' takes {type_name}, as JSON; '{text}' is none: {error}"))
        })
    };
    if let Some(name) = name.strip_suffix(':') {
        return Ok((name.to_owned(), json(text, name, "a value")?));
    }
    let value = match parameters.field_with_name(name) {
        // Told with all that is wrong with names.
        Err(_) => Value::String(text.to_owned()),
        Ok(field) if value::is_binary(field.data_type()) && text.starts_with('@') => file(name, &text[1..])?,
        Ok(field) if value::is_binary(field.data_type()) && text.starts_with('{') => json(text, name, "a record")?,
        Ok(field) if value::is_text(field.data_type()) => Value::String(text.to_owned()),
        Ok(field) => json(text, name, &type_name(field))?,
    };
    Ok((name.to_owned(), value))
}

/// The content of a file, in the form that bytes have everywhere else.
fn file(name: &str, path: &str) -> Result<Value, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::local(format_args!("'{path}', for argument '{name}', cannot be read"), &error))?;
    Ok(Value::String(STANDARD.encode(bytes)))
}

/// What a row is made by.
struct Row<'a> {
    parameters: &'a Schema,
    details: &'a MethodDetails,
    generation: Generation,
}

impl Row<'_> {
    fn of(&self, given: &Map<String, Value>) -> Result<RecordBatch, String> {
        if let Some(name) = given.keys().find(|name| self.parameters.field_with_name(name).is_err()) {
            return Err(format!("there is no argument '{name}'; there are {}", self.names()));
        }
        let mut fields: Vec<Arc<Field>> = Vec::new();
        let mut columns = Vec::new();
        for field in self.parameters.fields() {
            let value = given.get(field.name());
            let column = match (value, self.details.default_of(field.name())) {
                (None, Some(default)) if default.data_type() == field.data_type() => default.clone(),
                // The server fills in its default, or says that there is none.
                (None, _) if self.generation == Generation::Flat => continue,
                (None, _) if !field.is_nullable() => return Err(self.missing(given)),
                (value, _) => value::column(field, &[value])
                    .map_err(|mismatch| format!("argument {}", mismatch.named(field.name())))?,
            };
            columns.push(column);
            fields.push(field.clone());
        }
        // Without columns there is no row, as published clients have it.
        let options = RecordBatchOptions::new().with_row_count(Some(usize::from(!columns.is_empty())));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .map_err(|error| format!("the arguments do not fit the method: {error}"))
    }

    /// Whatever is missing, at once.
    fn missing(&self, given: &Map<String, Value>) -> String {
        let needed = |field: &&Arc<Field>| {
            let name = field.name();
            !field.is_nullable() && !given.contains_key(name) && self.details.default_of(name).is_none()
        };
        let missing = self.parameters.fields().iter().filter(needed);
        let missing: Vec<String> = missing.map(|field| format!("{}=… ({})", field.name(), type_name(field))).collect();
        format!("missing: {}", missing.join(", "))
    }

    fn names(&self) -> String {
        let names = self.parameters.fields().iter().map(|field| format!("{}: {}", field.name(), type_name(field)));
        let names: Vec<String> = names.collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::DataType;

    use super::*;

    fn parameters() -> Schema {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
        Schema::new(vec![
            Field::new("a", DataType::Float64, false),
            Field::new("name", DataType::Utf8, true),
            Field::new("list", list, true),
            Field::new("data", DataType::Binary, true),
        ])
    }

    fn read(arguments: &[&str], generation: Generation) -> Result<String, String> {
        let mut given = Map::new();
        for argument in arguments {
            match parse(argument, &parameters()) {
                Ok((name, value)) => given.insert(name, value),
                Err(Failure::Usage(text)) => return Err(text),
                Err(other) => panic!("{other:?}"),
            };
        }
        let row = Row { parameters: &parameters(), details: &MethodDetails::default(), generation };
        let batch = row.of(&given)?;
        Ok(serde_json::to_string(&crate::output::rows_as_json(&batch).unwrap()).unwrap())
    }

    #[test]
    fn text_is_typed_by_the_parameter() {
        let read = |arguments: &[&str]| read(arguments, Generation::Namespaced).unwrap();
        assert_eq!(
            read(&["a=1", "name=a=b", "list=[1, 2]", "data=AQI"]),
            r#"[{"a":1.0,"name":"a=b","list":[1,2],"data":"AQI="}]"#
        );
        assert_eq!(read(&["a:=1.5", "name:=null"]), r#"[{"a":1.5,"name":null,"list":null,"data":null}]"#);
        assert_eq!(read(&["a=1", "name=null"]), r#"[{"a":1.0,"name":"null","list":null,"data":null}]"#);
    }

    #[test]
    fn the_flat_generation_fills_in_what_is_left_out() {
        assert_eq!(read(&["name=x"], Generation::Flat).unwrap(), r#"[{"name":"x"}]"#);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (arguments, expected) in [
            (vec!["a"], "an argument is given as name=value; 'a' is none"),
            (vec!["a=x"], "argument 'a' takes float64, not 'x'"),
            (vec!["a:=null"], "argument 'a' takes float64, not null"),
            (vec!["a=1", "list=[1,\"b\"]"], "argument 'list[1]' takes int64?, not 'b'"),
            (vec!["name=x"], "missing: a=… (float64)"),
            (
                vec!["a=1", "b=2"],
                "there is no argument 'b'; there are a: float64, name: utf8, list: list<item?:int64>, data: binary",
            ),
        ] {
            assert_eq!(read(&arguments, Generation::Namespaced).unwrap_err(), expected);
        }
        let error = read(&["list=1,2"], Generation::Namespaced).unwrap_err();
        assert!(error.starts_with("argument 'list' takes list<item?:int64>, as JSON; '1,2' is none"), "{error}");
    }
}
