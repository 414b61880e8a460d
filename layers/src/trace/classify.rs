//! What is a failure.

use std::fmt;

use http::{HeaderMap, HeaderName, Response, StatusCode};
use tower_http::classify::{ClassifiedResponse, ClassifyEos, ClassifyResponse};

use crate::scrub::scrub;

const RPC_ERROR: HeaderName = HeaderName::from_static("x-vgi-rpc-error");

/// How a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The method's own error, in a response with status 200.
    Rpc,
    /// A defect of the server, or a server that could not.
    Status(StatusCode),
    /// There was no response.
    Service(String),
    /// The response broke off.
    Body(String),
}

/// Looks at the head of a response, and at the end of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Classify;

impl ClassifyResponse for Classify {
    type FailureClass = Failure;
    type ClassifyEos = Self;

    fn classify_response<B>(self, response: &Response<B>) -> ClassifiedResponse<Failure, Self> {
        let status = response.status();
        if status.is_server_error() {
            ClassifiedResponse::Ready(Err(Failure::Status(status)))
        } else if response.headers().get(RPC_ERROR).is_some_and(|value| value == "true") {
            ClassifiedResponse::Ready(Err(Failure::Rpc))
        } else {
            ClassifiedResponse::RequiresEos(self)
        }
    }

    fn classify_error<E: fmt::Display + 'static>(self, error: &E) -> Failure {
        Failure::Service(text(error))
    }
}

impl ClassifyEos for Classify {
    type FailureClass = Failure;

    fn classify_eos(self, _trailers: Option<&HeaderMap>) -> Result<(), Failure> {
        Ok(())
    }

    fn classify_error<E: fmt::Display + 'static>(self, error: &E) -> Failure {
        Failure::Body(text(error))
    }
}

/// Without the queries of URLs, in which secrets travel.
fn text(error: &impl fmt::Display) -> String {
    scrub(&error.to_string()).into_owned()
}
