//! The pages as a browser shows them.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod service;

#[test]
#[ignore]
fn serve_it() {
    let server = service::Server::start();
    std::fs::write("/tmp/browser-url", server.url()).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(100000));
}
