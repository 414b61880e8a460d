//! Tables of requests with what has to become of them, sent over one connection that has to survive them all.

use std::fmt::Write as _;

use http::StatusCode;
use tower_vgi::rpc::Generation;

use super::answer::Answer;
use super::ask::{Ask, both};
use super::connection::{Connection, Server};
use super::service::service;

/// A request, and what both generations answer.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) ask: fn(Generation) -> Ask,
    pub(crate) flat: Expected,
    pub(crate) namespaced: Expected,
    pub(crate) chunked: bool,
}

/// What has to come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expected {
    /// A good answer.
    Good,
    /// An error with a status of its own, on the empty schema, without `X-VGI-RPC-Error`.
    Refused { status: u16, exception: &'static str, kind: Option<&'static str>, code: &'static str, text: &'static str },
    /// An error of the call itself: status 200 and `X-VGI-RPC-Error: true`.
    Failed { exception: &'static str, code: &'static str, text: &'static str },
    /// Not Arrow: a JSON answer of the HTTP side.
    Json { status: u16, allow: Option<&'static str> },
    /// Nothing but a head.
    Empty { status: u16, allow: Option<&'static str> },
    /// The request does not exist in this generation.
    Skip,
}

impl Expected {
    pub(crate) const fn refused(status: u16, exception: &'static str, text: &'static str) -> Self {
        Self::Refused { status, exception, kind: None, code: "UNKNOWN", text }
    }

    pub(crate) const fn type_error(text: &'static str) -> Self {
        Self::refused(400, "TypeError", text)
    }

    pub(crate) const fn failed(exception: &'static str, text: &'static str) -> Self {
        Self::Failed { exception, code: "UNKNOWN", text }
    }

    pub(crate) const fn no_method(text: &'static str) -> Self {
        Self::Refused {
            status: 404,
            exception: "MethodNotImplementedError",
            kind: Some("method_not_implemented"),
            code: "UNIMPLEMENTED",
            text,
        }
    }

    pub(crate) const fn no_protocol(status: u16, text: &'static str) -> Self {
        Self::Refused {
            status,
            exception: "ProtocolNotSupportedError",
            kind: Some("protocol_not_supported"),
            code: "UNIMPLEMENTED",
            text,
        }
    }

    /// What is wrong with an answer.
    fn mistake(&self, answer: &Answer) -> Option<String> {
        match *self {
            Self::Good => match answer.is_arrow().then(|| answer.failure()) {
                Some(None) if answer.status == StatusCode::OK && !answer.says_error() => None,
                Some(failure) => Some(format!("{} {failure:?}", answer.status)),
                None => Some(format!("{answer:?}")),
            },
            Self::Refused { status, exception, kind, code, text } => {
                if let Some(mistake) = wrong_failure(answer, status, exception, code, text) {
                    return Some(mistake);
                }
                let failure = answer.expect_failure();
                if failure.kind.as_deref() != kind {
                    return Some(format!("kind {:?}", failure.kind));
                }
                if answer.says_error() {
                    return Some("X-VGI-RPC-Error on a refusal".to_owned());
                }
                (!answer.schema().fields().is_empty()).then(|| format!("schema {}", answer.schema()))
            }
            Self::Failed { exception, code, text } => wrong_failure(answer, 200, exception, code, text)
                .or_else(|| (!answer.says_error()).then(|| "no X-VGI-RPC-Error".to_owned())),
            Self::Json { status, allow } => {
                let good = answer.status == status && answer.is_json() && answer.header("allow") == allow;
                (!good || !answer.json().is_object()).then(|| format!("{answer:?}"))
            }
            Self::Empty { status, allow } => {
                let good = answer.status == status && answer.body.is_empty() && answer.header("allow") == allow;
                (!good).then(|| format!("{answer:?}"))
            }
            Self::Skip => None,
        }
    }
}

fn wrong_failure(answer: &Answer, status: u16, exception: &str, code: &str, text: &str) -> Option<String> {
    if !answer.is_arrow() {
        return Some(format!("not Arrow: {answer:?}"));
    }
    let Some(failure) = answer.failure() else { return Some(format!("{}, no error", answer.status)) };
    let same = answer.status == status
        && failure.exception == exception
        && failure.code == code
        && failure.message.contains(text);
    if !same {
        return Some(format!("{} {} {} {:?}", answer.status, failure.exception, failure.code, failure.message));
    }
    // Both ids are there to find the request again in the server's logs.
    let ids = failure.metadata.contains("vgi_rpc.server_id") && failure.metadata.contains("vgi_rpc.request_id");
    (!ids).then(|| "an error without ids".to_owned())
}

impl Case {
    /// The same answer in both generations.
    pub(crate) const fn same(name: &'static str, ask: fn(Generation) -> Ask, expected: Expected) -> Self {
        Self { name, ask, flat: expected, namespaced: expected, chunked: false }
    }

    pub(crate) const fn differs(
        name: &'static str,
        ask: fn(Generation) -> Ask,
        flat: Expected,
        namespaced: Expected,
    ) -> Self {
        Self { name, ask, flat, namespaced, chunked: false }
    }

    pub(crate) const fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }
}

/// Sends every case of a table over one connection a generation, a good call after each, and reports all mistakes at once.
pub(crate) async fn check(cases: &[Case]) {
    let server = Server::start(service()).await;
    let mut mistakes = String::new();
    for generation in both() {
        let mut connection = server.connect().await;
        for case in cases {
            let expected = match generation {
                Generation::Flat => case.flat,
                Generation::Namespaced => case.namespaced,
            };
            if expected == Expected::Skip {
                continue;
            }
            let ask = (case.ask)(generation);
            let answer = if case.chunked { connection.send_chunked(ask).await } else { connection.send(ask).await };
            if let Some(mistake) = expected.mistake(&answer) {
                let _ = writeln!(mistakes, "{generation:?} {}: expected {expected:?}, got {mistake}", case.name);
            }
            still_good(&mut connection, generation).await;
        }
    }
    assert!(mistakes.is_empty(), "\n{mistakes}");
}

/// A good call over the same connection.
async fn still_good(connection: &mut Connection, generation: Generation) {
    let answer = connection.send(Ask::add(generation)).await;
    assert_eq!(answer.result::<f64>(), 3.0);
}
