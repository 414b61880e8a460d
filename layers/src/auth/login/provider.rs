//! [`Provider`]: the identity provider, as its discovery document describes it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower_vgi::BoxError;

use super::claims::seconds_left;
use super::config::{InvalidLogin, Login};
use crate::auth::outbound::{HttpClient, is_private};

pub(super) struct Provider {
    client: HttpClient,
    /// Asked when it is first needed; a question that failed is asked again.
    endpoints: OnceLock<Arc<Endpoints>>,
    /// Held while it is asked.
    last_failure: Mutex<Option<Failure>>,
}

/// An attempt to ask that failed.
struct Failure {
    at: Instant,
    why: Arc<str>,
}

#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorization: String,
    pub(super) token: Uri,
}

/// What was got for a code.
pub(super) struct Granted {
    pub(super) token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
    /// For how long the token is good, in seconds, as far as that is known.
    pub(super) lifetime: Option<u64>,
}

/// What the token endpoint says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) members: Map<String, Value>,
}

impl Provider {
    pub(super) fn new(login: &Login) -> Result<Self, InvalidLogin> {
        let client = HttpClient::new(login.tls.clone())
            .map_err(|error| InvalidLogin(format!("the identity provider cannot be asked: {error}")))?;
        Ok(Self { client, endpoints: OnceLock::new(), last_failure: Mutex::new(None) })
    }

    pub(super) async fn endpoints(&self, login: &Login) -> Result<Arc<Endpoints>, BoxError> {
        if let Some(known) = self.endpoints.get() {
            return Ok(known.clone());
        }
        let began = Instant::now();
        let mut last_failure = self.last_failure.lock().await;
        if let Some(known) = self.endpoints.get() {
            return Ok(known.clone());
        }
        // Whoever has waited for an attempt does not make another one: the last of many would wait for all of them.
        if let Some(failure) = last_failure.as_ref().filter(|failure| failure.at >= began) {
            return Err(failure.why.to_string().into());
        }
        match self.discover(login).await {
            Ok(endpoints) => Ok(self.endpoints.get_or_init(|| Arc::new(endpoints)).clone()),
            Err(error) => {
                *last_failure = Some(Failure { at: Instant::now(), why: error.to_string().into() });
                Err(error)
            }
        }
    }

    async fn discover(&self, login: &Login) -> Result<Endpoints, BoxError> {
        let url = format!("{}/.well-known/openid-configuration", login.issuer.trim_end_matches('/'));
        let document: Value = serde_json::from_slice(&self.client.get(url.parse()?).await?)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str).ok_or(format!("no {name}"));
        if text("issuer")? != login.issuer {
            return Err("the discovery document is that of another issuer".into());
        }
        let authorization = text("authorization_endpoint")?.to_owned();
        if !authorization.parse().is_ok_and(|url| is_private(&url)) {
            return Err("the authorization endpoint is not of https".into());
        }
        // The secret of the client goes there, and what proves who people are comes from there.
        let token = text("token_endpoint")?.parse()?;
        if !is_private(&token) {
            return Err("the token endpoint is not of https".into());
        }
        Ok(Endpoints { authorization, token })
    }

    /// Exchanges the code of a login.
    pub(super) async fn exchange(&self, login: &Login, code: &str, verifier: &str) -> Result<Granted, BoxError> {
        let callback = login.callback();
        let given = [("code", code), ("redirect_uri", callback.as_str()), ("code_verifier", verifier)];
        let answer = self.grant(login, "authorization_code", given).await?;
        if answer.status != StatusCode::OK {
            let error = answer.members.get("error").and_then(Value::as_str).unwrap_or("no error");
            return Err(format!("the token endpoint answered {} and {error}", answer.status).into());
        }
        let text = |name: &str| answer.members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = if login.use_id_token { "id_token" } else { "access_token" };
        let token = text(name).ok_or_else(|| format!("the token endpoint gave no {name}"))?.to_owned();
        // Of the access token, as far as it says something; nothing is good for no time at all.
        let expires_in = answer.members.get("expires_in").and_then(Value::as_u64);
        let (first, second) = match login.use_id_token {
            true => (seconds_left(&token), expires_in),
            false => (expires_in, seconds_left(&token)),
        };
        Ok(Granted {
            lifetime: first.or(second).filter(|seconds| *seconds > 0),
            token,
            refresh_token: text("refresh_token").map(str::to_owned),
            id_token: text("id_token").map(str::to_owned),
        })
    }

    /// Asks the token endpoint, as this client.
    pub(super) async fn grant<'a>(
        &self,
        login: &Login,
        grant_type: &str,
        given: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Answer, BoxError> {
        let endpoints = self.endpoints(login).await?;
        let mut request = Request::new(Full::new(Bytes::from(form(login, grant_type, given))));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoints.token.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.client.send(request).await?;
        let members =
            serde_json::from_slice(response.body()).map_err(|_| "the token endpoint answered no JSON object")?;
        Ok(Answer { status: response.status(), members })
    }
}

fn form<'a>(login: &Login, grant_type: &str, given: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", grant_type).append_pair("client_id", &login.client_id).extend_pairs(given);
    if let Some(secret) = &login.client_secret {
        form.append_pair("client_secret", secret);
    }
    form.finish()
}
