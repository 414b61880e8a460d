//! [`Flow`]: the steps of a login.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;
use tower_vgi::Body;
use tower_vgi::rpc::TokenKeys;

use super::config::{InvalidLogin, Login};
use super::cookies::{Cookies, SESSION, SESSION_SECONDS, TOKEN};
use super::provider::Provider;

pub(super) struct Flow {
    login: Login,
    cookies: Cookies,
    provider: Provider,
    random: SystemRandom,
}

impl Flow {
    pub(super) fn new(login: Login, keys: &TokenKeys) -> Result<Self, InvalidLogin> {
        login.check()?;
        let (origin, prefix) = login.origin_and_prefix();
        let cookies = Cookies::new(keys, prefix, origin.starts_with("https://"));
        Ok(Self { cookies, provider: Provider::new(&login)?, random: SystemRandom::new(), login })
    }

    /// Lets the cookie's token take the place of a header that is not there.
    pub(super) fn authorize(&self, headers: &mut HeaderMap) {
        if headers.contains_key(AUTHORIZATION) {
            return;
        }
        let token = self.cookies.get(headers, TOKEN).map(|token| HeaderValue::from_str(&format!("Bearer {token}")));
        if let Some(Ok(mut value)) = token {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }

    /// Sends a browser to the provider. Afterwards it comes back to `target`, the path and query inside of the prefix.
    pub(super) async fn begin(&self, target: &str) -> Response<Body> {
        let endpoints = match self.provider.endpoints(&self.login).await {
            Ok(endpoints) => endpoints,
            Err(error) => return failed(StatusCode::BAD_GATEWAY, "The identity provider does not answer.", &*error),
        };
        let (Some(state), Some(verifier)) = (self.random_text(), self.random_text()) else {
            return failed(StatusCode::INTERNAL_SERVER_ERROR, "There is no randomness.", "the system gives none");
        };
        let session = self.cookies.set(SESSION, &format!("{state} {verifier} {target}"), Some(SESSION_SECONDS));
        // A target too long for a cookie is not worth a login that fails.
        let session =
            session.or_else(|| self.cookies.set(SESSION, &format!("{state} {verifier} /"), Some(SESSION_SECONDS)));
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.login.client_id)
            .append_pair("redirect_uri", &self.login.callback())
            .append_pair("scope", &self.login.scopes)
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let separator = if endpoints.authorization.contains('?') { '&' } else { '?' };
        redirect(&format!("{}{separator}{}", endpoints.authorization, query.finish()), session)
    }

    /// Takes what the provider has given the browser.
    pub(super) async fn finish(&self, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let bad = |text: &str, why: &str| failed(StatusCode::BAD_REQUEST, text, why);
        let session = self.cookies.get(headers, SESSION);
        let Some([state, verifier, target]) = session.as_deref().and_then(parts) else {
            return bad("This login has taken too long, or it was begun elsewhere. Please try again.", "no session");
        };
        let query = uri.query().unwrap_or_default();
        let given = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let is_same = given("state").is_some_and(|given| bool::from(given.as_bytes().ct_eq(state.as_bytes())));
        if !is_same {
            return bad("This is the answer to another login. Please try again.", "another state");
        }
        let Some(code) = given("code").filter(|code| !code.is_empty()) else {
            return bad("The identity provider did not let you in.", given("error").as_deref().unwrap_or("no code"));
        };
        let granted = match self.provider.exchange(&self.login, &code, verifier).await {
            Ok(granted) => granted,
            Err(error) => return failed(StatusCode::BAD_GATEWAY, "The identity provider gave no token.", &*error),
        };
        let Some(token) = self.cookies.set(TOKEN, &granted.token, granted.expires_in) else {
            let text = "The identity provider's token does not fit into a cookie.";
            return failed(StatusCode::BAD_GATEWAY, text, "the token is too long");
        };
        redirect(&self.address(target), [Some(token), self.cookies.clear(SESSION)].into_iter().flatten())
    }

    pub(super) fn log_out(&self) -> Response<Body> {
        let cleared = [TOKEN, SESSION].map(|name| self.cookies.clear(name));
        redirect(&self.address("/"), cleared.into_iter().flatten())
    }

    /// Of this service, whatever the path looks like: one that begins with two slashes is no other host.
    fn address(&self, target: &str) -> String {
        format!("{}{target}", self.login.service)
    }

    fn random_text(&self) -> Option<String> {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes).ok()?;
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn parts(session: &str) -> Option<[&str; 3]> {
    let mut parts = session.splitn(3, ' ');
    Some([parts.next()?, parts.next()?, parts.next()?])
}

fn redirect(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(to) else {
        return failed(StatusCode::BAD_GATEWAY, "There is no way on from here.", "an address that is no header");
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
    response
}

/// A page for people, of fixed texts; why it is for whoever runs the server.
fn failed(status: StatusCode, text: &str, why: impl std::fmt::Display) -> Response<Body> {
    // Quoted: a part of it may be what somebody wrote into an address.
    tracing::warn!(why = ?why.to_string(), "a login failed: {text}");
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Login</title><h1>You are not logged in</h1>\
         <p>{text}</p></html>"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
