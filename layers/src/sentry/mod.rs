//! Errors of methods as issues of Sentry.
//!
//! In this protocol an error travels with the status 200, where a layer that looks at statuses sees none. This one knows
//! the error itself: its type, its text, and what it was about, as the tags `rpc.protocol`, `rpc.method`,
//! `rpc.method_type`, `rpc.error_code`, `request_id`, `principal` and `auth.domain`. No parameter and no result is in an
//! event, and no query of a URL.
//!
//! ```
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::sentry::SentryLayer;
//! # fn serve(service: tower_vgi::rpc::RpcService) -> Result<(), tower_vgi::BoxError> {
//!
//! // let _guard = sentry::init(…);
//! let stack = Stack::builder(service).sentry(SentryLayer::new().transactions()).build()?;
//! # let _ = stack;
//! # Ok(())
//! # }
//! ```
//!
//! Each request has a hub of its own, made of the one that is current where it comes in: what a method tells Sentry
//! by itself (`sentry::capture_message`) has the same tags and user. What the caller did wrong, and what will pass, is
//! not reported ([`DEFAULT_IGNORED_CODES`]).

mod event;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, Request};
use sentry_core::protocol::SpanStatus;
use sentry_core::{Hub, Transaction, TransactionContext};
use tower_layer::Layer;
use tower_vgi::call_record::CallListener;
use tower_vgi::rpc::Call;
use tower_vgi::{Advertise, CallRecord, Capabilities, ErrorCode};

use crate::observe::{Observe, Observed, Outcome};

pub use sentry_core;

/// Codes of errors that are not reported unless the layer says otherwise: the caller's mistakes, and what will pass.
pub const DEFAULT_IGNORED_CODES: [ErrorCode; 11] = [
    ErrorCode::Cancelled,
    ErrorCode::InvalidArgument,
    ErrorCode::NotFound,
    ErrorCode::AlreadyExists,
    ErrorCode::PermissionDenied,
    ErrorCode::Unauthenticated,
    ErrorCode::FailedPrecondition,
    ErrorCode::OutOfRange,
    ErrorCode::ResourceExhausted,
    ErrorCode::Aborted,
    ErrorCode::Unavailable,
];

/// Reports errors of methods to Sentry. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct SentryLayer {
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    transactions: bool,
    ignored_types: HashSet<String>,
    ignored_codes: HashSet<ErrorCode>,
}

impl SentryLayer {
    /// Reports what the server did wrong, through the hub that is current when a request comes.
    pub fn new() -> Self {
        Self {
            settings: Settings {
                transactions: false,
                ignored_types: HashSet::new(),
                ignored_codes: DEFAULT_IGNORED_CODES.into(),
            },
        }
    }

    /// Makes a transaction of each request, as a part of its caller's where the headers have one. How many are kept is
    /// up to the client's `traces_sample_rate`.
    pub fn transactions(mut self) -> Self {
        self.settings.transactions = true;
        self
    }

    /// Does not report errors of these types, such as `ValueError`.
    pub fn ignore_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.settings.ignored_types.extend(types.into_iter().map(Into::into));
        self
    }

    /// Does not report errors of these codes, in place of [`DEFAULT_IGNORED_CODES`].
    pub fn ignore_codes(mut self, codes: impl IntoIterator<Item = ErrorCode>) -> Self {
        self.settings.ignored_codes = codes.into_iter().collect();
        self
    }
}

impl Default for SentryLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for SentryLayer {
    type Service = Observed<S, Reporting>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed::new(inner, Reporting { settings: Arc::new(self.settings.clone()) })
    }
}

impl Advertise for SentryLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// What [`SentryLayer`] observes with.
#[derive(Clone, Debug)]
pub struct Reporting {
    settings: Arc<Settings>,
}

/// The hub of one request.
pub struct Seen {
    hub: Arc<Hub>,
    transaction: Option<Transaction>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Seen").finish_non_exhaustive()
    }
}

/// Says in the hub of a request which call it has become, for what the method itself tells.
struct Describe {
    hub: Arc<Hub>,
}

impl CallListener for Describe {
    fn dispatched(&self, _call: &Call, record: &CallRecord) {
        let call = record.snapshot();
        self.hub.configure_scope(|scope| {
            for (name, value) in event::tags(&call) {
                scope.set_tag(name, value);
            }
            if let Some(user) = event::user(&call) {
                scope.set_user(Some(user));
            }
        });
    }
}

impl Observe for Reporting {
    type Seen = Seen;

    fn begin<B>(&self, request: &mut Request<B>) -> Seen {
        let hub = Arc::new(Hub::new_from_top(Hub::current()));
        let wanted = self.settings.transactions && matches!(*request.method(), Method::POST | Method::DELETE);
        let transaction = wanted.then(|| {
            let transaction = hub.start_transaction(context(request.headers()));
            hub.configure_scope(|scope| scope.set_span(Some(transaction.clone().into())));
            transaction
        });
        if hub.client().is_some() {
            CallRecord::of(request.extensions_mut()).listen(Arc::new(Describe { hub: hub.clone() }));
        }
        Seen { hub, transaction }
    }

    fn in_scope<R>(&self, seen: &Seen, work: impl FnOnce() -> R) -> R {
        Hub::run(seen.hub.clone(), work)
    }

    fn end(&self, seen: Seen, outcome: Outcome<'_>) {
        let Seen { hub, transaction } = seen;
        if let Some(error) = &outcome.call.error
            && !self.settings.ignored_types.contains(error.type_name())
            && !self.settings.ignored_codes.contains(&error.code())
        {
            hub.capture_event(event::of_error(error, outcome.call));
        }
        if let Some(transaction) = transaction {
            if let Some(dispatched) = &outcome.call.dispatched {
                transaction.set_name(&format!("{}/{}", dispatched.method.protocol, dispatched.method.description.name));
            }
            for (name, value) in event::tags(outcome.call) {
                transaction.set_tag(name, value);
            }
            transaction.set_status(status(&outcome));
            transaction.finish();
        }
    }
}

/// The name is known when the call is; until then it is the server's.
fn context(headers: &HeaderMap) -> TransactionContext {
    let headers = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    TransactionContext::continue_from_headers("vgi_rpc", "rpc.server", headers)
}

fn status(outcome: &Outcome<'_>) -> SpanStatus {
    let Some(code) = outcome.code() else { return SpanStatus::Ok };
    match code {
        ErrorCode::Cancelled => SpanStatus::Cancelled,
        ErrorCode::InvalidArgument => SpanStatus::InvalidArgument,
        ErrorCode::DeadlineExceeded => SpanStatus::DeadlineExceeded,
        ErrorCode::NotFound => SpanStatus::NotFound,
        ErrorCode::AlreadyExists => SpanStatus::AlreadyExists,
        ErrorCode::PermissionDenied => SpanStatus::PermissionDenied,
        ErrorCode::ResourceExhausted => SpanStatus::ResourceExhausted,
        ErrorCode::FailedPrecondition => SpanStatus::FailedPrecondition,
        ErrorCode::Aborted => SpanStatus::Aborted,
        ErrorCode::OutOfRange => SpanStatus::OutOfRange,
        ErrorCode::Unimplemented => SpanStatus::Unimplemented,
        ErrorCode::Internal => SpanStatus::InternalError,
        ErrorCode::Unavailable => SpanStatus::Unavailable,
        ErrorCode::DataLoss => SpanStatus::DataLoss,
        ErrorCode::Unauthenticated => SpanStatus::Unauthenticated,
        _ => SpanStatus::UnknownError,
    }
}
