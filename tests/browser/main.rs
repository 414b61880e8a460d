//! The pages as people see them, and calls from pages of other origins, in headless Chromium.
//!
//! The browser is driven by the scripts beside this file, with the packages that `package-lock.json` pins; they are
//! installed under the target directory, once. That takes Node 20 or later, npm, and Chromium (`TOWER_VGI_CHROMIUM`
//! names one). Where there is none of these the tests say that they are skipped; with `TOWER_VGI_REQUIRE_BROWSER=1`
//! they fail instead.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod cross_origin;
mod node;
mod service;

use node::Browser;
use service::Server;

#[test]
fn pages_render_without_a_complaint_and_ask_nobody_else() {
    run("render.mjs");
}

#[test]
fn axe_finds_nothing_in_either_scheme() {
    run("accessibility.mjs");
}

#[test]
fn methods_are_found_by_keyboard() {
    run("keyboard.mjs");
}

#[test]
fn examples_are_copied() {
    run("copy.mjs");
}

fn run(script: &str) {
    let Some(browser) = Browser::find(script) else { return };
    let server = Server::with_pages();
    browser.run(script, &server.url(), &[]);
}

/// Where a package comes from is the installing machine's matter; what it is, the lock file's.
#[test]
fn the_lock_file_pins_contents_and_names_no_place() {
    let lock = std::fs::read_to_string(node::here().join("package-lock.json")).unwrap();
    assert!(!lock.contains("resolved") && !lock.contains("://"));
    assert_eq!(lock.matches("\"node_modules/").count(), lock.matches("\"integrity\": \"sha512-").count());
}
