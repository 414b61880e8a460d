//! A browser of the tests' own, and an identity provider that lets everybody in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use ring::digest::{SHA256, digest};
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_vgi::rpc::TokenKeys;
use tower_vgi::{AuthContext, AuthReason, Body, MountPrefix};

use super::*;
use crate::auth::{AuthError, AuthLayer, BearerTokens, chain, or_anonymous};
use crate::response::ResponseBody;

mod endings;
mod exchange;
mod frontends;
mod people;

type Pairs = HashMap<String, String>;

fn pairs(text: &str) -> Pairs {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Gives the token `s3cret` for the code `good`, to whoever knows what the challenge was made of.
#[derive(Clone, Default)]
struct Provider {
    challenge: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<Pairs>>>,
    /// Said in place of its own.
    token_endpoint: Option<&'static str>,
    /// In place of a token that is good for something.
    id_token: Option<String>,
    /// In place of a short one.
    refresh_token: Option<String>,
    expires_in: Option<u64>,
    /// Whether it has no discovery document.
    is_silent: bool,
    /// How often that was asked for.
    discovered: Arc<AtomicUsize>,
    /// What the token endpoint says to whoever has a refresh token.
    refreshed: Option<(u16, String)>,
}

impl Provider {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (provider, own) = (self.clone(), url.clone());
        let service = service_fn(move |request: Request<Incoming>| provider.clone().answer(own.clone(), request));
        let server = crate::serve(service).listener(listener).signals(false).print_port(false).bind().await.unwrap();
        tokio::spawn(server.run());
        url
    }

    async fn answer(self, url: String, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path().to_owned();
        let form = pairs(&String::from_utf8_lossy(&request.into_body().collect().await.unwrap().to_bytes()));
        if path == "/.well-known/openid-configuration" {
            self.discovered.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let answer = match path.as_str() {
            _ if self.is_silent => return Ok(Response::builder().status(503).body(Body::empty()).unwrap()),
            "/.well-known/openid-configuration" => json!({
                "issuer": url, "authorization_endpoint": format!("{url}/login?tenant=1"),
                "token_endpoint": self.token_endpoint.map_or_else(|| format!("{url}/token"), str::to_owned),
            }),
            "/token" if form["grant_type"] == "refresh_token" => {
                self.asked.lock().unwrap().push(form);
                let (status, body) = self.refreshed.unwrap_or((200, r#"{"access_token": "new"}"#.to_owned()));
                return Ok(Response::builder().status(status).body(Body::from(body)).unwrap());
            }
            _ => {
                let made_of = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
                let good = form["code"] == "good" && made_of == *self.challenge.lock().unwrap();
                self.asked.lock().unwrap().push(form);
                if !good {
                    return Ok(Response::builder().status(400).body(Body::empty()).unwrap());
                }
                let id_token = self.id_token.as_deref().unwrap_or("s3cret");
                let refresh_token = self.refresh_token.as_deref().unwrap_or("again");
                json!({
                    "access_token": "opaque", "id_token": id_token, "refresh_token": refresh_token,
                    "expires_in": self.expires_in,
                })
            }
        };
        Ok(Response::new(Body::from(answer.to_string())))
    }
}

/// A browser that keeps cookies, and the service that it looks at.
struct Browser {
    layer: LoginLayer,
    cookies: Pairs,
    is_behind_a_proxy: bool,
    lets_anybody_in: bool,
    /// Before anybody looks at a token.
    is_known_otherwise: bool,
}

impl Browser {
    fn new(issuer: &str) -> Self {
        Self::at(login(issuer))
    }

    fn at(login: Login) -> Self {
        Self {
            layer: LoginLayer::new(login, &TokenKeys::new([7; 32])).unwrap(),
            cookies: Pairs::new(),
            is_behind_a_proxy: false,
            lets_anybody_in: false,
            is_known_otherwise: false,
        }
    }

    /// Asks for a path inside of the prefix.
    async fn get(&mut self, target: &str) -> Response<ResponseBody<ResponseBody<Body>>> {
        self.send(Request::get(target).header("accept", "text/html,*/*")).await
    }

    async fn send(&mut self, request: http::request::Builder) -> Response<ResponseBody<ResponseBody<Body>>> {
        self.post(request, Body::empty()).await
    }

    async fn post(
        &mut self,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> Response<ResponseBody<ResponseBody<Body>>> {
        let tokens = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "alice"))]);
        let proxy = self.is_behind_a_proxy.then(|| http::HeaderName::from_static("x-of-proxy"));
        let auth = match (self.is_known_otherwise, self.lets_anybody_in) {
            (true, _) => AuthLayer::new(chain(
                |_: &Parts| async { Ok(AuthContext::authenticated("certificate", "machine")) },
                tokens,
            )),
            (false, true) => AuthLayer::new(or_anonymous(tokens)),
            (false, false) => AuthLayer::new(tokens),
        };
        let auth = auth.proxy_headers(proxy);
        let service = ServiceBuilder::new().layer(self.layer.clone()).layer(auth).service(service_fn(
            async |request: Request<Body>| {
                let caller = request.extensions().get::<AuthContext>().cloned().unwrap_or_default().principal;
                let mut response = Response::new(Body::from(caller));
                if request.uri().path() == "/refused" {
                    *response.status_mut() = StatusCode::UNAUTHORIZED;
                }
                Ok::<_, Infallible>(response)
            },
        ));
        let mut request = request.body(body.into()).unwrap();
        request.extensions_mut().insert(MountPrefix("/vgi".into()));
        let jar: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.headers_mut().insert("cookie", HeaderValue::from_str(&jar.join("; ")).unwrap());
        let response = service.oneshot(request).await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match rest.contains("Max-Age=0;") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }

    /// Goes to the provider and back.
    async fn log_in(&mut self, target: &str, provider: &Provider) -> Response<ResponseBody<ResponseBody<Body>>> {
        let state = self.begin(target, provider).await["state"].clone();
        self.get(&format!("/_oauth/callback?code=good&state={state}")).await
    }

    /// Goes as far as the provider; gives what that was asked.
    async fn begin(&mut self, target: &str, provider: &Provider) -> Pairs {
        let response = self.get(target).await;
        assert_eq!(response.status(), StatusCode::FOUND);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let asked = pairs(location(&response).split_once('?').unwrap().1);
        provider.challenge.lock().unwrap().clone_from(&asked["code_challenge"]);
        asked
    }
}

/// A client that has a secret.
fn login(issuer: &str) -> Login {
    let login = Login::new("http://localhost/vgi/", issuer, "client").client_secret("hush").use_id_token();
    login.scopes(["openid", "email"])
}

fn location<B>(response: &Response<B>) -> &str {
    response.headers()["location"].to_str().unwrap()
}

async fn text(response: Response<ResponseBody<ResponseBody<Body>>>) -> String {
    let body = crate::testing::collect(response.into_body()).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}
