//! Exchanges: rows and Arrow in, answers as they come.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use crate::child::scratch;
use crate::program::{command, good, run, run_with_input, wait};
use crate::servers::{all, cancel_counts, ours};

#[test]
fn lines_are_answered_one_by_one() {
    for served in all().iter() {
        let url = served.url();
        let call = ["call", &url, "exchange_accumulate", "--input", "-"];
        let mut child = command(&call).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        for (line, expected) in [
            ("{\"value\": 1.5}\n", "{\"running_sum\":1.5,\"exchange_count\":1}\n"),
            ("[{\"value\": 2}, {\"value\": 3}]\n", "{\"running_sum\":6.5,\"exchange_count\":2}\n"),
        ] {
            stdin.write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            stdout.read_line(&mut answer).unwrap();
            assert_eq!(answer, expected, "{}", served.name);
        }
        drop(stdin);
        let outcome = wait(child);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{}", served.name);
    }
}

#[test]
fn arrow_is_sent_as_it_is() {
    for served in all().iter() {
        let url = served.url();
        let file = scratch("cli").join(format!("exchange-{}.arrow", served.name.replace([' ', ','], "")));
        let rows = b"{\"value\": 1.5}\n{\"value\": 2.5}\n";
        let call = |output: &str| {
            let outcome =
                run_with_input(&["call", &url, "exchange_scale", "factor=2", "--input", "-", "-o", output], rows);
            assert_eq!(outcome.code, Some(0), "{}: {outcome:?}", served.name);
        };
        let expected = "{\"value\":6.0}\n{\"value\":10.0}\n";
        call(file.to_str().unwrap());
        let again = ["call", &url, "exchange_scale", "factor=2", "--input", file.to_str().unwrap()];
        assert_eq!(good(&again), expected, "{}", served.name);

        let stream = file.with_extension("arrows");
        call(stream.to_str().unwrap());
        let bytes = std::fs::read(&stream).unwrap();
        let outcome = run_with_input(&["call", &url, "exchange_scale", "factor=2", "--input", "-"], &bytes);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), expected), "{}", served.name);
    }
}

#[test]
fn the_header_is_told_and_the_server_hears_of_the_end() {
    let _alone = cancel_counts();
    for served in all().iter() {
        let url = served.url();
        let outcome =
            run_with_input(&["call", &url, "exchange_with_header", "factor=2", "--input", "-"], b"{\"value\": 1.5}");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "{\"value\":3.0}\n"), "{}", served.name);
        assert!(outcome.stderr.starts_with("header: {\"total_expected\":0,"), "{}: {outcome:?}", served.name);

        good(&["call", &url, "reset_cancel_probe"]);
        run_with_input(&["call", &url, "cancellable_exchange", "--input", "-"], b"{\"value\": 1.5}");
        let counts = good(&["call", &url, "cancel_probe_counters"]);
        assert_eq!(counts, "[0,1,1]\n", "{}", served.name);
    }
}

#[test]
fn where_the_kind_is_known_stdin_is_the_input() {
    let served = ours("namespaced");
    let outcome = run_with_input(&["call", &served.url(), "exchange_scale", "factor=2"], b"{\"value\": 1.5}");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "{\"value\":3.0}\n"), "{outcome:?}");
}

#[test]
fn where_the_kind_is_not_known_it_is_said_how_to_tell() {
    let served = ours("flat");
    let outcome = run(&["call", &served.url(), "exchange_scale", "factor=2"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("for an exchange, give --input"), "{outcome:?}");
}

#[test]
fn what_is_wrong_with_the_input_is_told() {
    let served = ours("namespaced");
    let url = served.url();
    let call = ["call", &url, "exchange_scale", "factor=2"];
    let outcome = run_with_input(&call, b"{\"value\": 1}\n{\"value\": \"a\"}\n");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), "{\"value\":2.0}\n"), "{outcome:?}");
    assert_eq!(outcome.stderr, "error: stdin: line 2: 'value': text here, a number before\n");
    let outcome = run_with_input(&call, b"{\"other\": 1}\n");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("TypeError"), "{outcome:?}");
    let outcome = run(&[&call[..], &["--input", "/nowhere"]].concat());
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
}
