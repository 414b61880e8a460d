//! What is reported of an error.

use sentry_core::Level;
use sentry_core::protocol::{Event, Exception, User};
use tower_vgi::RpcError;
use tower_vgi::call_record::RecordedCall;

use crate::scrub::scrub;

pub(super) fn of_error(error: &RpcError, call: &RecordedCall) -> Event<'static> {
    let mut event = Event {
        level: Level::Error,
        exception: vec![Exception {
            ty: error.type_name().to_owned(),
            value: Some(scrub(error.message()).into_owned()),
            ..Exception::default()
        }]
        .into(),
        ..Event::default()
    };
    if let Some(dispatched) = &call.dispatched {
        event.transaction = Some(format!("{}/{}", dispatched.method.protocol, dispatched.method.description.name));
    }
    event.user = user(call);
    event.tags.extend(tags(call).into_iter().map(|(name, value)| (name.to_owned(), value)));
    event
}

/// Who calls, where that is known.
pub(super) fn user(call: &RecordedCall) -> Option<User> {
    let auth = call.auth.as_ref().filter(|auth| !auth.principal.is_empty())?;
    Some(User { id: Some(auth.principal.clone()), ..User::default() })
}

/// By what issues and transactions are found.
pub(super) fn tags(call: &RecordedCall) -> Vec<(&'static str, String)> {
    let mut tags = Vec::new();
    if let Some(dispatched) = &call.dispatched {
        let method = &dispatched.method;
        tags.push(("rpc.protocol", method.protocol.to_string()));
        tags.push(("rpc.method", method.description.name.clone()));
        let kind = if method.description.kind.is_stream() { "stream" } else { "unary" };
        tags.push(("rpc.method_type", kind.to_owned()));
        if let Ok(id) = dispatched.request_id.to_str() {
            tags.push(("request_id", id.to_owned()));
        }
    }
    if let Some(error) = &call.error {
        tags.push(("rpc.error_code", error.code().as_str().to_owned()));
    }
    if let Some(auth) = &call.auth {
        tags.push(("principal", auth.principal.clone()));
        tags.push(("auth.domain", auth.domain.clone()));
    }
    tags
}
