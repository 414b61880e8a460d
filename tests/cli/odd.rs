//! Descriptions of what a protocol written by hand may have: names that are no identifiers, types that a language lacks.

use arrow_array::{Array, ArrayRef, Float16Array};
use arrow_schema::DataType;
use tower_vgi::VgiArrow;
use tower_vgi::rpc::{Method, Protocol, RpcService};
use tower_vgi::value::ValueError;
use tower_vgi_layers::Stack;
use tower_vgi_layers::serve::serve;

use crate::describe::is_up_to_date;
use crate::program::{good, run};
use crate::servers::clients;

/// A type that has no Rust type of its own.
struct Half(half::f16);

impl VgiArrow for Half {
    fn data_type() -> DataType {
        DataType::Float16
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        Ok(std::sync::Arc::new(values.map(|value| value.map(|half| half.0)).collect::<Float16Array>()))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        Ok(Self(array.as_any().downcast_ref::<Float16Array>().unwrap().value(row)))
    }
}

fn protocol() -> Protocol {
    let answer = |_: tower_vgi::rpc::CallContext, _| async { Ok(7_i64) };
    Protocol::new("acme.odd_things.v2")
        .doc("Ends \"\"\" and */ and \\")
        .method(Method::unary("type").doc("Two\nlines, \"quoted\"").parameter::<i64>("r#in").handler(answer))
        .method(
            Method::unary("camelCase")
                .parameter::<i64>("fn")
                .parameter::<Option<String>>("class")
                .default_value::<Option<String>>(&None, "")
                .handler(answer),
        )
        .method(Method::unary("self").parameter::<i64>("value").handler(answer))
        .method(Method::unary("takes_self").parameter::<i64>("self").handler(answer))
        .method(Method::unary("half").parameter::<Half>("value").handler(answer))
        .method(
            Method::unary("defaults")
                .parameter::<String>("text")
                .default_value(&"a\"\n".to_owned(), "")
                .parameter::<bool>("flag")
                .default_value(&true, "")
                .handler(answer),
        )
}

#[test]
fn odd_names_and_types_are_written_or_left_out() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stack = Stack::new(RpcService::builder().protocol(protocol()).build().unwrap()).unwrap();
    let server = runtime.block_on(serve(stack).signals(false).print_port(false).bind()).unwrap();
    let url = format!("http://127.0.0.1:{}", server.local_addr().unwrap().port());
    runtime.spawn(server.run());

    let rust = good(&["describe", &url, "--format", "rust"]);
    is_up_to_date("odd.rs", &rust);
    let python = good(&["describe", &url, "--format", "python"]);
    is_up_to_date("odd.py", &python);
    let file = crate::child::scratch("cli").join("odd.py");
    std::fs::write(&file, &python).unwrap();
    for client in clients() {
        let output = client.python().arg(&file).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", client.release.version());
    }

    assert_eq!(good(&["call", &url, "half", "value=1.5"]), "7\n");
    assert_eq!(good(&["call", &url, "camelCase", "fn=1"]), "7\n");
    assert_eq!(good(&["call", &url, "defaults"]), "7\n");
    let outcome = run(&["call", &url, "half"]);
    assert_eq!(outcome.stderr, "error: missing: value=… (float16)\n");
}
