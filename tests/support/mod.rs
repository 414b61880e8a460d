//! A small caller of services in the same process, at the level of the wire: it shows what is sent and what comes back.
//!
//! Other test binaries include it with `#[path = "../support/mod.rs"] mod support;`.
#![allow(dead_code, unused_imports, unreachable_pub)]

mod answer;
mod arguments;
mod caller;

pub use answer::Answer;
pub use arguments::Arguments;
pub use caller::{Caller, Stream, content_type};
