//! What callers are told about a service.

use arrow_schema::{DataType, Field};
use tower_vgi::rpc::{MethodDescription, MethodKind, Protocol};
use tower_vgi::{Record as _, VgiArrow as _};

use crate::calculator::{Announcement, Arithmetic, CalculatorServer, Rounding, Row, Tick};

fn protocol() -> Protocol {
    CalculatorServer::new(Arithmetic).into()
}

fn method<'a>(protocol: &'a Protocol, name: &str) -> &'a MethodDescription {
    protocol.methods().find(|method| method.name == name).unwrap_or_else(|| panic!("no method {name}"))
}

#[test]
fn name_and_version_are_those_of_the_attribute() {
    assert_eq!(CalculatorServer::<Arithmetic>::NAME, "acme.Calculator.v1");
    assert_eq!(CalculatorServer::<Arithmetic>::VERSION, Some("1.2.0"));
    assert_eq!(protocol().name(), "acme.Calculator.v1");
    assert!(format!("{:?}", CalculatorServer::new(Arithmetic)).contains("1.2.0"));
}

#[test]
fn methods_keep_the_order_of_the_trait() {
    let protocol = protocol();
    let names: Vec<&str> = protocol.methods().map(|method| method.name.as_str()).collect();
    assert_eq!(names[..4], ["add", "greet", "round", "mirror_point"]);
    assert_eq!(names.last(), Some(&"countdown_blocking"));
}

#[test]
fn doc_comments_describe_protocol_method_and_parameter() {
    let protocol = protocol();
    assert_eq!(protocol.documentation(), "Arithmetic for tests.\n\nNothing else.");
    let add = method(&protocol, "add");
    assert_eq!(add.doc, "Add two numbers.\n\nThe second one may be left out.");
    let docs: Vec<&str> = add.parameters.iter().map(|parameter| parameter.doc.as_str()).collect();
    assert_eq!(docs, ["The first summand.", "The second summand."]);
    assert_eq!(method(&protocol, "greet").doc, "");
}

#[test]
fn parameters_have_their_types_and_defaults() {
    let protocol = protocol();
    let add = method(&protocol, "add");
    assert_eq!(add.parameters[1].field, Field::new("b", DataType::Float64, false));
    assert_eq!(add.parameters[0].default, None);
    let default = add.parameters[1].default.clone().unwrap();
    assert_eq!(f64::from_parameter(&default, 0).unwrap(), 1.0);
    assert_eq!(add.parameters[1].default_text.as_deref(), Some("1.0"));

    let greet = method(&protocol, "greet");
    let texts: Vec<_> = greet.parameters.iter().map(|parameter| parameter.default_text.as_deref()).collect();
    assert_eq!(texts, [Some("\"World\""), Some("None")]);
    assert!(greet.parameters[1].field.is_nullable());

    let rounding = &method(&protocol, "round").parameters[1];
    assert_eq!(rounding.default_text.as_deref(), Some("Rounding::Down"));
    assert_eq!(Rounding::from_parameter(rounding.default.as_ref().unwrap(), 0).unwrap(), Rounding::Down);
}

#[test]
fn the_context_is_not_described_and_raw_names_are_plain() {
    let protocol = protocol();
    let names = |name| -> Vec<String> {
        method(&protocol, name).parameters.iter().map(|parameter| parameter.field.name().clone()).collect()
    };
    assert_eq!(names("whoami"), ["a", "b"]);
    assert_eq!(names("mirror_point"), ["point", "type"]);
}

#[test]
fn streams_declare_the_rows_that_every_call_has() {
    let protocol = protocol();
    let countdown = method(&protocol, "countdown");
    assert_eq!((countdown.kind, countdown.output.as_ref()), (MethodKind::Producer, Some(&Tick::schema())));
    assert_eq!(countdown.header, None);
    assert_eq!(method(&protocol, "announced").header, Some(Announcement::schema()));
    let scale = method(&protocol, "scale");
    assert_eq!(scale.kind, MethodKind::Exchange);
    assert_eq!((scale.input.as_ref(), scale.output.as_ref()), (Some(&Row::schema()), Some(&Row::schema())));
    let (columns, mirror) = (method(&protocol, "columns"), method(&protocol, "mirror"));
    assert_eq!((columns.output.as_ref(), mirror.input.as_ref(), mirror.output.as_ref()), (None, None, None));
}
