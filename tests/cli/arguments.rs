//! Arguments: files, stdin, and what is told where they do not fit.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::child::scratch;
use crate::program::{command, good, run, run_with_input};
use crate::servers::ours;

#[test]
fn bytes_come_from_files_and_an_object_from_stdin() {
    let served = ours("namespaced");
    let url = served.url();
    let file = scratch("cli").join("bytes");
    std::fs::write(&file, [1, 2]).unwrap();
    assert_eq!(good(&["call", &url, "echo_bytes", &format!("data=@{}", file.display())]), "\"AQI=\"\n");
    let outcome = run_with_input(&["call", &url, "add_floats", "--json", "-"], br#"{"a": 1, "b": 2}"#);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "3.0\n"), "{outcome:?}");
    assert_eq!(good(&["call", &url, "add_floats", "b=2", "--json", r#"{"a": 1}"#]), "3.0\n");
}

/// It is heard although nothing but the end of stdin would let the program go on.
#[test]
fn an_interrupt_ends_the_wait_for_stdin() {
    let served = ours("namespaced");
    let mut child = command(&["call", &served.url(), "add_floats", "--json", "-"]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    let _held_open = child.stdin.take();
    // By then it waits; earlier it would end likewise.
    thread::sleep(Duration::from_secs(2));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    for _ in 0..100 {
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(130));
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    panic!("it did not end");
}

#[test]
fn what_does_not_fit_is_told_and_nothing_is_called() {
    let served = ours("namespaced");
    let url = served.url();
    for (call, expected) in [
        (&["add_floats", "a=1", "b=x"][..], "error: argument 'b' takes float64, not 'x'\n"),
        (&["add_floats", "a=1"], "error: missing: b=… (float64)\n"),
        (&["add_floats", "a=1", "b=2", "a=3"], "error: argument 'a' is given twice\n"),
        (&["add_floats", "a=1", "c=2"], "error: there is no argument 'c'; there are a: float64, b: float64\n"),
        (&["echo_list", "values=[1]"], "error: argument 'values[0]' takes utf8?, not 1\n"),
        (&["echo_int8", "value=300"], "error: argument 'value' takes int8, not '300'\n"),
        (&["echo_int", "value=1", "--input", "-"], "error: --input is for an exchange, and 'echo_int' is none\n"),
        (&["echo_int", "--json", "[1]"], "error: --json takes an object, such as {\"a\": 1}\n"),
    ] {
        let outcome = run(&[&["call", &url], call].concat());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), expected), "{call:?}");
    }
    let outcome = run(&["call", &url, "nonsense"]);
    assert!(outcome.stderr.contains("no method 'nonsense'; it has add_floats, "), "{outcome:?}");
    assert_eq!(outcome.code, Some(2));
}

#[test]
fn a_method_is_found_in_its_protocol() {
    let served = ours("namespaced");
    let url = served.url();
    assert_eq!(good(&["call", &url, "echo_string", "value=a"]), "\"a\"\n");
    let name = "conformance.Secondary.v1";
    assert_eq!(good(&["call", &url, "echo_string", "value=a", "--protocol", name]), "\"secondary:a\"\n");
    assert_eq!(good(&["call", &url, &format!("{name}/echo_string"), "value=a"]), "\"secondary:a\"\n");
    let outcome = run(&["call", &url, "echo_string", "value=a", "--protocol", "other"]);
    assert!(outcome.stderr.contains("no protocol 'other'; it has ConformanceService, "), "{outcome:?}");
}
