//! The suite that vgi-rpc 0.52.2 has for all implementations, with our client in place of its own, against its own
//! server: `examples/client_driver` does what the suite says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::child::{self, example_path};
use crate::python;
use crate::release::Release;

/// How long the suite may take.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The tests that call through our client. A run of fewer is not a good run.
const DRIVEN: usize = 218;

#[derive(Deserialize)]
struct Report {
    tests: BTreeMap<String, Outcome>,
    /// How many tests ask for a server that is not among those of this run.
    left_out: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Outcome {
    driven: bool,
    outcome: String,
    why: String,
}

#[test]
fn our_client_passes_the_suite_of_the_reference() {
    let Some(client) = python::Client::install(Release::V0_52_2) else { return };
    let report = client.scratch("client-suite.json");
    let _ = std::fs::remove_file(&report);
    let mut command = client.python();
    command.env("VGI_CLIENT_DRIVER", example_path("client_driver")).env("VGI_CLIENT_REPORT", &report);
    command.args(["-m", "pytest", "-p", "no:cacheprovider", "--quiet", "--tb", "short", "--timeout", "60"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance_client/driver"));
    let (status, output) = child::run(command, &client.scratch("client-suite.log"), TIMEOUT);
    assert!(status.is_some(), "it did not come to an end within {TIMEOUT:?}:\n{output}");
    let report = std::fs::read_to_string(&report).unwrap_or_else(|_| panic!("there is no report:\n{output}"));
    let Report { tests, left_out } = serde_json::from_str(&report).unwrap();

    let of = |outcome: &str| tests.values().filter(|test| test.driven && test.outcome == outcome).count();
    let (passed, skipped) = (of("passed"), of("skipped"));
    let others = tests.values().filter(|test| !test.driven).count();
    println!("{passed} passed, {skipped} skipped, {others} never call through our client; left out: {left_out:?}");
    for (name, test) in tests.iter().filter(|(_, test)| test.outcome == "skipped") {
        println!("skipped {name}: {}", test.why);
    }
    let failed: Vec<_> = tests.iter().filter(|(_, test)| test.outcome == "failed").collect();
    let texts: Vec<_> = failed.iter().map(|(name, test)| format!("{name}\n{}", test.why)).collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), texts.join("\n"));
    assert!(passed >= DRIVEN, "{passed} tests called through our client, {DRIVEN} are known to");
}
