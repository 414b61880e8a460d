//! What the tests share: requests, answers, a server, and tables of bad requests.

mod answer;
mod ask;
mod connection;
mod refusal;
mod service;

pub(crate) use answer::{Answer, Tokens};
pub(crate) use ask::{Ask, both, column, row};
pub(crate) use connection::{Server, ask};
pub(crate) use refusal::{Case, Expected, check};
pub(crate) use service::{Colour, Number, Value, builder, calc, edge, plain, service};
