//! [`Provider`]: the identity provider, as its discovery document describes it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::OnceCell;
use tower_vgi::BoxError;

use super::config::{InvalidLogin, Login};
use crate::auth::outbound::{HttpClient, is_private};

pub(super) struct Provider {
    client: HttpClient,
    /// Asked when it is first needed; a question that failed is asked again.
    endpoints: OnceCell<Arc<Endpoints>>,
}

#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorization: String,
    token: Uri,
}

/// What was got for a code.
pub(super) struct Granted {
    pub(super) token: String,
    /// In seconds.
    pub(super) expires_in: Option<u64>,
}

impl Provider {
    pub(super) fn new(login: &Login) -> Result<Self, InvalidLogin> {
        let client = HttpClient::new(login.tls.clone())
            .map_err(|error| InvalidLogin(format!("the identity provider cannot be asked: {error}")))?;
        Ok(Self { client, endpoints: OnceCell::new() })
    }

    pub(super) async fn endpoints(&self, login: &Login) -> Result<Arc<Endpoints>, BoxError> {
        let asked = self.endpoints.get_or_try_init(|| async {
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
            Ok::<_, BoxError>(Arc::new(Endpoints { authorization, token }))
        });
        asked.await.cloned()
    }

    pub(super) async fn exchange(&self, login: &Login, code: &str, verifier: &str) -> Result<Granted, BoxError> {
        let endpoints = self.endpoints(login).await?;
        let mut request = Request::new(Full::new(Bytes::from(form(login, code, verifier))));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoints.token.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.client.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("the token endpoint answered {}", response.status()).into());
        }
        let answer: Value =
            serde_json::from_slice(response.body()).map_err(|_| "the token endpoint answered no JSON")?;
        let name = if login.use_id_token { "id_token" } else { "access_token" };
        let token = answer.get(name).and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| format!("the token endpoint gave no {name}"))?.to_owned();
        Ok(Granted { token, expires_in: answer.get("expires_in").and_then(Value::as_u64) })
    }
}

fn form(login: &Login, code: &str, verifier: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &login.callback())
        .append_pair("client_id", &login.client_id)
        .append_pair("code_verifier", verifier);
    if let Some(secret) = &login.client_secret {
        form.append_pair("client_secret", secret);
    }
    form.finish()
}
