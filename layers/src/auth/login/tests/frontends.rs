//! Pages on other hosts get tokens, and only those that were named.

use super::*;

const UI: &str = "https://ui.example/app?x=1";

fn target(url: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("_vgi_return_to", url).finish();
    format!("/?{query}")
}

fn with_frontend(issuer: &str) -> Login {
    login(issuer).frontends(["https://ui.example"])
}

/// Where the browser is after a login, and what is behind `#`.
async fn log_in(login: Login, provider: &Provider, target: &str) -> (String, Pairs) {
    let mut browser = Browser::at(login);
    let asked = browser.begin(target, provider).await;
    let back = browser.get(&format!("/_oauth/callback?code=good&state={}", asked["state"])).await;
    assert_eq!(back.status(), StatusCode::FOUND);
    assert_eq!(
        (&back.headers()["cache-control"], &back.headers()["referrer-policy"]),
        (&HeaderValue::from_static("no-store"), &HeaderValue::from_static("no-referrer"))
    );
    let (url, fragment) = location(&back).split_once('#').unwrap_or((location(&back), ""));
    (url.to_owned(), pairs(fragment))
}

#[tokio::test]
async fn a_frontend_gets_the_token_and_never_the_secret() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let (url, fragment) = log_in(with_frontend(&issuer), &provider, &target(UI)).await;
    assert_eq!(url, UI);
    let expected = [("token", "s3cret"), ("refresh_token", "again"), ("client_id", "client"), ("use_id_token", "true")];
    assert_eq!(fragment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let (_, fragment) = log_in(with_frontend(&issuer).exchange_tokens(), &provider, &target(UI)).await;
    assert_eq!(fragment["token_endpoint"], "http://localhost/vgi/_oauth/token");
    assert!(!format!("{fragment:?}").contains("hush"));

    // Where there is no secret, the provider itself renews tokens.
    let public =
        Login::new("http://localhost/vgi", &*issuer, "client").use_id_token().frontends(["https://ui.example"]);
    let (_, fragment) = log_in(public, &provider, &target(UI)).await;
    assert_eq!(fragment["token_endpoint"], format!("{issuer}/token"));
}

#[tokio::test]
async fn a_refresh_token_is_asked_for_by_frontends_only() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let asked = Browser::at(with_frontend(&issuer)).begin(&target(UI), &provider).await;
    assert_eq!((asked["access_type"].as_str(), asked["prompt"].as_str()), ("offline", "consent"));
    let asked = Browser::at(with_frontend(&issuer)).begin("/", &provider).await;
    assert!(!asked.contains_key("access_type") && !asked.contains_key("prompt"));
}

#[tokio::test]
async fn nobody_else_gets_a_token() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    for url in [
        "https://evil.example/",
        "https://ui.example.evil.example/",
        "https://ui.example@evil.example/",
        "https://ui.example\\@evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "http://localhost:3000/",
    ] {
        let (url, fragment) = log_in(with_frontend(&issuer), &provider, &target(url)).await;
        assert!(url.starts_with("http://localhost/vgi/?_vgi_return_to=") && fragment.is_empty(), "{url}");
    }
    let (url, fragment) = log_in(login(&issuer), &provider, &target(UI)).await;
    assert!(url.starts_with("http://localhost/vgi/?") && fragment.is_empty(), "{url}");
}

#[tokio::test]
async fn what_was_a_frontend_when_the_login_began_may_be_none_any_more() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer));
    let state = browser.begin(&target(UI), &provider).await["state"].clone();
    browser.layer = Browser::at(login(&issuer)).layer;
    let back = browser.get(&format!("/_oauth/callback?code=good&state={state}")).await;
    assert_eq!(back.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_is_logged_in_is_sent_back_at_once() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer));
    let state = browser.begin("/", &provider).await["state"].clone();
    browser.get(&format!("/_oauth/callback?code=good&state={state}")).await;
    let sent = browser.get(&target(UI)).await;
    assert_eq!((sent.status(), location(&sent)), (StatusCode::FOUND, "https://ui.example/app?x=1#token=s3cret"));
    let sent = browser.get(&target("https://ui.example/#/route")).await;
    assert_eq!(location(&sent), "https://ui.example/#/route&token=s3cret");
    for other in [target("https://evil.example/"), "/".to_owned()] {
        assert_eq!(browser.get(&other).await.status(), StatusCode::OK, "{other}");
    }
    // A page for everybody says nothing of a token.
    assert_eq!(browser.get(&target(UI).replace("/?", "/health?")).await.status(), StatusCode::OK);
    // Nor does a program's own header belong to the page.
    let program = Request::get(target(UI)).header("accept", "text/html").header("authorization", "Bearer s3cret");
    assert_eq!(browser.send(program).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_frontend_sees_no_circles_either() {
    let provider = Provider { id_token: Some("of-another".to_owned()), ..Provider::default() };
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer));
    let state = browser.begin("/", &provider).await["state"].clone();
    browser.get(&format!("/_oauth/callback?code=good&state={state}")).await;
    let page = browser.get(&target(UI)).await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
}
