//! Exit codes, and that messages are for people.

use std::net::TcpListener;

use crate::program::{good, run};
use crate::servers::{all, ours};

#[test]
fn help_tells_them() {
    let help = good(&["call", "--help"]);
    for line in ["0    all went well", "1    the server answered with an error", "130  interrupted"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn an_error_of_the_server_is_1() {
    for served in all().iter() {
        let outcome = run(&["call", &served.url(), "raise_value_error", "message=no\u{1b}[2J"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{}: {outcome:?}", served.name);
        assert!(outcome.stderr.starts_with("ValueError: no\u{fffd}[2J\n"), "{}: {outcome:?}", served.name);
    }
}

#[test]
fn a_server_that_does_not_describe_itself_says_so() {
    let server = crate::child::Server::start("conformance_worker", &["--port", "0", "--no-describe"]);
    for generation in ["flat", "namespaced"] {
        for command in [&["describe"][..], &["call"]] {
            let rest: &[&str] = if command == ["call"] { &["echo_int", "value=1"] } else { &[] };
            let outcome = run(&[command, &[&server.url(), "--generation", generation], rest].concat());
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            assert!(outcome.stderr.contains("the server does not describe its methods"), "{outcome:?}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    for arguments in [
        &["call"][..],
        &["describe", "ftp://host"],
        &["describe", "http://host", "--header", "secret"],
        &["describe", "http://host", "--ca", "x.pem"],
        &["describe", "http://host", "--timeout", "soon"],
        &["call", "http://host", "m", "--output", "x.csv"],
        &["nonsense"],
    ] {
        let outcome = run(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.starts_with("error: ") && !outcome.stderr.contains("secret"), "{outcome:?}");
    }
}

#[test]
fn no_answer_is_3() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let outcome = run(&["describe", &nobody]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: no response from http://127.0.0.1:"), "{outcome:?}");

    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let outcome = run(&["capabilities", &url, "--timeout", "100ms"]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stderr.contains("within 100ms"), "{outcome:?}");
}

#[test]
fn another_kind_of_server_is_3() {
    for (head, said) in [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html", "an HTML page titled 'Welcome'"),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html", "HTTP 502"),
    ] {
        let url = crate::connection::answering(head, "<html><title>Welcome</title>").0;
        let outcome = run(&["call", &url, "add", "a=1"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(3), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(said), "{outcome:?}");
    }
}

#[test]
fn what_cannot_be_written_or_read_here_is_4() {
    let served = ours("namespaced");
    let url = served.url();
    let outcome = run(&["call", &url, "produce_n", "count=1", "-o", "/nowhere/x.arrow"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: '/nowhere/x.arrow' cannot be written: "), "{outcome:?}");
    let outcome = run(&["call", &url, "echo_bytes", "data=@/nowhere"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
}
