//! `examples/hyper.rs`.

#[allow(dead_code, unreachable_pub)]
#[path = "../../examples/hyper.rs"]
mod example;

use crate::socket::{Socket, listen};

#[tokio::test]
async fn a_stack_serves_under_bare_hyper_in_both_versions_of_http() {
    let (listener, address) = listen().await;
    let serving = tokio::spawn(example::accept(listener, example::app().unwrap()));
    crate::greets(Socket::http1(address, "")).await;
    crate::greets(Socket::http2(address, "")).await;
    serving.abort();
}
