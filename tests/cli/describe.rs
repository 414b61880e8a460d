//! Descriptions in every form. What is generated compiles, and calls the server.

use std::path::Path;

use serde_json::Value;
use tower_vgi::client::{Channel, UseDefault};

use crate::child::scratch;
use crate::generated;
use crate::program::good;
use crate::release::Release;
use crate::servers::{all, clients, ours};

#[test]
fn a_table_has_a_line_for_each_method() {
    for served in all().iter() {
        let table = good(&["describe", &served.url(), "--protocol", "ConformanceService"]);
        let line = table.lines().find(|line| line.trim_start().starts_with("add_floats ")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected = ["add_floats", "unary", "a:", "float64,", "b:", "float64", "float64"];
        assert_eq!(words[..expected.len()], expected, "{}", served.name);
    }
}

#[test]
fn ours_tells_defaults_documentation_and_rows() {
    let served = ours("namespaced");
    let table = good(&["describe", &served.url()]);
    let line = |name: &str| {
        let line = table.lines().find(|line| line.trim_start().starts_with(&format!("{name} "))).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let expected =
        "with_defaults unary required: int64, optional_str: utf8 = \"default\", optional_int: int64 = 42 utf8";
    assert!(line("with_defaults").starts_with(expected), "{}", line("with_defaults"));
    let expected = "exchange_accumulate exchange (value: float64?) → (running_sum: float64?, exchange_count: int64?)";
    assert!(line("exchange_accumulate").starts_with(expected), "{}", line("exchange_accumulate"));
    assert!(line("echo_int").ends_with(" Gives the number back."), "{}", line("echo_int"));

    let json: Value = serde_json::from_str(&good(&["describe", &served.url(), "--format", "json"])).unwrap();
    let methods = json["protocols"][0]["methods"].as_array().unwrap();
    let method = |name: &str| methods.iter().find(|method| method["name"] == name).unwrap();
    assert_eq!(method("with_defaults")["parameters"][2]["default"], 42);
    assert_eq!(method("echo_int")["doc"], "Gives the number back.");
    assert_eq!(method("produce_n")["output"][0]["name"], "index");
}

#[test]
fn json_has_every_method_with_its_columns() {
    for served in all().iter() {
        let json: Value = serde_json::from_str(&good(&["describe", &served.url(), "--format", "json"])).unwrap();
        assert_eq!(json["generation"], served.generation, "{}", served.name);
        let methods = json["protocols"][0]["methods"].as_array().unwrap();
        let method = |name: &str| methods.iter().find(|method| method["name"] == name).unwrap().clone();
        let column = |name: &str, kind: &str, nullable: bool| serde_json::json!({"name": name, "type": kind, "nullable": nullable});
        let echo = method("echo_optional_int");
        assert_eq!(echo["parameters"][0], column("value", "int64", true), "{}", served.name);
        assert_eq!(echo["result"], column("result", "int64", true), "{}", served.name);
        let stream = method("produce_with_header");
        assert_eq!(stream["header"][0], column("total_expected", "int64", false), "{}", served.name);
        assert_eq!(stream["result"], Value::Null, "{}", served.name);
        let kind = if served.generation == "flat" && served.ours { "stream" } else { "producer" };
        assert!(served.generation == "flat" || stream["kind"] == kind, "{}: {stream}", served.name);
    }
}

/// What is in the repository is what is generated: `TOWER_VGI_BLESS=1` writes it anew.
pub(crate) fn is_up_to_date(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/generated").join(file);
    if std::env::var_os("TOWER_VGI_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "{file} is not what is generated: TOWER_VGI_BLESS=1");
}

#[test]
fn generated_rust_is_what_is_compiled_here() {
    for generation in ["flat", "namespaced"] {
        let text = good(&["describe", &ours(generation).url(), "--format", "rust"]);
        is_up_to_date(&format!("{generation}.rs"), &text);
        assert!(!text.contains("left out"), "{text}");
    }
}

/// The namespaced generation compares what is sent with the declared types, exactly.
#[tokio::test]
async fn generated_rust_calls_the_server() {
    use generated::namespaced::{ConformanceServiceClient, SecondaryClient};
    let served = tokio::task::spawn_blocking(|| ours("namespaced")).await.unwrap();
    let client = ConformanceServiceClient::new(Channel::connect(&served.url()).unwrap());
    assert_eq!(client.add_floats(1.0, 2.0).await.unwrap(), 3.0);
    assert_eq!(client.echo_list(vec!["a".to_owned()]).await.unwrap(), ["a"]);
    assert_eq!(client.echo_nested_list(vec![vec![1]]).await.unwrap(), [[1]]);
    assert_eq!(client.echo_optional_int(None).await.unwrap(), None);
    assert_eq!(client.echo_fixed_binary([7; 8]).await.unwrap(), [7; 8]);
    let day = "2026-01-31".parse().unwrap();
    assert_eq!(client.echo_date(day).await.unwrap(), day);
    let mapping = [("a".to_owned(), 1)].into();
    assert_eq!(client.echo_dict(mapping).await.unwrap()["a"], 1);
    let stream = client.produce_with_header(2).await.unwrap();
    assert_eq!(stream.header().total_expected, 2);
    let rows = stream.collect().await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.index, row.value)).collect::<Vec<_>>(),
        [(Some(0), Some(0)), (Some(1), Some(10))]
    );
    assert_eq!(
        client.with_defaults(1, UseDefault, 7).await.unwrap(),
        "required=1, optional_str=default, optional_int=7"
    );
    let mut exchange = client.exchange_scale(2.0).await.unwrap();
    let input = generated::namespaced::CancellableExchangeInput { value: Some(1.5) };
    assert_eq!(exchange.exchange(&[input]).await.unwrap()[0].value, Some(3.0));
    let secondary = SecondaryClient::new(Channel::connect(&served.url()).unwrap());
    assert_eq!(secondary.echo_string("a".to_owned()).await.unwrap(), "secondary:a");
}

#[test]
fn generated_python_is_imported_by_every_release_and_calls_the_server() {
    for served in all().iter().filter(|served| served.ours) {
        let text = good(&["describe", &served.url(), "--format", "python"]);
        is_up_to_date(&format!("{}.py", served.generation), &text);
        assert!(!text.contains("left out"), "{text}");
        for client in clients() {
            let module = scratch("cli").join(format!("{}_{}", served.generation, client.release.version()));
            std::fs::create_dir_all(&module).unwrap();
            std::fs::write(module.join("service.py"), &text).unwrap();
            let same_generation = (client.release == Release::V0_52_2) == (served.generation == "namespaced");
            let script = if same_generation { CALLS } else { "import service" };
            let mut command = client.python();
            let output = command.args(["-c", script, &served.url()]).env("PYTHONPATH", &module).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{} with {}: {stderr}", client.release.version(), served.name);
        }
    }
}

/// Types of every sort, as the release finds them in the generated class.
const CALLS: &str = "
import datetime, decimal, sys
from vgi_rpc.http import http_connect
from service import ConformanceService

with http_connect(ConformanceService, sys.argv[1]) as client:
    assert client.add_floats(a=1.5, b=2.25) == 3.75
    assert client.echo_list(values=['a']) == ['a']
    assert client.echo_dict(mapping={'a': 1}) == {'a': 1}
    assert client.echo_uint8(value=7) == 7
    assert client.echo_optional_int(value=None) is None
    assert client.echo_date(value=datetime.date(2026, 1, 31)) == datetime.date(2026, 1, 31)
    assert client.echo_decimal(value=decimal.Decimal('1.5')) == decimal.Decimal('1.5')
    assert client.echo_fixed_binary(value=bytes(8)) == bytes(8)
    with client.produce_with_header(count=2) as stream:
        assert stream.header.total_expected == 2
        assert len(list(stream)) == 2
";
