//! One run of `vgi-rpc-test`, and what came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::child::Server;
use crate::exclusions::Exclusion;
use crate::python::Client;
use crate::release::Release;

/// How long one test of the suite may take, in seconds: a debug build on a busy machine is slow.
const TEST_TIMEOUT: &str = "60";

/// The check of the access log is no test of the suite's own; here it is one.
const ACCESS_LOG: &str = "access_log.schema";

/// What became of every test, by name.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(BTreeMap<String, Outcome>);

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

/// Runs the suite of a release, or the part that a filter selects.
pub(crate) fn run(
    client: &Client,
    name: &str,
    server: &Server,
    prefix: &str,
    filter: Option<&str>,
    access_log: Option<&Path>,
) -> Outcomes {
    let report = client.scratch(&format!("{name}.json"));
    let _ = std::fs::remove_file(&report);
    let url = server.url();
    let mut arguments = vec!["--url", &url, "--format", "json", "--timeout", TEST_TIMEOUT];
    arguments.extend(["--output", report.to_str().unwrap()]);
    if !prefix.is_empty() {
        arguments.extend(["--prefix", prefix]);
    }
    if let Some(filter) = filter {
        arguments.extend(["--filter", filter]);
    }
    if let Some(path) = access_log {
        arguments.extend(["--access-log", path.to_str().unwrap()]);
    }
    let output = client.run_suite(&arguments);
    let what = format!("vgi-rpc-test {} ({name})", client.release.version());
    let text = std::fs::read_to_string(&report).unwrap_or_else(|_| panic!("{what} wrote no report:\n{output}"));
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
    let tests = report["results"].as_array().unwrap_or_else(|| panic!("{what}: no results\n{text}"));
    let mut outcomes = Outcomes(tests.iter().map(outcome).collect());
    if access_log.is_some() {
        let good = output.contains("--access-log: PASS");
        let outcome = if good { Outcome::Passed } else { Outcome::Failed(output.trim().to_owned()) };
        outcomes.0.insert(ACCESS_LOG.to_owned(), outcome);
    }
    outcomes
}

fn outcome(test: &Value) -> (String, Outcome) {
    let text = |key: &str| test[key].as_str().unwrap_or_default().to_owned();
    let outcome = match (test["skipped"] == true, test["passed"] == true) {
        (true, _) => Outcome::Skipped(text("skip_reason")),
        (false, true) => Outcome::Passed,
        (false, false) => Outcome::Failed(text("error")),
    };
    (text("name"), outcome)
}

impl Outcomes {
    /// Adds another run: a failure beats a pass, and that a skip.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, outcome) in other.0 {
            match self.0.get(&name) {
                Some(Outcome::Failed(_)) => {}
                Some(Outcome::Passed) if matches!(outcome, Outcome::Skipped(_)) => {}
                _ => drop(self.0.insert(name, outcome)),
            }
        }
    }

    /// Every test has passed but those excluded, which have not; and none is missing.
    pub(crate) fn check(&self, release: Release, exclusions: &[Exclusion]) {
        let mut mistakes = self.failures(exclusions);
        for (name, outcome) in &self.0 {
            if let Outcome::Skipped(reason) = outcome
                && !is_excluded(name, exclusions)
            {
                let _ = writeln!(mistakes, "skipped: {name}: {reason}");
            }
        }
        for exclusion in exclusions {
            let (test, reason) = (exclusion.test, exclusion.reason);
            match self.0.get(test) {
                Some(Outcome::Passed) => {
                    let _ =
                        writeln!(mistakes, "passed: {test} ({reason:?}): remove it from tests/interop/exclusions.rs");
                }
                Some(_) => {}
                None => {
                    let _ = writeln!(mistakes, "no such test: {test} ({reason:?}): remove it from the exclusions");
                }
            }
        }
        let tests = self.0.keys().filter(|name| *name != ACCESS_LOG).count();
        if tests != release.tests() {
            let _ = writeln!(mistakes, "{tests} tests were run, the release has {}", release.tests());
        }
        assert!(mistakes.is_empty(), "vgi-rpc {}:\n{mistakes}", release.version());
    }

    /// For runs of the whole suite on a server without some features: what ran has passed.
    pub(crate) fn check_no_failure(&self, release: Release, exclusions: &[Exclusion]) {
        let mistakes = self.failures(exclusions);
        let passed = self.passed();
        // The response caps are skipped on a server without caps: at most 6 tests, and one that is not for HTTP.
        assert!(mistakes.is_empty() && passed + 7 >= release.tests(), "vgi-rpc {}: {passed} passed\n{mistakes}", {
            release.version()
        });
    }

    /// For runs of a part of the suite: everything has passed, and it was not nothing.
    pub(crate) fn check_sample(&self, release: Release) {
        let others: Vec<_> = self.0.iter().filter(|(_, outcome)| **outcome != Outcome::Passed).collect();
        assert!(others.is_empty() && self.passed() > 20, "vgi-rpc {}: {others:?}", release.version());
    }

    fn passed(&self) -> usize {
        self.0.values().filter(|outcome| **outcome == Outcome::Passed).count()
    }

    fn failures(&self, exclusions: &[Exclusion]) -> String {
        let mut failures = String::new();
        for (name, outcome) in &self.0 {
            if let Outcome::Failed(error) = outcome
                && !is_excluded(name, exclusions)
            {
                let _ = writeln!(failures, "failed: {name}: {error}");
            }
        }
        failures
    }
}

fn is_excluded(name: &str, exclusions: &[Exclusion]) -> bool {
    exclusions.iter().any(|exclusion| exclusion.test == name)
}
