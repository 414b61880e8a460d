//! Tests of the releases' suites that do not pass, each with its reason: nothing else may fail or be skipped.
//!
//! A test in this list that passes fails the run: then the feature is there, and its line has to go.

use crate::release::Release;

/// Why a test is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The suite itself runs it over pipes and sockets only.
    NotOverHttp,
}

/// One test that does not pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exclusion {
    pub(crate) test: &'static str,
    pub(crate) releases: &'static [Release],
    pub(crate) reason: Reason,
}

const EXCLUSIONS: &[Exclusion] = &[Exclusion {
    test: "large_payload.echo_binary_over_int32_max",
    releases: &[Release::V0_42_3, Release::V0_52_2],
    reason: Reason::NotOverHttp,
}];

/// Those of one release.
pub(crate) fn of(release: Release) -> Vec<Exclusion> {
    EXCLUSIONS.iter().filter(|exclusion| exclusion.releases.contains(&release)).copied().collect()
}
