//! A description for people.

use arrow_schema::{Field, Schema};
use tower_vgi::client::{DescribedMethod, DescribedProtocol, ServiceDescription, type_name};

use crate::output::aligned;
use crate::schema::{default_of, kind};

pub(super) fn describe(service: &ServiceDescription) -> String {
    service.protocols.iter().map(of).collect::<Vec<_>>().join("\n")
}

fn of(protocol: &DescribedProtocol) -> String {
    let version = protocol.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let mut text = format!("{}{version}\n", protocol.name);
    if let Some(doc) = first_line(&protocol.doc) {
        text.push_str(&format!("  {doc}\n"));
    }
    let head = ["  method", "kind", "parameters", "result", "about"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(protocol.methods.iter().map(row)).collect();
    text + &aligned(&rows)
}

fn row(method: &DescribedMethod) -> Vec<String> {
    let parameters = method.parameters.fields().iter().map(|field| {
        let default = default_of(method, field).map(|default| format!(" = {default}")).unwrap_or_default();
        format!("{}{default}", column(field))
    });
    vec![
        format!("  {}", method.name),
        kind(method).to_owned(),
        parameters.collect::<Vec<_>>().join(", "),
        result(method),
        first_line(&method.details.doc).unwrap_or_default().to_owned(),
    ]
}

/// The type of a result; of streams, what goes in and comes out.
fn result(method: &DescribedMethod) -> String {
    if !method.is_stream {
        return method.result.fields().first().map(|field| nullable(field)).unwrap_or_default();
    }
    let rows = |schema: &Schema| format!("({})", columns(schema));
    let mut parts = Vec::new();
    if let Some(header) = &method.header {
        parts.push(format!("header {}", rows(header)));
    }
    match (&method.details.input, &method.details.output) {
        (Some(input), Some(output)) => parts.push(format!("{} → {}", rows(input), rows(output))),
        (None, Some(output)) => parts.push(rows(output)),
        (Some(input), None) => parts.push(format!("{} →", rows(input))),
        (None, None) => {}
    }
    parts.join(", ")
}

fn columns(schema: &Schema) -> String {
    schema.fields().iter().map(|field| column(field)).collect::<Vec<_>>().join(", ")
}

fn column(field: &Field) -> String {
    format!("{}: {}", field.name(), nullable(field))
}

fn nullable(field: &Field) -> String {
    format!("{}{}", type_name(field), if field.is_nullable() { "?" } else { "" })
}

fn first_line(doc: &str) -> Option<&str> {
    doc.lines().map(str::trim).find(|line| !line.is_empty())
}
