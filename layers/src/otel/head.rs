//! What a span says of its request as HTTP.

use std::borrow::Cow;

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Version, header};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanRef;
use tower_vgi::PeerAddr;

use super::conventions as names;

/// The head of a request, as much as spans say of it. It is kept of all that may be recorded, most of which are not: so
/// nothing is copied that can be shared with the request.
#[derive(Debug)]
pub(super) struct Head {
    method: Method,
    path: Option<PathAndQuery>,
    version: Version,
    user_agent: Option<HeaderValue>,
    peer: Option<PeerAddr>,
}

impl Head {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path_and_query().cloned(),
            version: request.version(),
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
            peer: request.extensions().get().copied(),
        }
    }

    /// The verb of HTTP.
    pub(super) fn method_name(&self) -> Cow<'static, str> {
        method_name(&self.method)
    }

    /// Never the query, in which secrets travel.
    pub(super) fn describe(&self, span: &SpanRef<'_>) {
        let path = self.path.as_ref().map_or("", PathAndQuery::path);
        let version = match self.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            Version::HTTP_3 => "3",
            _ => "1.1",
        };
        let agent = self.user_agent.as_ref().and_then(|agent| agent.to_str().ok());
        let present = [
            Some(KeyValue::new(names::HTTP_REQUEST_METHOD, self.method_name())),
            Some(KeyValue::new(names::URL_PATH, path.to_owned())),
            Some(KeyValue::new(names::NETWORK_PROTOCOL_VERSION, version)),
            self.peer.map(|peer| KeyValue::new(names::CLIENT_ADDRESS, peer.0.ip().to_string())),
            self.peer.map(|peer| KeyValue::new(names::CLIENT_PORT, i64::from(peer.0.port()))),
            agent.map(|agent| KeyValue::new(names::USER_AGENT, agent.to_owned())),
        ];
        span.set_attributes(present.into_iter().flatten());
    }
}

/// The verb of HTTP, as spans are named after it.
pub(super) fn method_name(method: &Method) -> Cow<'static, str> {
    match *method {
        Method::POST => "POST".into(),
        Method::DELETE => "DELETE".into(),
        ref other => other.to_string().into(),
    }
}
