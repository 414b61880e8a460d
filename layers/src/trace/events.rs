//! The span and the events.

use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tower_http::trace;
use tracing::{Span, error, info_span, warn};

use super::TARGET;
use super::classify::Failure;

#[derive(Clone, Copy, Debug)]
pub(super) struct MakeSpan;

impl<B> trace::MakeSpan<B> for MakeSpan {
    /// The fields are looked at only where somebody wants the span.
    fn make_span(&mut self, request: &Request<B>) -> Span {
        info_span!(
            target: TARGET,
            "request",
            method = %request.method(),
            path = request.uri().path(),
            version = ?request.version(),
            request_id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()),
        )
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OnResponse;

impl<B> trace::OnResponse<B> for OnResponse {
    fn on_response(self, response: &Response<B>, latency: Duration, span: &Span) {
        let status = response.status().as_u16();
        tracing::info!(target: TARGET, parent: span, status, latency_ms = milliseconds(latency), "response");
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OnFailure;

impl trace::OnFailure<Failure> for OnFailure {
    fn on_failure(&mut self, failure: Failure, latency: Duration, span: &Span) {
        let latency_ms = milliseconds(latency);
        match failure {
            Failure::Rpc => warn!(target: TARGET, parent: span, kind = "rpc", latency_ms, "failure"),
            Failure::Status(status) => {
                let status = status.as_u16();
                error!(target: TARGET, parent: span, kind = "status", status, latency_ms, "failure");
            }
            Failure::Service(text) => {
                error!(target: TARGET, parent: span, kind = "service", error = text, latency_ms, "failure");
            }
            // The latency here would be that since the last frame.
            Failure::Body(text) => error!(target: TARGET, parent: span, kind = "body", error = text, "failure"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OnEos;

impl trace::OnEos for OnEos {
    fn on_eos(self, _trailers: Option<&HeaderMap>, duration: Duration, span: &Span) {
        tracing::debug!(target: TARGET, parent: span, duration_ms = milliseconds(duration), "end of body");
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
