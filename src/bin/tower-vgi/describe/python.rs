//! A description as `Protocol` classes of the Python package vgi-rpc.

mod types;

use std::fmt::Write as _;

use arrow_schema::{DataType, Field, Schema};
use serde_json::Value;
use tower_vgi::client::{DescribedMethod, DescribedProtocol, MethodKind, ServiceDescription};

use crate::schema::default_of;

use super::names::{Taken, is_identifier, of_protocol, one_line, pascal};

pub(super) fn describe(service: &ServiceDescription) -> String {
    let mut taken = Taken::but(&IN_SCOPE);
    let names: Vec<String> =
        service.protocols.iter().map(|protocol| taken.take(&of_protocol(&protocol.name))).collect();
    let mut headers = String::new();
    let mut classes = String::new();
    for (protocol, name) in service.protocols.iter().zip(&names) {
        let class = of(protocol, name, &mut taken, &mut headers);
        let _ = write!(classes, "\n\n{class}");
    }
    let body = headers + &classes;
    let uses = |word: &str| body.contains(word);
    let mut text = String::from(
        "\"\"\"A start, made by `tower-vgi describe`. Bytes may be records: the wire does not say.\"\"\"\n\n",
    );
    let mut import = |line: &str, used: bool| {
        if used {
            text.push_str(line);
            text.push('\n');
        }
    };
    import("import datetime", uses("datetime."));
    import("import decimal", uses("decimal."));
    import("from dataclasses import dataclass", uses("@dataclass"));
    let typing = [("Annotated", uses("Annotated[")), ("Any", uses("Any")), ("ClassVar", uses("ClassVar["))];
    let typing: Vec<&str> = typing.iter().filter_map(|(name, used)| used.then_some(*name)).collect();
    import(&format!("from typing import {}", [&typing[..], &["Protocol"]].concat().join(", ")), true);
    import("", true);
    import("import pyarrow as pa", uses("pa."));
    import("from vgi_rpc import Stream, StreamState", uses("Stream["));
    let utils = [("ArrowSerializableDataclass", uses("@dataclass")), ("ArrowType", uses("ArrowType("))];
    let utils: Vec<&str> = utils.iter().filter_map(|(name, used)| used.then_some(*name)).collect();
    import(&format!("from vgi_rpc.utils import {}", utils.join(", ")), !utils.is_empty());
    text + &body
}

/// What the text itself calls by its name.
const IN_SCOPE: [&str; 9] = [
    "Annotated",
    "Any",
    "ArrowSerializableDataclass",
    "ArrowType",
    "ClassVar",
    "Exception",
    "Protocol",
    "Stream",
    "StreamState",
];

fn of(protocol: &DescribedProtocol, name: &str, taken: &mut Taken, headers: &mut String) -> String {
    let mut text = format!("class {name}(Protocol):\n");
    let mut empty = true;
    if !protocol.doc.trim().is_empty() {
        let _ = writeln!(text, "{}", docstring(protocol.doc.trim(), "    "));
        empty = false;
    }
    if protocol.name != name {
        let _ = writeln!(text, "    protocol_name: ClassVar[str] = {}", literal(&protocol.name));
        empty = false;
    }
    if let Some(version) = &protocol.version {
        let _ = writeln!(text, "    protocol_version: ClassVar[str] = {}", literal(version));
        empty = false;
    }
    for method in &protocol.methods {
        match signature(method, taken, headers) {
            Ok(signature) => {
                let _ = write!(text, "\n{signature}");
                empty = false;
            }
            Err(why) => _ = write!(text, "\n    # {} is left out: {}.\n", literal(&method.name), one_line(&why)),
        }
    }
    if empty {
        text.push_str("    pass\n");
    }
    text
}

fn signature(method: &DescribedMethod, taken: &mut Taken, headers: &mut String) -> Result<String, String> {
    let name = identifier(&method.name).ok_or("it is no name in Python")?;
    let mut parameters = String::from("self");
    for field in method.parameters.fields() {
        let name =
            identifier(field.name()).ok_or_else(|| format!("{} is no name of a parameter", literal(field.name())))?;
        let ty = types::field(field).map_err(|error| format!("parameter {name}: {error}"))?;
        let _ = write!(parameters, ", {name}: {ty}{}", default(method, field));
    }
    let (result, doc) = match method.kind {
        Some(MethodKind::Unary) => match method.result.fields().first() {
            None => ("None".to_owned(), ""),
            Some(field) => (types::field(field).map_err(|error| format!("its result: {error}"))?, ""),
        },
        kind => {
            let header = match &method.header {
                None => String::new(),
                Some(header) => format!(", {}", dataclass(method, header, taken, headers)?),
            };
            let doc = match kind {
                Some(MethodKind::Producer) => "A producer: iterate over it.",
                Some(MethodKind::Exchange) => "An exchange: call its `exchange`.",
                _ => "A producer or an exchange: the server does not say.",
            };
            (format!("Stream[StreamState{header}]"), doc)
        }
    };
    let doc: Vec<&str> = [method.details.doc.trim(), doc].into_iter().filter(|doc| !doc.is_empty()).collect();
    Ok(match &doc[..] {
        [] => format!("    def {name}({parameters}) -> {result}: ...\n"),
        doc => {
            let doc = docstring(&doc.join("\n\n"), "        ");
            format!("    def {name}({parameters}) -> {result}:\n{doc}        ...\n")
        }
    })
}

/// The default of a parameter, where Python has a literal for it. A parameter without one cannot follow one with: these
/// are left without.
fn default(method: &DescribedMethod, field: &Field) -> String {
    let of = |field: &Field| match (default_of(method, field)?, field.data_type()) {
        (Value::Null, _) => Some("None".to_owned()),
        (Value::Bool(true), _) => Some("True".to_owned()),
        (Value::Bool(false), _) => Some("False".to_owned()),
        (Value::Number(number), _) => Some(number.to_string()),
        (Value::String(text), DataType::Utf8 | DataType::LargeUtf8 | DataType::Dictionary(..)) => Some(literal(&text)),
        _ => None,
    };
    let after = method.parameters.fields().iter().skip_while(|other| other.name() != field.name());
    let all_have_one = after.into_iter().all(|field| of(field).is_some());
    of(field).filter(|_| all_have_one).map(|default| format!(" = {default}")).unwrap_or_default()
}

/// A text as the documentation of a class or function.
fn docstring(doc: &str, indent: &str) -> String {
    let doc = doc.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"");
    // A quotation mark at the end would be taken for one of the three.
    let end = if doc.ends_with('"') { " " } else { "" };
    let quoted = format!("\"\"\"{doc}{end}\"\"\"");
    quoted.lines().map(|line| format!("{}\n", format!("{indent}{line}").trim_end())).collect()
}

/// The class of a header.
fn dataclass(
    method: &DescribedMethod,
    header: &Schema,
    taken: &mut Taken,
    headers: &mut String,
) -> Result<String, String> {
    let mut fields = String::new();
    for field in header.fields() {
        let name =
            identifier(field.name()).ok_or_else(|| format!("{} is no name of a field", literal(field.name())))?;
        let ty = types::field(field).map_err(|error| format!("its header: {error}"))?;
        let _ = writeln!(fields, "    {name}: {ty}");
    }
    if fields.is_empty() {
        fields.push_str("    pass\n");
    }
    let name = taken.take(&format!("{}Header", pascal(&method.name)));
    let _ = write!(headers, "\n\n@dataclass(frozen=True)\nclass {name}(ArrowSerializableDataclass):\n{fields}");
    Ok(name)
}

fn identifier(name: &str) -> Option<&str> {
    const KEYWORDS: [&str; 35] = [
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
        "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
    ];
    (is_identifier(name) && name != "self" && !KEYWORDS.contains(&name)).then_some(name)
}

/// A text as Python writes it: the escapes of JSON are Python's, too.
fn literal(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_docstring() {
        assert_eq!(docstring("One.\n\n  Two", "    "), "    \"\"\"One.\n\n      Two\"\"\"\n");
        assert_eq!(docstring(r#"a"""b\"#, ""), "\"\"\"a\\\"\\\"\\\"b\\\\\"\"\"\n");
        assert_eq!(docstring("\"x\"", ""), "\"\"\"\"x\" \"\"\"\n");
    }
}
