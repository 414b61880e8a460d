//! A call from Python.

use std::fmt::Write as _;

use arrow_schema::{Field, Schema};
use tower_vgi::rpc::{MethodDescription, MethodKind, Parameter, Protocol};

use super::python_names::{LINE, identifier, imports, is_taken};
use super::python_type::{annotation, is_inferred_from_values, sample_value, schema_expression};
use super::value::Literal;
use super::{is_readable, quoted, snake_case, type_name_of};

/// A program in Python that calls the method, with `base` as the server's address.
pub(in super::super) fn python(protocol: &Protocol, method: &MethodDescription, base: char) -> Option<String> {
    let mut program = Program::new(protocol, base)?;
    let optional = optional_parameters(&method.parameters);
    let required = method.parameters.len() - optional;
    let mut signature = vec!["self".to_owned()];
    let mut arguments = Vec::new();
    for (index, parameter) in method.parameters.iter().enumerate() {
        let name = identifier(parameter.field.name())?;
        let annotation = annotation(&parameter.field)?;
        match default(parameter).filter(|_| index >= required) {
            Some(default) => signature.push(format!("{name}: {annotation} = {default}")),
            None => {
                signature.push(format!("{name}: {annotation}"));
                let value = match default(parameter) {
                    Some(default) => default,
                    None => sample_value(parameter.field.data_type())?,
                };
                arguments.push(format!("{name}={value}"));
            }
        }
    }
    let name = identifier(&method.name).filter(|name| !name.starts_with('_'))?;
    let returns = program.returns(method)?;
    program.declare(&parenthesized(&format!("def {name}"), &signature, &format!(" -> {returns}: ...")));
    let call = parenthesized(&format!("{}.{name}", program.variable), &arguments, "");
    program.call(method, &call)?;
    Some(program.finish())
}

/// The same for a service of which nothing is to be told but its name.
pub(in super::super) fn python_outline(protocol: &str, base: char) -> Option<String> {
    let mut program = Program::new(&Protocol::new(protocol), base)?;
    program.declare("...  # The methods that you want to call.");
    program.body.push("...".to_owned());
    Some(program.finish())
}

struct Program {
    base: char,
    class: String,
    variable: String,
    /// The lines of the class.
    members: Vec<String>,
    /// What stands before the class.
    classes: Vec<String>,
    /// The lines of the program.
    body: Vec<String>,
}

impl Program {
    fn new(protocol: &Protocol, base: char) -> Option<Self> {
        let name = type_name_of(protocol.name())?;
        let class = if is_taken(name) { format!("{name}Service") } else { name.to_owned() };
        let mut variable = snake_case(name);
        if variable == class || is_taken(&variable) {
            variable = "client".to_owned();
        }
        let mut members = Vec::new();
        if class != protocol.name() {
            members.push(format!("protocol_name: ClassVar[str] = {}", quoted(protocol.name())));
        }
        if let Some(version) = protocol.declared_version() {
            members.push(format!("protocol_version: ClassVar[str] = {}", quoted(version)));
        }
        if !members.is_empty() {
            members.push(String::new());
        }
        Some(Self { base, class, variable, members, classes: Vec::new(), body: Vec::new() })
    }

    fn declare(&mut self, line: &str) {
        self.members.push(line.to_owned());
    }

    /// The annotation of what the method returns.
    fn returns(&mut self, method: &MethodDescription) -> Option<String> {
        if !method.kind.is_stream() {
            return method.result.fields().first().map_or(Some("None".to_owned()), |field| annotation(field));
        }
        let Some(header) = &method.header else { return Some("Stream[StreamState]".to_owned()) };
        let class = format!("{}Header", camel_case(&method.name));
        let mut lines = format!("@dataclass(frozen=True)\nclass {class}(ArrowSerializableDataclass):");
        for field in header.fields() {
            // Writing to a String cannot fail.
            let _ = write!(lines, "\n    {}: {}", identifier(field.name())?, annotation(field)?);
        }
        if header.fields().is_empty() {
            lines.push_str("\n    pass");
        }
        self.classes.push(lines);
        Some(format!("Stream[StreamState, {class}]"))
    }

    fn call(&mut self, method: &MethodDescription, call: &str) -> Option<()> {
        let print_header = method.header.is_some().then_some("print(stream.header)");
        let lines = match method.kind {
            MethodKind::Unary if method.has_result() && call.contains('\n') => {
                vec![format!("result = {call}"), "print(result)".to_owned()]
            }
            MethodKind::Unary if method.has_result() => vec![format!("print({call})")],
            MethodKind::Unary => vec![call.to_owned()],
            MethodKind::Producer => {
                let iterable = if print_header.is_some() { "stream" } else { call };
                let open = print_header.map(|_| format!("stream = {call}"));
                let each = [format!("for batch in {iterable}:"), "    print(batch.batch.to_pydict())".to_owned()];
                open.into_iter().chain(print_header.map(str::to_owned)).chain(each).collect()
            }
            MethodKind::Exchange => {
                let mut lines = vec![format!("with {call} as stream:")];
                lines.extend(print_header.map(|line| format!("    {line}")));
                lines.push(format!("    batch = {}", input(method.input.as_deref())?.replace('\n', "\n    ")));
                lines.push("    answer = stream.exchange(batch)".to_owned());
                lines.push("    print(answer.batch.to_pydict())".to_owned());
                lines
            }
        };
        self.body.extend(lines);
        Some(())
    }

    fn finish(self) -> String {
        let mut text = String::new();
        for class in &self.classes {
            text.push_str(class);
            text.push_str("\n\n\n");
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "class {}(Protocol):", self.class);
        for line in self.members.iter().flat_map(|member| lines(member)) {
            let _ = if line.is_empty() { writeln!(text) } else { writeln!(text, "    {line}") };
        }
        let _ = write!(text, "\n\nwith http_connect({}, \"{}\") as {}:", self.class, self.base, self.variable);
        for line in self.body.iter().flat_map(|statement| lines(statement)) {
            let _ = write!(text, "\n    {line}");
        }
        format!("{}\n\n\n{text}", imports(&text))
    }
}

/// `name(items)rest`, an item a line where one line would be too long.
fn parenthesized(name: &str, items: &[String], rest: &str) -> String {
    let line = format!("{name}({}){rest}", items.join(", "));
    if items.is_empty() || (line.chars().count() <= LINE && !line.contains('\n')) {
        return line;
    }
    let items: Vec<String> = items.iter().map(|item| item.replace('\n', "\n    ")).collect();
    format!("{name}(\n    {},\n){rest}", items.join(",\n    "))
}

/// The lines of a text; an empty text is an empty line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
}

/// A batch for an exchange.
fn input(schema: Option<&Schema>) -> Option<String> {
    let Some(schema) = schema else {
        return Some("AnnotatedBatch.from_pydict({\"value\": [1.0, 2.0]})".to_owned());
    };
    let columns: Option<Vec<String>> = schema.fields().iter().map(|field| column(field)).collect();
    let mut arguments = vec![format!("{{{}}}", columns?.join(", "))];
    if !schema.fields().iter().all(|field| is_inferred_from_values(field.data_type())) {
        arguments.push(format!("schema={}", schema_expression(schema)?));
    }
    Some(parenthesized("AnnotatedBatch.from_pydict", &arguments, ""))
}

fn column(field: &Field) -> Option<String> {
    is_readable(field.name()).then_some(())?;
    Some(format!("{}: [{}]", quoted(field.name()), sample_value(field.data_type())?))
}

/// How many parameters at the end have a default that Python can write: after one that has, all must have.
fn optional_parameters(parameters: &[Parameter]) -> usize {
    parameters.iter().rev().take_while(|parameter| default(parameter).is_some()).count()
}

fn default(parameter: &Parameter) -> Option<String> {
    parameter.default.as_ref().and_then(Literal::of).map(|literal| literal.python())
}

fn camel_case(name: &str) -> String {
    let mut starts_word = true;
    let mut camel = String::new();
    for character in name.chars() {
        match character {
            '_' => starts_word = true,
            _ => {
                camel.push(if starts_word { character.to_ascii_uppercase() } else { character });
                starts_word = false;
            }
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_vgi::rpc::Method;
    use tower_vgi::{Record as _, VgiArrow};

    fn snippet(protocol: &str, method: Method) -> Option<String> {
        let protocol = Protocol::new(protocol).method(method);
        python(&protocol, protocol.methods().next().unwrap(), '@')
    }

    fn lines(text: &str) -> Vec<&str> {
        text.lines().collect()
    }

    #[test]
    fn a_unary_method_is_declared_and_called() {
        let method = Method::unary("add")
            .parameter::<f64>("a")
            .parameter::<f64>("b")
            .default_value(&1.0, "1.0")
            .handler(|_, _| async { Ok(1.0) });
        assert_eq!(
            lines(&snippet("Calculator", method).unwrap()),
            [
                "from typing import Protocol",
                "",
                "from vgi_rpc.http import http_connect",
                "",
                "",
                "class Calculator(Protocol):",
                "    def add(self, a: float, b: float = 1.0) -> float: ...",
                "",
                "",
                "with http_connect(Calculator, \"@\") as calculator:",
                "    print(calculator.add(a=1.0))",
            ]
        );
    }

    #[test]
    fn what_the_name_of_a_class_cannot_say_is_declared() {
        let method = Method::unary("ping").handler(|_, _| async { Ok(()) });
        let protocol = Protocol::new("acme.Stream.v2").version("2.1.0").method(method);
        let text = python(&protocol, protocol.methods().next().unwrap(), '@').unwrap();
        assert_eq!(lines(&text)[0], "from typing import ClassVar, Protocol");
        let class = text.split("\n\n\n").nth(1).unwrap();
        assert_eq!(
            lines(class),
            [
                "class StreamService(Protocol):",
                "    protocol_name: ClassVar[str] = \"acme.Stream.v2\"",
                "    protocol_version: ClassVar[str] = \"2.1.0\"",
                "",
                "    def ping(self) -> None: ...",
            ]
        );
        assert!(text.ends_with("as stream:\n    stream.ping()"), "{text}");
    }

    #[test]
    fn a_default_before_a_required_parameter_is_passed() {
        let method = Method::unary("take")
            .parameter::<i64>("a")
            .default_value(&7_i64, "7")
            .parameter::<u16>("b")
            .handler(|_, _| async { Ok(()) });
        let text = snippet("P", method).unwrap();
        let signature =
            "        self,\n        a: int,\n        b: Annotated[int, ArrowType(pa.uint16())],\n    ) -> None";
        assert!(text.contains(&format!("    def take(\n{signature}: ...")), "{text}");
        assert!(text.contains("take(a=7, b=1)") && text.contains("import pyarrow as pa\n"), "{text}");
        assert!(text.contains("from vgi_rpc import ArrowType\n"), "{text}");
    }

    #[test]
    fn an_exchange_is_sent_what_its_input_needs() {
        #[derive(VgiArrow)]
        struct Row {
            value: f64,
        }
        #[derive(VgiArrow)]
        struct Small {
            n: u8,
        }
        let by_value = column(Row::schema().field(0)).unwrap();
        assert_eq!(by_value, "\"value\": [1.0]");
        assert_eq!(input(Some(&Row::schema())).unwrap(), "AnnotatedBatch.from_pydict({\"value\": [1.0]})");
        assert_eq!(
            input(Some(&Small::schema())).unwrap(),
            "AnnotatedBatch.from_pydict(\n    {\"n\": [1]},\n    schema=pa.schema([\n        \
             pa.field(\"n\", pa.uint8(), nullable=False),\n    ]),\n)"
        );
    }

    #[test]
    fn no_snippet_is_better_than_a_wrong_one() {
        for name in ["lambda", "a b", "_hidden", "</script>", "a\u{2028}"] {
            assert_eq!(snippet("P", Method::unary(name).handler(|_, _| async { Ok(()) })), None, "{name}");
        }
        let keyword = Method::unary("m").parameter::<i64>("from").handler(|_, _| async { Ok(()) });
        assert_eq!(snippet("P", keyword), None);
        assert_eq!(snippet("<P>", Method::unary("m").handler(|_, _| async { Ok(()) })), None);
    }
}
