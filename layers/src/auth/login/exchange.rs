//! `_oauth/token`: gets tokens for programs that do not have the client's secret.
//!
//! What is asked for and what comes back are put together anew from what is known: nothing else passes, in either
//! direction.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, CONTENT_TYPE, ORIGIN, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tower_vgi::Body;

use super::flow::Flow;
use super::form::{FormError, MAX_BYTES};
use super::provider::Answer;
use crate::auth::TARGET;
use crate::origin;

/// What a program may ask for, and what it has to give for it.
const GRANTS: [(&str, &[&str]); 2] =
    [("authorization_code", &["code", "code_verifier", "redirect_uri"]), ("refresh_token", &["refresh_token"])];
/// How long a program waits for its turn.
const WAIT: Duration = Duration::from_secs(1);
/// What comes back of what the provider says.
const GRANTED: [&str; 6] = ["access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"];
/// The refusals that are about what the program has sent, and those that say that somebody has to log in again. Others are
/// about this service.
const REFUSED: [&str; 6] =
    ["invalid_request", "invalid_grant", "invalid_scope", "interaction_required", "consent_required", "login_required"];

/// Why no token is given, as RFC 6749 has it.
struct Refused {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl Flow {
    /// Whether a page may read the answer; that of one that may not is to be the same for all of them.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let is_known = |origin: &str| {
            let (own, _) = self.login.origin_and_prefix();
            self.frontends.have(origin) || origin == own
        };
        origin.to_str().is_ok_and(is_known).then(|| origin.clone())
    }

    /// What a browser asks before a page may ask.
    pub(super) fn answer_preflight(&self, headers: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        self.show(headers, response)
    }

    /// Lets the page that has asked read the answer, if it may.
    fn show(&self, headers: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
        response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.allowed_origin(headers) {
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        response
    }

    /// The refusal of a request by its head alone.
    pub(super) fn refuse_exchange(&self, headers: &HeaderMap) -> Option<Response<Body>> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        let refused = if headers.contains_key(ORIGIN) && self.allowed_origin(headers).is_none() {
            // Its form needs no preflight: it would otherwise be sent on, and only the answer be kept from the page.
            refused(StatusCode::FORBIDDEN, "invalid_request", "pages of this origin get no tokens here")
        } else if !content_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let expected = "the content type has to be application/x-www-form-urlencoded";
            refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", expected)
        } else {
            return None;
        };
        Some(self.show(headers, refused.response()))
    }

    /// Exchanges what a program has sent.
    pub(super) async fn exchange(&self, headers: &HeaderMap, form: Result<Vec<u8>, FormError>) -> Response<Body> {
        let granted = match form {
            Ok(form) => self.granted(&form).await,
            Err(error) => Err(unread(&error)),
        };
        self.show(headers, granted.map_or_else(|refused| refused.response(), |granted| answer(StatusCode::OK, granted)))
    }

    async fn granted(&self, form: &[u8]) -> Result<Value, Refused> {
        let bad = |error, description: &str| refused(StatusCode::BAD_REQUEST, error, description);
        let mut given = HashMap::new();
        for (name, value) in form_urlencoded::parse(form).filter(|(_, value)| !value.is_empty()) {
            if given.insert(name, value).is_some() {
                return Err(bad("invalid_request", "a parameter is there more than once"));
            }
        }
        let Some((grant, needed)) =
            GRANTS.iter().find(|(grant, _)| given.get("grant_type").is_some_and(|it| it == grant))
        else {
            return Err(bad("unsupported_grant_type", "grant_type has to be authorization_code or refresh_token"));
        };
        if given.get("client_id").is_some_and(|client| *client != self.login.client_id) {
            return Err(bad("invalid_client", "client_id is not that of this service"));
        }
        // A code is of use to whoever began the login only, as there is no secret to tell them by.
        if let Some(missing) = needed.iter().find(|name| !given.contains_key(**name)) {
            return Err(bad("invalid_request", &format!("{missing} is missing")));
        }
        // A code has the scopes that were asked for with it.
        let scope = given.get("scope").filter(|_| *grant == "refresh_token").map(|scope| ("scope", &**scope));
        self.allow(&given, scope)?;
        // Strangers could otherwise keep people from logging in by keeping the provider busy.
        let Ok(Ok(_permit)) = timeout(WAIT, self.exchanges.acquire()).await else {
            return Err(refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "there are too many at once",
            ));
        };
        let passed = needed.iter().filter_map(|name| Some((*name, &**given.get(*name)?))).chain(scope);
        match self.provider.grant(&self.login, grant, passed).await {
            Ok(answer) => passed_on(answer),
            Err(error) => Err(unanswered(&error.to_string())),
        }
    }

    /// Refuses what this service's secret is not for, whatever the provider would say to it.
    fn allow(&self, given: &HashMap<Cow<'_, str>, Cow<'_, str>>, scope: Option<(&str, &str)>) -> Result<(), Refused> {
        let bad = |error, description: &str| Err(refused(StatusCode::BAD_REQUEST, error, description));
        let is_known = |scope: &str| self.login.scopes.split(' ').any(|known| known == scope);
        if scope.is_some_and(|(_, scopes)| !scopes.split_ascii_whitespace().all(is_known)) {
            return bad("invalid_scope", "a scope is none of those that this service asks for");
        }
        // Its codes are for people who log in here, and their verifiers are in no program.
        if given.get("redirect_uri").is_some_and(|uri| is_same(uri, &self.login.callback())) {
            return bad("invalid_request", "redirect_uri is that of this service, not of the program");
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match given.get("code_verifier") {
            Some(verifier) if verifier.len() > 128 || !verifier.bytes().all(fits) => {
                bad("invalid_request", "code_verifier has to be up to 128 letters, digits, '-', '.', '_' and '~'")
            }
            _ => Ok(()),
        }
    }
}

/// Whether two URLs lead to one place, whatever providers make of the case of its path.
fn is_same(one: &str, other: &str) -> bool {
    match (origin::split(one), origin::split(other)) {
        (Ok((one, to)), Ok((other, also_to))) => one == other && to.eq_ignore_ascii_case(also_to),
        _ => one.eq_ignore_ascii_case(other),
    }
}

fn passed_on(answer: Answer) -> Result<Value, Refused> {
    let is_there = |name| answer.members.get(name).is_some_and(Value::is_string);
    // Some say what is wrong with a status that says that nothing is.
    if answer.status == StatusCode::OK && (is_there("access_token") || is_there("id_token")) {
        let granted = answer.members.into_iter().filter(|(name, _)| GRANTED.contains(&name.as_str()));
        return Ok(Value::from(granted.collect::<Map<_, _>>()));
    }
    let error = answer.members.get("error").and_then(Value::as_str).unwrap_or_default();
    let is_ours = answer.status != StatusCode::OK && !answer.status.is_client_error();
    match REFUSED.iter().find(|known| !is_ours && **known == error) {
        Some(error) => Err(refused(StatusCode::BAD_REQUEST, error, "the identity provider refuses what was sent")),
        None => Err(unanswered(&format!("{}, {error}", answer.status))),
    }
}

/// Why is for whoever runs the server.
fn unanswered(why: &str) -> Refused {
    // Quoted: it is what somebody else said.
    tracing::warn!(target: TARGET, ?why, "tokens are not exchanged");
    refused(StatusCode::BAD_GATEWAY, "server_error", "the identity provider gives no token to this service now")
}

fn unread(error: &FormError) -> Refused {
    let (status, description) = match error {
        FormError::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, format!("the form is longer than {MAX_BYTES} bytes")),
        FormError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the form did not come in time".to_owned()),
        FormError::Broken => (StatusCode::BAD_REQUEST, "the form cannot be read".to_owned()),
    };
    Refused { status, error: "invalid_request", description }
}

fn refused(status: StatusCode, error: &'static str, description: &str) -> Refused {
    Refused { status, error, description: description.to_owned() }
}

impl Refused {
    fn response(self) -> Response<Body> {
        let mut response = answer(self.status, json!({"error": self.error, "error_description": self.description}));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn answer(status: StatusCode, members: Value) -> Response<Body> {
    let mut response = Response::new(Body::from(members.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
