//! Results of unary calls.

use crate::program::{good, run};
use crate::servers::all;

#[test]
fn every_server_gives_the_same_results() {
    for served in all().iter() {
        let url = served.url();
        for (call, expected) in [
            (&["add_floats", "a=1.5", "b=2.25"][..], "3.75"),
            (&["concatenate", "prefix=a", "suffix=b", "separator=="], r#""a=b""#),
            (&["echo_int", "value=-9223372036854775808"], "-9223372036854775808"),
            (&["echo_uint64", "value=18446744073709551615"], "18446744073709551615"),
            (&["echo_float", "value=0.1"], "0.1"),
            (&["echo_float", "value=nan"], r#""NaN""#),
            (&["echo_float32", "value=0.1"], "0.1"),
            (&["echo_bool", "value=true"], "true"),
            (&["echo_string", "value={\"a\": 1}"], r#""{\"a\": 1}""#),
            (&["echo_bytes", "data=AQI="], r#""AQI=""#),
            (&["echo_enum", "status=ACTIVE"], r#""ACTIVE""#),
            (&["echo_list", "values=[\"a\", \"b\"]"], r#"["a","b"]"#),
            (&["echo_dict", "mapping={\"a\": 1}"], r#"{"a":1}"#),
            (&["echo_nested_list", "matrix=[[1], [2, 3]]"], "[[1],[2,3]]"),
            (&["echo_optional_int", "value:=null"], "null"),
            (&["echo_optional_string", "value=null"], r#""null""#),
            (&["echo_date", "value=2026-01-31"], r#""2026-01-31""#),
            (&["echo_time", "value=12:30:00.5"], r#""12:30:00.500""#),
            (&["echo_timestamp", "value=2026-01-31T12:30:00"], r#""2026-01-31T12:30:00""#),
            (&["echo_timestamp_utc", "value=2026-01-31T12:30:00+01:00"], r#""2026-01-31T11:30:00Z""#),
            (&["echo_duration", "value=1h"], r#""PT3600S""#),
            (&["echo_decimal", "value=12.34"], r#""12.3400""#),
            (&["echo_fixed_binary", "value=AAECAwQFBgc="], r#""AAECAwQFBgc=""#),
            (&["echo_dict_encoded_string", "value=a"], r#""a""#),
            (&["echo_point", "point={\"x\": 1, \"y\": 2.5}"], r#"{"x":1.0,"y":2.5}"#),
            (&["with_defaults", "--json", r#"{"required": 1, "optional_str": "a", "optional_int": 2}"#], {
                r#""required=1, optional_str=a, optional_int=2""#
            }),
        ] {
            let stdout = good(&[&["call", &url], call].concat());
            assert_eq!(stdout.trim_end(), expected, "{}: {call:?}", served.name);
        }
        assert_eq!(good(&["call", &url, "void_noop"]), "", "{}", served.name);
    }
}

/// In the flat generation the server fills them in; in the other one ours tells them.
#[test]
fn what_is_left_out_has_its_default() {
    for served in all().iter().filter(|served| served.generation == "flat" || served.ours) {
        let stdout = good(&["call", &served.url(), "with_defaults", "required=1"]);
        assert_eq!(stdout, "\"required=1, optional_str=default, optional_int=42\"\n", "{}", served.name);
    }
}

#[test]
fn other_forms_have_the_whole_batch() {
    let served = crate::servers::ours("namespaced");
    let url = served.url();
    assert_eq!(good(&["call", &url, "echo_int", "value=7", "-o", "ndjson"]), "{\"result\":7}\n");
    assert_eq!(good(&["call", &url, "echo_int", "value=7", "-o", "table"]), "result\n------\n     7\n");
    let point = r#"point={"x": 1, "y": 2}"#;
    assert_eq!(good(&["call", &url, "echo_point", point, "-o", "table"]), "  x    y\n---  ---\n1.0  2.0\n");
}

#[test]
fn log_messages_are_told_on_stderr() {
    for served in all().iter() {
        let url = served.url();
        let outcome = run(&["call", &url, "echo_with_multi_logs", "value=x"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "\"x\"\n"), "{}", served.name);
        let levels: Vec<&str> = outcome.stderr.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        assert_eq!(levels, ["DEBUG", "INFO", "WARN"], "{}: {}", served.name, outcome.stderr);
        let outcome = run(&["call", &url, "echo_with_multi_logs", "value=x", "--quiet"]);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("\"x\"\n", ""), "{}", served.name);
    }
}
