//! A description as traits with `#[tower_vgi::service]`.

mod defaults;
mod types;

use std::fmt::Write as _;

use tower_vgi::client::{DescribedMethod, DescribedProtocol, MethodKind, ServiceDescription};

use super::names::{Taken, is_identifier, of_protocol, one_line, pascal, snake};
use crate::schema::default_of;
use types::Types;

pub(super) fn describe(service: &ServiceDescription) -> String {
    let mut types = Types::new(Taken::but(&IN_SCOPE));
    // Protocols first: their names are the nicest.
    let mut name = |protocol: &DescribedProtocol| {
        let name = types.taken.take(&of_protocol(&protocol.name));
        // The macro makes these.
        types.taken.take(&format!("{name}Server"));
        types.taken.take(&format!("{name}Client"));
        name
    };
    let names: Vec<String> = service.protocols.iter().map(&mut name).collect();
    let mut traits = String::new();
    for (protocol, name) in service.protocols.iter().zip(&names) {
        traits.push('\n');
        traits.push_str(&of(protocol, name, &mut types));
    }
    let has = |kind| {
        service.protocols.iter().flat_map(|protocol| &protocol.methods).any(|method| stream(method) == Some(kind))
    };
    let mut text = String::from(
        "// A start, made by `tower-vgi describe`. Bytes may be records, and texts of a dictionary members of an enum: the wire\n// does not say.\n\n",
    );
    let rpc: Vec<&str> = [("Exchange", MethodKind::Exchange), ("Producer", MethodKind::Producer)]
        .into_iter()
        .filter_map(|(name, kind)| has(kind).then_some(name))
        .collect();
    match rpc[..] {
        [] => {}
        [name] => _ = writeln!(text, "use tower_vgi::rpc::{name};"),
        _ => _ = writeln!(text, "use tower_vgi::rpc::{{{}}};", rpc.join(", ")),
    }
    let records = types.records();
    let derive = if records.is_empty() { "" } else { "{Result, VgiArrow}" };
    let _ = writeln!(text, "use tower_vgi::{};", if derive.is_empty() { "Result" } else { derive });
    text.push_str(&records);
    text.push_str(&traits);
    text
}

/// What the text itself calls by its name.
const IN_SCOPE: [&str; 7] = ["Exchange", "Option", "Producer", "Result", "String", "Vec", "VgiArrow"];

/// What a stream is taken for: of unknown kind, a producer.
fn stream(method: &DescribedMethod) -> Option<MethodKind> {
    match method.kind {
        Some(MethodKind::Unary) => None,
        Some(kind) => Some(kind),
        None => Some(MethodKind::Producer),
    }
}

fn of(protocol: &DescribedProtocol, name: &str, types: &mut Types) -> String {
    let mut states = String::new();
    let mut methods = String::new();
    let mut taken = Taken::default();
    for method in &protocol.methods {
        let mut state = String::new();
        match signature(method, &mut taken, &mut state, types) {
            Ok(signature) => {
                states.push_str(&state);
                methods.push('\n');
                methods.push_str(&signature);
            }
            Err(why) => _ = write!(methods, "\n    // `{}` is left out: {}.\n", one_line(&method.name), one_line(&why)),
        }
    }
    let mut options = Vec::new();
    if protocol.name != name {
        options.push(format!("name = {:?}", protocol.name));
    }
    if let Some(version) = protocol.version.as_ref().filter(|version| is_version(version)) {
        options.push(format!("version = {version:?}"));
    }
    let options = if options.is_empty() { String::new() } else { format!("({})", options.join(", ")) };
    let body = format!("{states}{methods}");
    let body = body.strip_prefix('\n').unwrap_or(&body);
    let doc = comment(&protocol.doc, "");
    format!("{doc}#[tower_vgi::service{options}]\n#[allow(non_snake_case)]\npub trait {name} {{\n{body}}}\n")
}

fn signature(
    method: &DescribedMethod,
    taken: &mut Taken,
    state: &mut String,
    types: &mut Types,
) -> Result<String, String> {
    let mut parameters = String::from("&self");
    for field in method.parameters.fields() {
        let name =
            identifier(field.name()).ok_or_else(|| format!("a parameter cannot be called {:?}", field.name()))?;
        let path = format!("{}{}", pascal(&method.name), pascal(field.name()));
        let ty = types.field(field, &path, true).map_err(|error| format!("parameter `{}`: {error}", field.name()))?;
        let default = default_of(method, field).and_then(|default| defaults::literal(field, &default));
        let default = default.map(|default| format!("#[default({default})] ")).unwrap_or_default();
        let _ = write!(parameters, ", {default}{name}: {ty}");
    }
    let result = match stream(method) {
        None => match method.result.fields().first() {
            None => "()".to_owned(),
            Some(field) => types
                .field(field, &format!("{}Result", pascal(&method.name)), false)
                .map_err(|error| format!("its result: {error}"))?,
        },
        Some(kind) => {
            let header = match &method.header {
                None => String::new(),
                Some(header) => {
                    let path = format!("{}Header", pascal(&method.name));
                    let name =
                        types.record(header.fields(), &path, false).map_err(|error| format!("its header: {error}"))?;
                    format!(", {name}")
                }
            };
            // No state has the name of a type: both may be named in the trait.
            let name = types.taken.take(&pascal(&method.name));
            let (attribute, wrapper) = match kind {
                MethodKind::Exchange => (format!("exchange{}", types.exchange(method)), "Exchange"),
                _ => (format!("producer{}", types.producer(method)), "Producer"),
            };
            if method.kind.is_none() {
                let _ = writeln!(state, "    // Or an exchange: the server does not say.");
            }
            let _ = write!(state, "    #[{attribute}]\n    type {name};\n");
            format!("{wrapper}<Self::{name}{header}>")
        }
    };
    let name = taken.take(&snake(&method.name));
    let (name, attribute) = match identifier(&method.name) {
        // As it is, where that is the custom.
        Some(identifier) if name == method.name => (identifier, String::new()),
        _ => {
            let name = identifier(&name).unwrap_or_else(|| format!("method_{name}"));
            (name, format!("    #[method(name = {:?})]\n", method.name))
        }
    };
    let doc = comment(&method.details.doc, "    ");
    Ok(format!("{doc}{attribute}    async fn {name}({parameters}) -> Result<{result}>;\n"))
}

/// A name as an identifier, a raw one if need be.
fn identifier(name: &str) -> Option<String> {
    // These cannot be raw.
    const NEVER: [&str; 4] = ["crate", "self", "super", "Self"];
    const KEYWORDS: [&str; 48] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
        "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
        "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    if !is_identifier(name) || NEVER.contains(&name) {
        return None;
    }
    Some(if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() })
}

/// What the macro takes: three numbers.
fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| part.parse::<u64>().is_ok_and(|number| number.to_string() == **part);
    parts.len() == 3 && parts.iter().all(number)
}

/// A text as doc comments.
fn comment(doc: &str, indent: &str) -> String {
    doc.lines().map(|line| format!("{indent}/// {}\n", one_line(line)).replace("/// \n", "///\n")).collect()
}
