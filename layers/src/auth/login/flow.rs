//! [`Flow`]: the steps of a login.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tower_vgi::rpc::TokenKeys;
use tower_vgi::{AuthReason, Body};

use super::config::{InvalidLogin, Login};
use super::cookies::{Cookies, IDENTITY, SESSION, SESSION_SECONDS, TOKEN};
use super::destination::{Destination, with_fragment};
use super::frontends::Frontends;
use super::identity::shown;
use super::page::{Page, Refusal};
use super::provider::{Granted, Provider};
use super::session::Session;
use crate::auth::AuthError;
use crate::auth::TARGET;
use crate::auth::answer::AUTH_REASON;

/// For so long after a login a token that is refused is not worth another one, in seconds: the browser comes back with it
/// at once, and the provider would give another one like it without asking anybody.
const JUST_NOW: u64 = 60;
/// How many programs may have something exchanged at the same time.
const MAX_EXCHANGES: usize = 16;

pub(super) struct Flow {
    pub(super) login: Login,
    pub(super) frontends: Frontends,
    pub(super) provider: Provider,
    /// How many more programs may have something exchanged at the same time.
    pub(super) exchanges: Semaphore,
    cookies: Cookies,
    random: SystemRandom,
}

/// The token of a cookie.
#[derive(Debug)]
pub(super) struct Presented {
    token: String,
    /// Whether the login was just now.
    is_new: bool,
}

impl Flow {
    pub(super) fn new(login: Login, keys: &TokenKeys) -> Result<Self, InvalidLogin> {
        let frontends = login.check()?;
        let (origin, prefix) = login.origin_and_prefix();
        let cookies = Cookies::new(keys, prefix, origin.starts_with("https://"));
        let (provider, random) = (Provider::new(&login)?, SystemRandom::new());
        Ok(Self { cookies, provider, random, frontends, login, exchanges: Semaphore::new(MAX_EXCHANGES) })
    }

    /// Lets the cookie's token take the place of a header that is not there.
    pub(super) fn authorize(&self, headers: &mut HeaderMap) -> Option<Presented> {
        if headers.contains_key(AUTHORIZATION) {
            return None;
        }
        let opened = self.cookies.get(headers, TOKEN)?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", opened.value)).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Some(Presented { token: opened.value, is_new: opened.age < JUST_NOW })
    }

    /// Answers a browser whose request was refused: with a login, unless there has just been one.
    pub(super) async fn answer(
        &self,
        refused: Response<()>,
        presented: Option<Presented>,
        destination: Destination,
    ) -> Response<Body> {
        match presented.is_some_and(|presented| presented.is_new) {
            true => self.refuse(&refused, &destination),
            false => self.begin(destination).await,
        }
    }

    /// Sends a browser to the provider.
    async fn begin(&self, destination: Destination) -> Response<Body> {
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
        // Pages elsewhere keep a refresh token, which providers give only when they are asked like this.
        if matches!(destination, Destination::Frontend(_)) {
            query.append_pair("access_type", "offline").append_pair("prompt", "consent");
        }
        let mut session = Session { state, verifier, destination };
        let cookie = self.cookies.set(SESSION, &session.write(), Some(SESSION_SECONDS)).or_else(|| {
            // A destination too long for a cookie is not worth a login that fails.
            session.destination = Destination::Page("/".to_owned());
            self.cookies.set(SESSION, &session.write(), Some(SESSION_SECONDS))
        });
        let separator = if endpoints.authorization.contains('?') { '&' } else { '?' };
        self.redirect(&format!("{}{separator}{}", endpoints.authorization, query.finish()), cookie)
    }

    /// Takes what the provider has given the browser.
    pub(super) async fn finish(&self, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let bad = |text: &str, why: &str| self.failed(StatusCode::BAD_REQUEST, text, why);
        let session = self.cookies.get(headers, SESSION);
        let Some(session) = session.and_then(|session| Session::read(&session.value)) else {
            return bad("This login has taken too long, or it was begun elsewhere. Please try again.", "no session");
        };
        let query = uri.query().unwrap_or_default();
        let given = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let is_same = given("state").is_some_and(|given| bool::from(given.as_bytes().ct_eq(session.state.as_bytes())));
        if !is_same {
            return bad("This is the answer to another login. Please try again.", "another state");
        }
        let Some(code) = given("code").filter(|code| !code.is_empty()) else {
            return bad("The identity provider did not let you in.", given("error").as_deref().unwrap_or("no code"));
        };
        let granted = match self.provider.exchange(&self.login, &code, &session.verifier).await {
            Ok(granted) => granted,
            Err(error) => {
                return self.failed(StatusCode::BAD_GATEWAY, "The identity provider gave no token.", &*error);
            }
        };
        let done = self.cookies.clear(SESSION);
        match session.destination {
            // What was said when the login began may not hold any more.
            Destination::Frontend(url) if self.frontends.are_at(&url) => {
                self.redirect(&self.with_tokens(&url, &granted).await, done)
            }
            Destination::Frontend(_) => bad("The page that sent you here is not one of this service's.", "a frontend"),
            Destination::Page(target) => {
                // One that is over at once would be gone before anybody could say that it is refused.
                let lasting = granted.expires_in.map(|seconds| seconds.max(JUST_NOW));
                let Some(token) = self.cookies.set(TOKEN, &granted.token, lasting) else {
                    let text = "The identity provider's token does not fit into a cookie.";
                    return self.failed(StatusCode::BAD_GATEWAY, text, "the token is too long");
                };
                let identity = granted.id_token.as_deref().and_then(shown);
                let identity = match identity.and_then(|shown| self.cookies.plain(IDENTITY, &shown, lasting)) {
                    Some(identity) => Some(identity),
                    // That of somebody else may be there.
                    None => self.cookies.clear(IDENTITY),
                };
                self.redirect(&self.address(&target), [Some(token), identity, done].into_iter().flatten())
            }
        }
    }

    /// The URL of a page elsewhere with what it needs to call and to have the token renewed, except the client's secret.
    async fn with_tokens(&self, url: &str, granted: &Granted) -> String {
        let endpoint = match (self.login.exchanges_tokens, &self.login.client_secret) {
            (true, _) => Some(self.login.token_endpoint()),
            (false, None) => self.provider.endpoints(&self.login).await.ok().map(|known| known.token.to_string()),
            // Nobody renews a token there without the secret.
            (false, Some(_)) => None,
        };
        let mut pairs = vec![("token", granted.token.as_str())];
        pairs.extend(granted.refresh_token.as_deref().map(|token| ("refresh_token", token)));
        pairs.extend(endpoint.as_deref().map(|endpoint| ("token_endpoint", endpoint)));
        pairs.push(("client_id", &self.login.client_id));
        if self.login.use_id_token {
            pairs.push(("use_id_token", "true"));
        }
        with_fragment(url, &pairs)
    }

    /// Sends somebody who is logged in here back to a page elsewhere.
    pub(super) fn return_to(&self, url: &str, presented: &Presented) -> Response<Body> {
        self.redirect(&with_fragment(url, &[("token", &presented.token)]), None)
    }

    /// Says that the token of a login is of no use here. Nobody else does: the provider has given it, and the browser only
    /// sees itself sent on.
    fn refuse(&self, refused: &Response<()>, destination: &Destination) -> Response<Body> {
        let error = refused.extensions().get::<AuthError>();
        let reason = error.and_then(AuthError::reason).unwrap_or(AuthReason::Unauthorized).as_str();
        let detail = error.map_or("", AuthError::detail);
        tracing::warn!(target: TARGET, reason, ?detail, "the identity provider's token is refused right after a login");
        let retry = match destination {
            Destination::Page(target) => Some(self.address(target)),
            // Its own page leads here again.
            Destination::Frontend(_) => None,
        };
        let page = Page {
            refusal: Some(Refusal { reason, detail }),
            retry: retry.as_deref(),
            ..Page::new(
                StatusCode::UNAUTHORIZED,
                "The identity provider has let you in, but this service does not accept the token that it gave.",
            )
        };
        // With the next click somebody begins anew.
        let mut response = page.response(self.forget(&[TOKEN, IDENTITY]));
        for name in [AUTH_REASON, WWW_AUTHENTICATE] {
            if let Some(value) = refused.headers().get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }

    pub(super) fn log_out(&self) -> Response<Body> {
        self.redirect(&self.address("/"), self.forget(&[TOKEN, IDENTITY, SESSION]))
    }

    fn forget(&self, names: &[&'static str]) -> Vec<HeaderValue> {
        names.iter().filter_map(|name| self.cookies.clear(name)).collect()
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

    fn redirect(&self, to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response<Body> {
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

    /// A page of fixed texts; why it is for whoever runs the server.
    fn failed(&self, status: StatusCode, text: &str, why: impl std::fmt::Display) -> Response<Body> {
        // Quoted: a part of it may be what somebody wrote into an address.
        tracing::warn!(target: TARGET, why = ?why.to_string(), "a login failed: {text}");
        Page { retry: Some(&self.address("/")), ..Page::new(status, text) }.response(None)
    }
}
