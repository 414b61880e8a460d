//! Producers: forms, files, and ends before the end.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};

use crate::child::scratch;
use crate::program::{command, good, run, wait};
use crate::servers::{all, cancel_counts, ours};

#[test]
fn rows_come_as_lines_with_the_header_on_stderr() {
    for served in all().iter() {
        let outcome = run(&["call", &served.url(), "produce_with_header", "count=2"]);
        let rows = "{\"index\":0,\"value\":0}\n{\"index\":1,\"value\":10}\n";
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), rows), "{}", served.name);
        let header = r#"header: {"total_expected":2,"description":"producing 2 batches"}"#;
        assert_eq!(outcome.stderr.trim_end(), header, "{}", served.name);
        assert_eq!(good(&["call", &served.url(), "produce_empty"]), "", "{}", served.name);
    }
}

#[test]
fn rows_come_in_other_forms() {
    let served = ours("namespaced");
    let url = served.url();
    let of = |output: &str| good(&["call", &url, "produce_n", "count=2", "-o", output]);
    assert_eq!(of("json"), "[{\"index\":0,\"value\":0},{\"index\":1,\"value\":10}]\n");
    assert_eq!(of("table"), "index  value\n-----  -----\n    0      0\n    1     10\n");
}

#[test]
fn arrow_files_and_streams_can_be_read_again() {
    for served in all().iter() {
        let url = served.url();
        let file = scratch("cli").join(format!("{}.arrow", served.name.replace([' ', ','], "")));
        let stdout = good(&["call", &url, "produce_n", "count=100", "--output", file.to_str().unwrap()]);
        assert_eq!(stdout, "", "{}", served.name);
        let read = FileReader::try_new(std::fs::File::open(&file).unwrap(), None).unwrap();
        let from_file: Vec<RecordBatch> = read.map(Result::unwrap).collect();

        let output = command(&["call", &url, "produce_n", "count=100", "-o", "arrow"]).output().unwrap();
        let read = StreamReader::try_new(&output.stdout[..], None).unwrap();
        let from_stream: Vec<RecordBatch> = read.map(Result::unwrap).collect();

        assert_eq!((from_file.len(), from_file == from_stream), (100, true), "{}", served.name);
        assert_eq!(from_file[0].schema().field(0).name(), "index", "{}", served.name);

        let empty = file.with_extension("empty.arrow");
        good(&["call", &url, "produce_empty", "--output", empty.to_str().unwrap()]);
        assert_eq!(FileReader::try_new(std::fs::File::open(&empty).unwrap(), None).unwrap().count(), 0);
    }
}

#[test]
fn what_came_before_an_error_is_written() {
    for served in all().iter() {
        let outcome = run(&["call", &served.url(), "produce_error_mid_stream", "emit_before_error=2"]);
        assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(1), 2), "{}: {outcome:?}", served.name);
        assert!(outcome.stderr.contains("RuntimeError: intentional error after 2 batches"), "{outcome:?}");

        let file = scratch("cli").join("broken.arrow");
        let to_file = ["produce_error_mid_stream", "emit_before_error=2", "-o", file.to_str().unwrap()];
        let outcome = run(&[&["call", &served.url()][..], &to_file].concat());
        assert_eq!(outcome.code, Some(1), "{}: {outcome:?}", served.name);
        assert_eq!(FileReader::try_new(std::fs::File::open(&file).unwrap(), None).unwrap().count(), 2);
    }
}

#[test]
fn a_call_that_fails_leaves_a_file_as_it_was() {
    let served = ours("namespaced");
    let file = scratch("cli").join("kept.arrow");
    std::fs::write(&file, "kept").unwrap();
    let outcome = run(&["call", &served.url(), "produce_error_on_init", "-o", file.to_str().unwrap()]);
    assert_eq!((outcome.code, std::fs::read_to_string(&file).unwrap().as_str()), (Some(1), "kept"), "{outcome:?}");
}

#[test]
fn a_reader_that_goes_away_ends_the_stream_quietly_on_the_server_too() {
    let _alone = cancel_counts();
    for served in all().iter() {
        let url = served.url();
        good(&["call", &url, "reset_cancel_probe"]);
        let mut child = command(&["call", &url, "cancellable_producer", "--quiet"]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        drop(stdout);
        let outcome = wait(child);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{}", served.name);
        assert_eq!(cancelled(&url), 1, "{}", served.name);
    }
}

#[test]
fn an_interrupt_cancels_the_stream_on_the_server() {
    let _alone = cancel_counts();
    for served in all().iter() {
        let url = served.url();
        good(&["call", &url, "reset_cancel_probe"]);
        let mut child = command(&["call", &url, "cancellable_producer", "--quiet"]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(interrupt.success());
        // What is still in the pipe is read, so that nothing but the signal ends it.
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        let outcome = wait(child);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(130), ""), "{}", served.name);
        assert_eq!(cancelled(&url), 1, "{}", served.name);
    }
}

/// How many streams were cancelled on the server.
fn cancelled(url: &str) -> i64 {
    let counts: Vec<i64> = serde_json::from_str(&good(&["call", url, "cancel_probe_counters"])).unwrap();
    counts[2]
}
