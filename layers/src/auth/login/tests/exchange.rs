//! Programs without the secret have codes and refresh tokens exchanged, and nothing else.

use http::HeaderMap;
use serde_json::Value;

use super::*;

const REFRESH: &str = "grant_type=refresh_token&refresh_token=again";

const CODE: &str = "grant_type=authorization_code&code=good";
const REQUEST: (u16, &str) = (400, "invalid_request");

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["error"].as_str().unwrap_or_default())
    }
}

/// The service is at a port that goes without saying.
#[tokio::test]
async fn pages_of_the_service_may_ask_however_it_is_written() {
    let login = Login::new("HTTPS://A.example:443/vgi", Provider::default().start().await, "client");
    let mut browser = Browser::at(login.exchange_tokens());
    let answer = ask(&mut browser, request().header("origin", "https://a.example"), REFRESH).await;
    assert_eq!(answer.status, StatusCode::OK);
    let out = browser.get("/_oauth/logout").await;
    let cookies: Vec<_> = out.headers().get_all("set-cookie").iter().collect();
    assert!(cookies.iter().all(|cookie| cookie.to_str().unwrap().ends_with("; Secure")), "{cookies:?}");
}

async fn browser(provider: &Provider) -> Browser {
    let login = login(&provider.start().await).frontends(["https://ui.example"]);
    Browser::at(login.exchange_tokens())
}

fn request() -> http::request::Builder {
    Request::post("/_oauth/token").header("content-type", "application/x-www-form-urlencoded;charset=utf-8")
}

async fn ask(browser: &mut Browser, request: http::request::Builder, form: impl Into<Body>) -> Answer {
    let (head, body) = browser.post(request, form).await.into_parts();
    assert_eq!(head.headers["vary"], "Origin");
    let body = crate::testing::collect(body).await.unwrap();
    Answer { status: head.status, headers: head.headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

#[tokio::test]
async fn a_program_gets_tokens_without_the_secret() {
    let provider = Provider::default();
    let mut browser = browser(&provider).await;
    let verifier = "made-of-this";
    *provider.challenge.lock().unwrap() = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let form = format!(
        "grant_type=authorization_code&code=good&code_verifier={verifier}&redirect_uri=http%3A%2F%2Flocalhost%3A1%2F&\
         client_id=client&client_secret=guess&audience=other&resource=x&scope=openid"
    );
    let answer = ask(&mut browser, request(), form).await;
    assert_eq!((answer.status, &answer.body["id_token"]), (StatusCode::OK, &json!("s3cret")));
    assert_eq!(
        (&answer.headers["cache-control"], &answer.headers["content-type"]),
        (&HeaderValue::from_static("no-store"), &HeaderValue::from_static("application/json"))
    );
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    // Nothing of what it has sent besides gets to the provider.
    let asked = provider.asked.lock().unwrap()[0].clone();
    let mut names: Vec<_> = asked.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri"]);
    assert_eq!((asked["client_secret"].as_str(), asked["redirect_uri"].as_str()), ("hush", "http://localhost:1/"));

    let answer = ask(&mut browser, request(), format!("{REFRESH}&scope=openid")).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"access_token": "new"})));
    assert_eq!(provider.asked.lock().unwrap()[1]["scope"], "openid");
}

#[tokio::test]
async fn nothing_else_is_exchanged() {
    let provider = Provider::default();
    let mut browser = browser(&provider).await;
    let long = format!("{REFRESH}&x={}", "x".repeat(16 * 1024));
    for (form, expected) in [
        ("", (400, "unsupported_grant_type")),
        ("grant_type=client_credentials", (400, "unsupported_grant_type")),
        ("grant_type=password&username=a&password=b", (400, "unsupported_grant_type")),
        ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange", (400, "unsupported_grant_type")),
        ("grant_type=refresh_token", (400, "invalid_request")),
        ("grant_type=authorization_code&code=good&redirect_uri=x", (400, "invalid_request")),
        ("grant_type=refresh_token&refresh_token=a&refresh_token=b", (400, "invalid_request")),
        ("grant_type=refresh_token&grant_type=client_credentials&refresh_token=a", (400, "invalid_request")),
        ("grant_type=refresh_token&refresh_token=a&client_id=other", (400, "invalid_client")),
        // Wider than what people are asked for.
        ("grant_type=refresh_token&refresh_token=a&scope=openid%20admin", (400, "invalid_scope")),
        (&format!("{CODE}&code_verifier=v&redirect_uri=http%3A%2F%2Flocalhost%2Fvgi%2F_oauth%2Fcallback"), REQUEST),
        (
            &format!("{CODE}&code_verifier=v&redirect_uri=HTTP%3A%2F%2FLocalhost%3A80%2Fvgi%2F_oauth%2Fcallback"),
            REQUEST,
        ),
        (&format!("{CODE}&redirect_uri=x&code_verifier=a%20b"), REQUEST),
        (&format!("{CODE}&redirect_uri=x&code_verifier={}", "v".repeat(129)), REQUEST),
        (&long, (413, "invalid_request")),
    ] {
        let answer = ask(&mut browser, request(), form.to_owned()).await;
        assert_eq!(answer.error(), expected, "{form}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let json = Request::post("/_oauth/token").header("content-type", "application/json");
    assert_eq!(ask(&mut browser, json, "{}").await.error(), (415, "invalid_request"));
    assert_eq!(ask(&mut browser, Request::post("/_oauth/token"), REFRESH).await.error(), (415, "invalid_request"));
    let get = browser.send(Request::get("/_oauth/token?grant_type=refresh_token")).await;
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get.headers()["allow"], "POST, OPTIONS");
    assert!(provider.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_pages_of_frontends_may_ask() {
    let provider = Provider::default();
    let mut browser = browser(&provider).await;
    for origin in ["https://ui.example", "http://localhost"] {
        let answer = ask(&mut browser, request().header("origin", origin), REFRESH).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["access-control-allow-origin"], origin);
        let preflight = Request::options("/_oauth/token").header("origin", origin);
        let preflight = ask(&mut browser, preflight.header("access-control-request-method", "POST"), "").await;
        assert_eq!(preflight.status, StatusCode::NO_CONTENT);
        assert_eq!(preflight.headers["access-control-allow-origin"], origin);
        assert_eq!(preflight.headers["access-control-allow-methods"], "POST");
    }
    let asked = provider.asked.lock().unwrap().len();
    for origin in ["https://evil.example", "null", "https://ui.example.evil.example", "http://localhost:3000"] {
        let answer = ask(&mut browser, request().header("origin", origin), REFRESH).await;
        assert_eq!(answer.error(), (403, "invalid_request"), "{origin}");
        let preflight = ask(&mut browser, Request::options("/_oauth/token").header("origin", origin), "").await;
        for answer in [answer, preflight] {
            assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}");
        }
    }
    assert_eq!(provider.asked.lock().unwrap().len(), asked);
}

#[tokio::test]
async fn only_what_is_known_comes_back() {
    let said = |error: &str| json!({"error": error, "error_description": "hush is wrong"}).to_string();
    for (status, body, expected) in [
        (400, said("invalid_grant"), (400, "invalid_grant")),
        (401, said("invalid_grant"), (400, "invalid_grant")),
        (400, said("invalid_scope"), (400, "invalid_scope")),
        (400, said("interaction_required"), (400, "interaction_required")),
        (400, said("consent_required"), (400, "consent_required")),
        // As GitHub says it.
        (200, said("invalid_grant"), (400, "invalid_grant")),
        (200, said("bad_refresh_token"), (502, "server_error")),
        (200, r#"{"access_token": null, "id_token": 1}"#.to_owned(), (502, "server_error")),
        // That is about us.
        (401, said("invalid_client"), (502, "server_error")),
        (400, said("<script>"), (502, "server_error")),
        (500, said("invalid_grant"), (502, "server_error")),
        (302, "{}".to_owned(), (502, "server_error")),
        (200, "<html>hush".to_owned(), (502, "server_error")),
        (200, r#"{"access_token": "a", "client_secret": "hush", "x": 1}"#.to_owned(), (200, "")),
    ] {
        let provider = Provider { refreshed: Some((status, body.clone())), ..Provider::default() };
        let answer = ask(&mut browser(&provider).await, request(), REFRESH).await;
        assert_eq!(answer.error(), expected, "{status} {body}");
        assert!(!answer.body.to_string().contains("hush"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_no_fault_of_the_program() {
    let mut browser = Browser::at(login("http://127.0.0.1:9").exchange_tokens());
    let answer = ask(&mut browser, request(), REFRESH).await;
    assert_eq!(answer.error(), (502, "server_error"));
    assert!(!answer.body.to_string().contains("127.0.0.1"), "{}", answer.body);
}

#[tokio::test]
async fn strangers_do_not_take_all_of_the_provider() {
    let provider = Provider::default();
    let mut browser = browser(&provider).await;
    let flow = browser.layer.flow.clone();
    let all = flow.exchanges.acquire_many(16).await.unwrap();
    let answer = ask(&mut browser, request(), REFRESH).await;
    assert_eq!(answer.error(), (503, "temporarily_unavailable"));
    assert_eq!(answer.headers["retry-after"], "1");
    drop(all);
    assert_eq!(ask(&mut browser, request(), REFRESH).await.status, StatusCode::OK);
}

#[tokio::test]
async fn there_is_none_unless_it_is_asked_for() {
    let mut browser = Browser::new(&Provider::default().start().await);
    let response = browser.post(request(), REFRESH).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
