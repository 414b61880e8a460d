//! A browser of the tests' own, and an identity provider that lets everybody in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use ring::digest::{SHA256, digest};
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_vgi::rpc::TokenKeys;
use tower_vgi::{AuthContext, AuthReason, Body, MountPrefix};

use super::*;
use crate::auth::{AuthError, AuthLayer, BearerTokens};
use crate::response::ResponseBody;

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
        let answer = match path.as_str() {
            "/.well-known/openid-configuration" => json!({
                "issuer": url, "authorization_endpoint": format!("{url}/login?tenant=1"),
                "token_endpoint": self.token_endpoint.map_or_else(|| format!("{url}/token"), str::to_owned),
            }),
            _ => {
                let made_of = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
                let good = form["code"] == "good" && made_of == *self.challenge.lock().unwrap();
                self.asked.lock().unwrap().push(form);
                if !good {
                    return Ok(Response::builder().status(400).body(Body::empty()).unwrap());
                }
                json!({"access_token": "opaque", "id_token": "s3cret", "expires_in": 3600})
            }
        };
        Ok(Response::new(Body::from(answer.to_string())))
    }
}

/// A browser that keeps cookies, and the service that it looks at.
struct Browser {
    layer: LoginLayer,
    cookies: Pairs,
}

impl Browser {
    fn new(issuer: &str) -> Self {
        let login = Login::new("http://localhost/vgi/", issuer, "client").client_secret("hush").use_id_token();
        let layer = LoginLayer::new(login.scopes(["openid", "email"]), &TokenKeys::new([7; 32])).unwrap();
        Self { layer, cookies: Pairs::new() }
    }

    /// Asks for a path inside of the prefix.
    async fn get(&mut self, target: &str) -> Response<ResponseBody<ResponseBody<Body>>> {
        self.send(Request::get(target).header("accept", "text/html,*/*")).await
    }

    async fn send(&mut self, request: http::request::Builder) -> Response<ResponseBody<ResponseBody<Body>>> {
        let tokens = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "alice"))]);
        let service = ServiceBuilder::new().layer(self.layer.clone()).layer(AuthLayer::new(tokens)).service(
            service_fn(async |request: Request<Body>| {
                let caller = request.extensions().get::<AuthContext>().cloned().unwrap_or_default().principal;
                Ok::<_, Infallible>(Response::new(Body::from(caller)))
            }),
        );
        let mut request = request.body(Body::empty()).unwrap();
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

fn location<B>(response: &Response<B>) -> &str {
    response.headers()["location"].to_str().unwrap()
}

#[tokio::test]
async fn a_person_logs_in_and_out() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let mut browser = Browser::new(&issuer);
    let asked = browser.begin("/describe?a=1&b=2", &provider).await;
    let expected = [
        ("tenant", "1"),
        ("response_type", "code"),
        ("client_id", "client"),
        ("redirect_uri", "http://localhost/vgi/_oauth/callback"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        assert_eq!(asked[name], value, "{name}");
    }
    assert!(!browser.cookies["_vgi_oauth_session"].contains(&asked["state"]));

    let back = browser.get(&format!("/_oauth/callback?code=good&state={}", asked["state"])).await;
    assert_eq!((back.status(), location(&back)), (StatusCode::FOUND, "http://localhost/vgi/describe?a=1&b=2"));
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["_vgi_auth"]);
    assert!(!browser.cookies["_vgi_auth"].contains("s3cret"));
    let form = provider.asked.lock().unwrap()[0].clone();
    assert_eq!((form["client_secret"].as_str(), form["grant_type"].as_str()), ("hush", "authorization_code"));

    let page = browser.get("/describe").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(crate::testing::collect(page.into_body()).await.unwrap(), "alice");
    // A header of the client's own counts before the cookie.
    let wrong = browser.send(Request::post("/add").header("authorization", "Bearer wrong")).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);

    let out = browser.get("/_oauth/logout").await;
    assert_eq!((out.status(), location(&out)), (StatusCode::FOUND, "http://localhost/vgi/"));
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn only_people_are_sent_to_the_provider() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    for request in [
        Request::get("/describe").header("accept", "*/*"),
        Request::post("/add").header("accept", "text/html"),
        Request::head("/").header("accept", "text/html"),
    ] {
        assert_eq!(browser.send(request).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(browser.send(Request::options("/_oauth/callback")).await.status(), StatusCode::OK);
    for path in ["/_oauth/callback", "/_oauth/logout"] {
        assert_eq!(browser.send(Request::post(path)).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

/// They would come back as who they are, and be sent there again.
#[tokio::test]
async fn who_may_not_do_something_is_not_sent_to_the_provider() {
    for (reason, sent) in [(AuthReason::InsufficientScope, false), (AuthReason::ExpiredCredential, true)] {
        let layer = Browser::new(&Provider::default().start().await).layer;
        let refusing =
            AuthLayer::new(move |_: &http::request::Parts| std::future::ready(Err(AuthError::refused(reason, ""))));
        let service = ServiceBuilder::new()
            .layer(layer)
            .layer(refusing)
            .service(service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty()))));
        let request = Request::get("/").header("accept", "text/html").body(Body::empty()).unwrap();
        assert_eq!(service.oneshot(request).await.unwrap().status() == StatusCode::FOUND, sent, "{reason}");
    }
}

#[tokio::test]
async fn the_answer_to_another_login_is_refused() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let (mut alice, mut mallory) = (Browser::new(&issuer), Browser::new(&issuer));
    let of_mallory = mallory.begin("/", &provider).await["state"].clone();
    let of_alice = alice.begin("/", &provider).await["state"].clone();
    // Mallory would have Alice logged in as somebody else.
    for query in [
        format!("code=good&state={of_mallory}"),
        "code=good".to_owned(),
        "code=good&state=".to_owned(),
        String::new(),
        format!("state={of_alice}"),
        format!("error=access_denied&state={of_alice}"),
    ] {
        let response = alice.get(&format!("/_oauth/callback?{query}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    let mut without = Browser::new(&issuer);
    let response = without.get(&format!("/_oauth/callback?code=good&state={of_alice}")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(provider.asked.lock().unwrap().is_empty() && !alice.cookies.contains_key("_vgi_auth"));

    let bad = alice.get(&format!("/_oauth/callback?code=bad&state={of_alice}")).await;
    assert_eq!(bad.status(), StatusCode::BAD_GATEWAY);
    assert!(!alice.cookies.contains_key("_vgi_auth"));
}

#[tokio::test]
async fn nobody_is_sent_to_another_host() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    for target in ["//evil.example/x", "/\\evil.example", "/%5cevil.example"] {
        let Ok(request) = target.parse::<http::Uri>() else { continue };
        let state = browser.begin(&request.to_string(), &provider).await["state"].clone();
        let back = browser.get(&format!("/_oauth/callback?code=good&state={state}")).await;
        assert!(location(&back).starts_with("http://localhost/vgi/"), "{}", location(&back));
        browser.cookies.clear();
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_a_page_that_says_so() {
    let mut browser = Browser::new("http://127.0.0.1:9");
    assert_eq!(browser.get("/describe").await.status(), StatusCode::BAD_GATEWAY);
    // Forged cookies are as good as none.
    browser.cookies.insert("_vgi_auth".to_owned(), "s3cret".to_owned());
    assert_eq!(browser.send(Request::post("/add")).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_secret_is_sent_where_others_can_read_it() {
    let provider = Provider { token_endpoint: Some("http://i.example/token"), ..Provider::default() };
    let mut browser = Browser::new(&provider.start().await);
    assert_eq!(browser.get("/describe").await.status(), StatusCode::BAD_GATEWAY);
}

#[test]
fn what_leads_nowhere_is_not_built() {
    let keys = TokenKeys::new([7; 32]);
    for login in [
        Login::new("/vgi", "https://i.example", "c"),
        Login::new("https://a.example", "i", "c"),
        Login::new("https://a.example?x", "https://i.example", "c"),
        Login::new("https://a.example", "https://i.example", ""),
        Login::new("https://a.example", "http://i.example", "c"),
    ] {
        assert!(LoginLayer::new(login, &keys).is_err());
    }
    assert!(!format!("{:?}", Login::new("https://a", "https://b", "c").client_secret("hush")).contains("hush"));
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    let layer = Browser::new("http://127.0.0.1:9").layer;
    crate::testing::check(&layer, || Request::post("/add").body(Body::empty()).unwrap()).await;
}
