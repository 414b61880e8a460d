//! [`Flow`]: the steps of a login.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_vgi::Body;
use tower_vgi::rpc::TokenKeys;

use super::config::{InvalidLogin, Login};
use super::cookies::{Cookies, IDENTITY, LATEST, MAX_TOGETHER, SESSION_SECONDS, TOKEN, session};
use super::destination::Destination;
use super::frontends::Frontends;
use super::identity::shown;
use super::latest::{Latest, Refresh};
use super::provider::{Granted, Provider};
use super::session::Session;

/// For so long after a login a token that is refused is not worth another one, in seconds: the browser comes back with it
/// at once.
const JUST_NOW: u64 = 60;
/// The least that this is, in seconds: a browser comes back within it. A token that was good for less than [`JUST_NOW`] has
/// expired after its time, and is worth another one.
const AT_ONCE: u64 = 10;
/// For so long pages elsewhere get a token of which nobody knows how long it is good for, in seconds.
const FRESH: u64 = 3600;
/// How many programs may have something exchanged at the same time.
const MAX_EXCHANGES: usize = 16;
/// How many people may have the code of their login exchanged at the same time. They are counted apart from programs, which
/// would otherwise be in their way: anybody can be one. Anybody can begin logins, too, and come back with made-up codes;
/// what bounds these is a rate limit outside.
const MAX_LOGINS: usize = 64;
/// How long people wait for that.
const WAIT: Duration = Duration::from_secs(5);

pub(super) struct Flow {
    pub(super) login: Login,
    pub(super) frontends: Frontends,
    pub(super) provider: Provider,
    /// How many more programs may have something exchanged at the same time.
    pub(super) exchanges: Semaphore,
    /// How many more people may have the code of their login exchanged at the same time.
    pub(super) logins: Semaphore,
    pub(super) cookies: Cookies,
    random: SystemRandom,
}

/// The token of a cookie.
pub(super) struct Presented {
    pub(super) token: String,
    /// Whether it is good for some time yet, as far as it was said when it was made.
    pub(super) is_fresh: bool,
}

impl Flow {
    pub(super) fn new(mut login: Login, keys: &TokenKeys) -> Result<Self, InvalidLogin> {
        let frontends = login.check()?;
        let cookies = Cookies::new(keys, &login);
        let (provider, random) = (Provider::new(&login)?, SystemRandom::new());
        let (exchanges, logins) = (Semaphore::new(MAX_EXCHANGES), Semaphore::new(MAX_LOGINS));
        Ok(Self { cookies, provider, random, frontends, login, exchanges, logins })
    }

    /// Lets the cookie's token take the place of the header, which is not there.
    pub(super) fn authorize(&self, headers: &mut HeaderMap) -> Option<Presented> {
        let opened = self.cookies.get(headers, TOKEN)?;
        headers.insert(AUTHORIZATION, bearer(&opened.value)?);
        Some(Presented { token: opened.value, is_fresh: opened.is_bounded || opened.age < FRESH })
    }

    /// What became of the browser's latest login.
    pub(super) fn latest(&self, headers: &HeaderMap) -> Option<Latest> {
        Latest::read(&self.cookies.get(headers, LATEST)?.value)
    }

    /// Sends a browser to the provider, which is to ask who they are where they may want to be somebody else.
    pub(super) async fn begin(&self, destination: Destination, chooses: bool) -> Response<Body> {
        let endpoints = match self.provider.endpoints(&self.login).await {
            Ok(endpoints) => endpoints,
            Err(error) => {
                return self.failed(StatusCode::BAD_GATEWAY, "The identity provider does not answer.", &*error);
            }
        };
        let (Some(state), Some(verifier)) = (self.random_text(), self.random_text()) else {
            let text = "There is no randomness.";
            return self.failed(StatusCode::INTERNAL_SERVER_ERROR, text, "the system gives none");
        };
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
        // Pages elsewhere may keep a refresh token, which Google gives only when it is asked like this. Others want the
        // scope `offline_access`, and would not know this.
        let keeps = !destination.is_page() && self.renews();
        if keeps {
            query.append_pair("access_type", "offline");
        }
        match (chooses, keeps) {
            (false, false) => &mut query,
            (false, true) => query.append_pair("prompt", "consent"),
            (true, false) => query.append_pair("prompt", "select_account"),
            (true, true) => query.append_pair("prompt", "select_account consent"),
        };
        let name = session(&state);
        let mut session = Session { state, verifier, destination };
        let cookie = self.cookies.set(name, &session.write(), Some(SESSION_SECONDS)).or_else(|| {
            // A destination too long for a cookie is not worth a login that fails.
            session.destination = Destination::Page("/".to_owned());
            self.cookies.set(name, &session.write(), Some(SESSION_SECONDS))
        });
        let separator = if endpoints.authorization.contains('?') { '&' } else { '?' };
        self.redirect(&format!("{}{separator}{}", endpoints.authorization, query.finish()), cookie)
    }

    /// Takes what the provider has given the browser.
    pub(super) async fn finish(&self, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let bad = |text: &str, why: &str| self.failed(StatusCode::BAD_REQUEST, text, why);
        let query = uri.query().unwrap_or_default();
        let given = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let state = given("state").unwrap_or_default();
        let name = session(&state);
        let Some(session) = self.cookies.get(headers, name).and_then(|session| Session::read(&session.value)) else {
            return bad("This login has taken too long, or it was begun elsewhere. Please try again.", "no session");
        };
        if !bool::from(state.as_bytes().ct_eq(session.state.as_bytes())) {
            return bad("This is the answer to another login. Please try again.", "another state");
        }
        let mut response = match given("code").filter(|code| !code.is_empty()) {
            Some(code) => self.take(&code, session).await,
            None => {
                let error = given("error");
                let mut refused =
                    bad("The identity provider did not let you in.", error.as_deref().unwrap_or("no code"));
                // It may not know how to ask whom people want to be, and would not the next time either. Who did not want
                // to be anybody has been asked, and is asked again.
                if error.as_deref() != Some("access_denied") {
                    refused.headers_mut().extend(self.cookies.clear(LATEST).map(|done| (SET_COOKIE, done)));
                }
                refused
            }
        };
        // An answer is taken once, whatever becomes of it.
        response.headers_mut().extend(self.cookies.clear(name).map(|done| (SET_COOKIE, done)));
        response
    }

    /// Gets the token for a code. Whether it is of use is for authentication to say: the browser comes by there before it
    /// goes anywhere else.
    async fn take(&self, code: &str, session: Session) -> Response<Body> {
        let Session { verifier, destination, .. } = session;
        let Ok(Ok(_permit)) = timeout(WAIT, self.logins.acquire()).await else {
            let text = "Too many people log in at the same time. Please try again.";
            return self.failed(StatusCode::SERVICE_UNAVAILABLE, text, "no permit");
        };
        let granted = match self.provider.exchange(&self.login, code, &verifier).await {
            Ok(granted) => granted,
            Err(error) => {
                return self.failed(StatusCode::BAD_GATEWAY, "The identity provider gave no token.", &*error);
            }
        };
        // What was said when the login began may not hold any more.
        if let Destination::Frontend(url) = &destination
            && !self.frontends.are_at(url)
        {
            let text = "The page that sent you here is not one of this service's.";
            return self.failed(StatusCode::BAD_REQUEST, text, "it is none of the frontends any more");
        }
        let lifetime = granted.lifetime;
        let token = bearer(&granted.token).and_then(|_| self.cookies.set(TOKEN, &granted.token, lifetime));
        let Some(token) = token else {
            let text = "The identity provider's token does not fit into a cookie.";
            return self.failed(StatusCode::BAD_GATEWAY, text, "it is too long, or has characters that no token has");
        };
        let identity = granted.id_token.as_deref().and_then(shown);
        let identity = identity.and_then(|shown| self.cookies.show(IDENTITY, &shown, lifetime));
        // That of somebody else may be there.
        let identity = identity.or_else(|| self.cookies.clear(IDENTITY));
        let others = [Some(&token), identity.as_ref()].into_iter().flatten().map(HeaderValue::len).sum();
        let latest = self.just_logged_in(granted, &destination, others);
        self.redirect(&self.address(&destination.target()), [Some(token), identity, latest].into_iter().flatten())
    }

    /// The cookie that says so, beside `others` bytes of cookies of the same login.
    fn just_logged_in(&self, granted: Granted, destination: &Destination, others: usize) -> Option<HeaderValue> {
        let time = granted.lifetime.map_or(JUST_NOW, |lifetime| lifetime.clamp(AT_ONCE, JUST_NOW));
        let set = |refresh| self.cookies.set(LATEST, &Latest::LoggedIn { refresh }.write(), Some(time));
        let refresh = match destination {
            Destination::Frontend(page) if self.renews() => {
                granted.refresh_token.map(|refresh_token| Refresh::new(refresh_token, &granted.token, page))
            }
            _ => None,
        };
        // A page does without one that does not fit: it comes here again.
        set(refresh).filter(|cookie| cookie.len() + others <= MAX_TOGETHER).or_else(|| set(None))
    }

    /// Of this service, whatever the path looks like: one that begins with two slashes is no other host.
    pub(super) fn address(&self, target: &str) -> String {
        format!("{}{target}", self.login.service)
    }

    fn random_text(&self) -> Option<String> {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes).ok()?;
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn redirect(&self, to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response<Body> {
        let Ok(mut location) = HeaderValue::from_str(to) else {
            let text = "There is no way on from here.";
            return self.failed(StatusCode::BAD_GATEWAY, text, "an address that is no header");
        };
        // A token may be in it.
        location.set_sensitive(true);
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
}

/// None for what cannot be a token.
fn bearer(token: &str) -> Option<HeaderValue> {
    let is_token = token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| is_token)?;
    value.set_sensitive(true);
    Some(value)
}
