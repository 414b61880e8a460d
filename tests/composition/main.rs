//! The stack and single layers inside of other people's servers: what the examples build, called over sockets.
//!
//! Each example has a function that makes its application; here it is run and called as its users would.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod under_axum;
mod under_hyper;
mod with_one_layer;
mod with_own_auth;
mod with_tonic;

mod socket;
#[path = "../support/mod.rs"]
mod support;

use socket::Socket;
use support::{Arguments, Caller};

/// Calls the `Greeter` of an example in both generations of the wire.
async fn greets(socket: Socket) {
    for caller in Caller::both(socket, "Greeter") {
        let answer = caller.call("greet", Arguments::none().with("name", "Ada".to_owned())).await;
        assert_eq!(answer.value::<String>(), "Hello, Ada!");
        assert!(answer.headers.contains_key("x-request-id"));
        assert_eq!(answer.headers["vgi-supported-encodings"], "zstd, gzip");
        assert_eq!(caller.call("part", Arguments::none()).await.status, 404);
    }
}
