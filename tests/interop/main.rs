//! Published Python clients against our servers: their own conformance suites, all at once against one process, and a
//! script of each generation against the quickstart.
//!
//! The clients are installed under the target directory, with the packages pinned in `requirements-*.txt`, once.
//! They need Python 3.13; `TOWER_VGI_PYTHON` names one. Where there is none the tests say that they are skipped; with
//! `TOWER_VGI_REQUIRE_INTEROP=1` they fail instead.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

// What the tests of several workers need besides.
#[allow(dead_code)]
mod child;
mod exclusions;
mod pages;
mod python;
mod release;
mod suite;

use std::thread;

use child::Server;
use python::Client;
use release::Release;
use suite::Outcomes;

/// What a server of the response cap's tests is started with.
const CAPS: [&str; 4] = ["--max-response-bytes", "1048576", "--max-externalized-response-bytes", "1048576"];

/// What a server is started with for the tests of a cap of what is put into its storage.
const PUT_CAPS: [&str; 6] =
    ["--upload-urls", "off", "--max-externalized-response-bytes", "65536", "--max-response-bytes", "8388608"];

/// The part of the suite that is run below a prefix.
const SAMPLE: &str = "scalar_echo*,producer_stream*,exchange_stream*,cancel*";

#[test]
fn vgi_rpc_0_19_0_passes_its_own_suite() {
    passes_its_own_suite(Release::V0_19_0);
}

#[test]
fn vgi_rpc_0_42_3_passes_its_own_suite() {
    passes_its_own_suite(Release::V0_42_3);
}

#[test]
fn vgi_rpc_0_52_2_passes_its_own_suite() {
    passes_its_own_suite(Release::V0_52_2);
}

fn passes_its_own_suite(release: Release) {
    let Some(client) = Client::install(release) else { return };
    let log = client.scratch("access.log");
    let _ = std::fs::remove_file(&log);
    let server = Server::start("conformance_worker", &["--port", "0", "--access-log", log.to_str().unwrap()]);
    let mut outcomes = suite::run(&client, "plain", &server, "", None, Some(&log));
    drop(server);

    // Most tests of response caps skip themselves on a server without any.
    let server = Server::start("conformance_worker", &[&["--port", "0", "--no-sticky"][..], &CAPS].concat());
    outcomes.merge(suite::run(&client, "caps", &server, "", Some("http_response_cap*"), None));
    drop(server);

    // So do those of what is put for one response, on a server that puts nothing.
    let mut command = client.python();
    command.args(["-m", "vgi_rpc.conformance.fake_storage", "--port", "0"]);
    let storage = Server::launch(command, "fake_storage", &["PORT"]);
    let url = storage.url();
    let server =
        Server::start("conformance_worker", &[&["--port", "0", "--fake-storage", &url][..], &PUT_CAPS].concat());
    outcomes.merge(suite::run(&client, "put-caps", &server, "", Some("http_response_cap*"), None));
    drop((server, storage));

    outcomes.check(release, &exclusions::of(release));

    let server = Server::start("conformance_worker", &["--port", "0", "--prefix", "/vgi"]);
    suite::run(&client, "prefix", &server, "/vgi", Some(SAMPLE), None).check_sample(release);
}

/// One process, one port, three releases of two generations at the same time.
#[test]
fn all_releases_are_served_at_once_by_one_process() {
    let clients: Vec<Client> = Release::ALL.into_iter().filter_map(Client::install).collect();
    if clients.len() < Release::ALL.len() {
        return;
    }
    let server = Server::start("conformance_worker", &["--port", "0", "--generation", "both"]);
    // The cancel tests reset and read counters of the server's process, so they cannot run beside each other. The
    // oldest release knows no filter that excludes.
    let together: Vec<Outcomes> = thread::scope(|scope| {
        let runs: Vec<_> = clients
            .iter()
            .map(|client| {
                let filter = (client.release != Release::V0_19_0).then_some("!cancel*");
                let server = &server;
                scope.spawn(move || suite::run(client, "dual", server, "", filter, None))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (client, mut outcomes) in clients.iter().zip(together) {
        if client.release != Release::V0_19_0 {
            outcomes.merge(suite::run(client, "dual-cancel", &server, "", Some("cancel*"), None));
        }
        outcomes.check_no_failure(client.release, &exclusions::of(client.release));
    }
}

#[test]
fn clients_of_the_flat_generation_call_the_quickstart() {
    calls_the_quickstart(&[Release::V0_19_0, Release::V0_42_3], "quickstart_flat.py");
}

#[test]
fn clients_of_the_namespaced_generation_call_the_quickstart() {
    calls_the_quickstart(&[Release::V0_52_2], "quickstart_namespaced.py");
}

fn calls_the_quickstart(releases: &[Release], script: &str) {
    let clients: Vec<Client> = releases.iter().copied().filter_map(Client::install).collect();
    if clients.is_empty() {
        return;
    }
    // All against the same process: a release leaves nothing behind that another one would trip over.
    let server = Server::start("quickstart", &["0"]);
    for client in &clients {
        let output = client.run_script(script, &[&server.url()]);
        assert!(output.contains("quickstart: all good"), "vgi-rpc {}:\n{output}", client.release.version());
    }
}
