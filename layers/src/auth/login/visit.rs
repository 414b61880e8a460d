//! [`Visit`]: somebody looks at a page.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use tower_vgi::{AuthReason, Body, CallRecord};

use super::destination::Destination;
use super::flow::{Flow, Presented};
use super::latest::Latest;
use crate::auth::BearerTaken;
use crate::auth::answer::{AUTH_REASON, accepts_html};

/// Somebody looks at a page, and can be sent elsewhere.
pub(super) struct Visit {
    flow: Arc<Flow>,
    destination: Destination,
    /// Whether this is the page that authentication looks at whatever is for everybody.
    is_at_root: bool,
    presented: Option<Presented>,
    latest: Option<Latest>,
    /// Who that is, once it is known.
    record: CallRecord,
    /// Whether they are known by the token that was presented.
    taken: BearerTaken,
}

/// What becomes of a visit.
pub(super) enum Step {
    /// To the provider, unless they have just been there.
    LogIn(Visit),
    /// To a page where authentication looks at the token.
    Check(Visit),
    /// The page elsewhere gets the token that is here.
    Return { visit: Visit, presented: Presented },
}

impl Visit {
    /// None for programs.
    pub(super) fn of<B>(request: &mut Request<B>, flow: &Arc<Flow>, presented: Option<Presented>) -> Option<Box<Self>> {
        let is_of_a_browser = request.method() == Method::GET && accepts_html(request.headers());
        is_of_a_browser.then(|| {
            let taken = BearerTaken::default();
            request.extensions_mut().insert(taken.clone());
            Box::new(Self {
                flow: flow.clone(),
                destination: Destination::of(request.uri(), &flow.frontends),
                is_at_root: request.uri().path() == "/",
                presented,
                latest: flow.latest(request.headers()),
                record: CallRecord::of(request.extensions_mut()),
                taken,
            })
        })
    }

    /// What is to be done in place of the service's own response, if anything.
    pub(super) fn goes_on<R>(mut self, response: &Response<R>) -> Option<Step> {
        // Whoever is known is not helped by another token, whatever the service inside says of them.
        let is_known = self.record.read(|call| call.auth.is_some());
        if !is_known && would_help(response) {
            return Some(Step::LogIn(self));
        }
        if self.destination.is_page() || !(is_known || is_for_everybody(response.status())) {
            return None;
        }
        // A page that is for everybody says nothing of the token, nor does one for who is known by other means.
        let is_good = is_known && self.taken.is_marked();
        match self.presented.take_if(|presented| is_good && presented.is_fresh) {
            Some(presented) => Some(Step::Return { visit: self, presented }),
            None if self.is_at_root => Some(Step::LogIn(self)),
            None => Some(Step::Check(self)),
        }
    }
}

impl Step {
    pub(super) async fn answer(self, response: Response<()>) -> Response<Body> {
        match self {
            Self::LogIn(Visit { flow, destination, latest, .. }) => match latest {
                Some(Latest::LoggedIn { .. }) => flow.refuse(&response, &destination),
                latest => flow.begin(destination, matches!(latest, Some(Latest::Left))).await,
            },
            Self::Check(Visit { flow, destination, .. }) => flow.redirect(&flow.address(&destination.target()), None),
            Self::Return { visit: Visit { flow, destination, latest, .. }, presented } => match destination {
                Destination::Frontend(url) => flow.return_to(&url, &presented, latest).await,
                Destination::Page(target) => flow.redirect(&flow.address(&target), None),
            },
        }
    }
}

/// Whether another token may be let in. Whoever may not come in whoever they are would be sent round in circles.
fn would_help<R>(response: &Response<R>) -> bool {
    let reason = response.headers().get(AUTH_REASON).and_then(|reason| reason.to_str().ok());
    let reason = reason.map_or(AuthReason::Unauthorized, AuthReason::from_wire);
    response.status() == StatusCode::UNAUTHORIZED
        && !matches!(reason, AuthReason::InsufficientScope | AuthReason::ProxyRequired)
}

/// Whether somebody of whom nothing is known was answered, rather than refused.
fn is_for_everybody(status: StatusCode) -> bool {
    let refusals = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    !status.is_server_error() && !refusals.contains(&status)
}
