//! [`Visit`]: somebody looks at a page.

use std::sync::Arc;

use http::header::ACCEPT;
use http::{Method, Request, Response, StatusCode};
use tower_vgi::{AuthReason, Body, CallRecord};

use super::destination::Destination;
use super::flow::{Flow, Presented};
use crate::auth::answer::AUTH_REASON;

/// Somebody looks at a page, and can be sent elsewhere.
pub(super) struct Visit {
    flow: Arc<Flow>,
    destination: Destination,
    presented: Option<Presented>,
    /// Who that is, of somebody who only comes to be sent on.
    record: Option<CallRecord>,
}

/// What becomes of a visit.
pub(super) enum Step {
    /// What was asked for is refused.
    Refused(Visit),
    /// The page elsewhere gets the token that is here.
    Return { flow: Arc<Flow>, url: String, presented: Presented },
}

impl Visit {
    /// None for programs.
    pub(super) fn of<B>(request: &mut Request<B>, flow: &Arc<Flow>, presented: Option<Presented>) -> Option<Box<Self>> {
        let mut accepted = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let is_of_a_browser =
            request.method() == Method::GET && accepted.any(|value| value.to_ascii_lowercase().contains("text/html"));
        is_of_a_browser.then(|| {
            let destination = Destination::of(request.uri(), &flow.frontends);
            let is_sent_on = presented.is_some() && matches!(destination, Destination::Frontend(_));
            let record = is_sent_on.then(|| CallRecord::of(request.extensions_mut()));
            Box::new(Self { flow: flow.clone(), destination, presented, record })
        })
    }

    /// What is to be done in place of the service's own response, if anything.
    pub(super) fn goes_on<R>(self, response: &Response<R>) -> Option<Step> {
        if would_help(response) {
            return Some(Step::Refused(self));
        }
        // A page that is for everybody says nothing of the token: only who is known has one that is good.
        let is_known = self.record.as_ref().is_some_and(|record| record.read(|call| call.auth.is_some()));
        match (self.destination, self.presented) {
            (Destination::Frontend(url), Some(presented)) if is_known => {
                Some(Step::Return { flow: self.flow, url, presented })
            }
            _ => None,
        }
    }
}

impl Step {
    pub(super) async fn answer(self, response: Response<()>) -> Response<Body> {
        match self {
            Self::Refused(Visit { flow, destination, presented, .. }) => {
                flow.answer(response, presented, destination).await
            }
            Self::Return { flow, url, presented } => flow.return_to(&url, &presented),
        }
    }
}

/// Whether another token may be let in. Whoever is known and may not come in would be sent round in circles.
fn would_help<R>(response: &Response<R>) -> bool {
    let reason = response.headers().get(AUTH_REASON).and_then(|reason| reason.to_str().ok());
    let reason = reason.map_or(AuthReason::Unauthorized, AuthReason::from_wire);
    response.status() == StatusCode::UNAUTHORIZED
        && !matches!(reason, AuthReason::InsufficientScope | AuthReason::ProxyRequired)
}
