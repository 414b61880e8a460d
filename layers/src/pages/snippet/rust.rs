//! A call from Rust.

use std::fmt::Write as _;

use arrow_schema::DataType;
use tower_vgi::rpc::{MethodDescription, Parameter, Protocol};

use super::value::{Literal, sample};
use super::{is_identifier, type_name_of};

/// How a program in Rust calls the method, with `base` as the server's address.
pub(in super::super) fn rust(protocol: &Protocol, method: &MethodDescription, base: char) -> Option<String> {
    let service = type_name_of(protocol.name())?;
    let name = identifier(&method.name)?;
    let arguments: Option<Vec<String>> = method.parameters.iter().map(argument).collect();
    let mut snippet = String::new();
    if method.kind.is_stream() {
        snippet.push_str("let stream = ");
    } else if method.has_result() {
        snippet.push_str("let result = ");
    }
    // Writing to a String cannot fail.
    let _ =
        writeln!(snippet, "{service}Client::connect(\"{base}\")\n    .await?\n    .{name}({})", arguments?.join(", "));
    snippet.push_str("    .await?;");
    Some(snippet)
}

/// A value where the type has one that is written easily; else the parameter's name, as of a variable. A dictionary is
/// most often an enum, of which only the variants' names are known.
fn argument(parameter: &Parameter) -> Option<String> {
    let nullable = parameter.field.is_nullable();
    let has_literal = !matches!(parameter.field.data_type(), DataType::Dictionary(..));
    let default = parameter.default.as_ref().filter(|_| has_literal).and_then(Literal::of);
    match default.or_else(|| sample(parameter.field.data_type())) {
        Some(literal) => Some(literal.rust(nullable)),
        None => identifier(parameter.field.name()),
    }
}

fn identifier(name: &str) -> Option<String> {
    if !is_identifier(name) || CANNOT_BE_RAW.contains(&name) {
        return None;
    }
    Some(if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() })
}

const CANNOT_BE_RAW: [&str; 4] = ["crate", "self", "super", "Self"];

const KEYWORDS: [&str; 46] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "virtual", "where", "while",
];

#[cfg(test)]
mod tests {
    use super::*;
    use tower_vgi::rpc::Method;

    fn snippet(method: Method) -> Option<String> {
        let protocol = Protocol::new("acme.Calculator.v1").method(method);
        rust(&protocol, protocol.methods().next().unwrap(), '@')
    }

    #[test]
    fn arguments_are_defaults_samples_or_names() {
        let method = Method::unary("move")
            .parameter::<f64>("by")
            .default_value(&2.5, "2.5")
            .parameter::<Option<String>>("what")
            .parameter::<Vec<i64>>("where")
            .handler(|_, _| async { Ok(1.0) });
        assert_eq!(
            snippet(method).unwrap(),
            "let result = CalculatorClient::connect(\"@\")\n    .await?\n    \
             .r#move(2.5, Some(\"text\".to_owned()), r#where)\n    .await?;"
        );
    }

    #[test]
    fn no_snippet_is_better_than_a_wrong_one() {
        for name in ["a b", "self", "<script>", ""] {
            assert_eq!(snippet(Method::unary(name).handler(|_, _| async { Ok(()) })), None, "{name}");
        }
    }
}
