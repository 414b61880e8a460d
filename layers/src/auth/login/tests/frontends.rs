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
    let mut back = browser.log_in(target, provider).await;
    assert_eq!(back.status(), StatusCode::FOUND);
    // Authentication looks at the token before anybody else gets it.
    assert!(!location(&back).contains('#'));
    let own = location(&back).strip_prefix("http://localhost/vgi").unwrap().to_owned();
    let page = browser.get(&own).await;
    if page.status() == StatusCode::FOUND {
        back = page;
    }
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
    // Nobody renews a token for the page, which has no use for what one would be renewed with.
    let expected = [("token", "s3cret"), ("client_id", "client"), ("use_id_token", "true")];
    assert_eq!(fragment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let (_, fragment) = log_in(with_frontend(&issuer).exchange_tokens(), &provider, &target(UI)).await;
    assert_eq!(fragment["token_endpoint"], "http://localhost/vgi/_oauth/token");
    assert_eq!(fragment["refresh_token"], "again");
    assert!(!format!("{fragment:?}").contains("hush"));

    // Where there is no secret, the provider itself renews tokens.
    let public =
        Login::new("http://localhost/vgi", &*issuer, "client").use_id_token().frontends(["https://ui.example"]);
    let (_, fragment) = log_in(public, &provider, &target(UI)).await;
    assert_eq!(fragment["token_endpoint"], format!("{issuer}/token"));
    assert_eq!(fragment["refresh_token"], "again");
}

#[tokio::test]
async fn a_refresh_token_is_asked_for_by_frontends_only() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let renewing = || with_frontend(&issuer).exchange_tokens();
    let asked = Browser::at(renewing()).begin(&target(UI), &provider).await;
    assert_eq!((asked["access_type"].as_str(), asked["prompt"].as_str()), ("offline", "consent"));
    for (login, target) in [(renewing(), "/".to_owned()), (with_frontend(&issuer), target(UI))] {
        let asked = Browser::at(login).begin(&target, &provider).await;
        assert!(!asked.contains_key("access_type") && !asked.contains_key("prompt"), "{target}");
    }
    let mut browser = Browser::at(renewing());
    browser.get("/_oauth/logout").await;
    assert_eq!(browser.begin(&target(UI), &provider).await["prompt"], "select_account consent");
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
        // The page would take the first of two.
        "https://ui.example/app#token_endpoint=https://evil.example/t",
        "https://ui.example/app#x&token_endpoint=https://evil.example/t",
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
    browser.cookies.remove("_vgi_login");
    let sent = browser.get(&target(UI)).await;
    assert_eq!((sent.status(), location(&sent)), (StatusCode::FOUND, "https://ui.example/app?x=1#token=s3cret"));
    let sent = browser.get(&target("https://ui.example/#/route")).await;
    assert_eq!(location(&sent), "https://ui.example/#/route&token=s3cret");
    for other in [target("https://evil.example/"), "/".to_owned()] {
        assert_eq!(browser.get(&other).await.status(), StatusCode::OK, "{other}");
    }
    // A page for everybody says nothing of a token: one that does is where people are sent first.
    let sent = browser.get(&target(UI).replace("/?", "/health?")).await;
    assert_eq!(location(&sent), format!("http://localhost/vgi{}", target(UI)));
    // Nor does a program's own header belong to the page.
    let program = Request::get(target(UI)).header("accept", "text/html").header("authorization", "Bearer s3cret");
    assert_eq!(browser.send(program).await.status(), StatusCode::OK);
}

/// Pages elsewhere would send people here again and again.
#[tokio::test]
async fn a_frontend_gets_no_token_that_is_refused() {
    let provider = Provider { id_token: Some("of-another".to_owned()), ..Provider::default() };
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer).exchange_tokens());
    let back = browser.log_in(&target(UI), &provider).await;
    assert_eq!(location(&back), format!("http://localhost/vgi{}", target(UI)));
    let page = browser.get(&target(UI)).await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
    let html = text(page).await;
    assert!(html.contains("invalid_credential") && html.contains("_vgi_return_to=https%3A%2F%2Fui.example"), "{html}");
    // With the next click they may be somebody else.
    assert_eq!(browser.begin(&target(UI), &provider).await["prompt"], "select_account consent");
}

#[tokio::test]
async fn a_frontend_gets_a_token_where_nobody_has_to_have_one() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer));
    browser.lets_anybody_in = true;
    assert_eq!(browser.get("/").await.status(), StatusCode::OK);
    browser.log_in(&target(UI), &provider).await;
    let sent = browser.get(&target(UI)).await;
    assert!(location(&sent).starts_with(&format!("{UI}#token=s3cret")), "{}", location(&sent));
    // Where the browser has kept nothing of it, that is said.
    browser.cookies.clear();
    browser.log_in(&target(UI), &provider).await;
    browser.cookies.remove("_vgi_auth");
    assert_eq!(browser.get(&target(UI)).await.status(), StatusCode::UNAUTHORIZED);
}

/// Nobody has looked at the token: it may be good for nothing, and the page would send people here again and again.
#[tokio::test]
async fn a_token_that_nobody_has_looked_at_is_not_handed_on() {
    let provider = Provider { id_token: Some("of-another".to_owned()), ..Provider::default() };
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer).exchange_tokens());
    browser.is_known_otherwise = true;
    assert_eq!(browser.get("/").await.status(), StatusCode::OK);
    let back = browser.log_in(&target(UI), &provider).await;
    assert_eq!(location(&back), format!("http://localhost/vgi{}", target(UI)));
    let page = browser.get(&target(UI)).await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
    assert!(!page.headers().contains_key("location"));
}

/// Another one would have the tokens of this one renewed, which may be of somebody else.
#[tokio::test]
async fn a_refresh_token_is_for_the_page_that_the_login_was_for() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    for (page, expected) in [(UI, Some("again")), ("https://ui.example/other", None)] {
        let mut browser = Browser::at(with_frontend(&issuer).exchange_tokens());
        browser.log_in(&target(UI), &provider).await;
        let sent = browser.get(&target(page)).await;
        let (url, fragment) = location(&sent).split_once('#').unwrap();
        let fragment = pairs(fragment);
        assert_eq!((url, fragment["token"].as_str()), (page, "s3cret"));
        assert_eq!(fragment.get("refresh_token").map(String::as_str), expected, "{page}");
    }
}

/// Servers on the way would refuse every request of the browser.
#[tokio::test]
async fn cookies_of_a_login_are_not_too_long_together() {
    let long = "x".repeat(2800);
    let provider = Provider { id_token: Some(long.clone()), refresh_token: Some(long), ..Provider::default() };
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer).exchange_tokens());
    browser.log_in(&target(UI), &provider).await;
    assert!(browser.cookies.contains_key("_vgi_auth") && browser.cookies.contains_key("_vgi_login"));
    let length: usize = browser.cookies.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(length < 6 * 1024, "{length}");
    // Where to go is not worth as much either.
    browser.cookies.clear();
    assert_eq!(browser.get(&format!("/page?{}", "x".repeat(2000))).await.status(), StatusCode::FOUND);
    assert!(browser.cookies.values().all(|value| value.len() <= 1024));
}

/// The one that the page has may be this very one, and have been refused elsewhere.
#[tokio::test]
async fn an_old_token_of_which_nobody_knows_the_time_is_not_handed_on() {
    let provider = Provider::default();
    let issuer = provider.start().await;
    let mut browser = Browser::at(with_frontend(&issuer));
    let old = browser.layer.flow.cookies.set_at(1_000, cookies::TOKEN, "s3cret", None).unwrap();
    let (name, rest) = old.to_str().unwrap().split_once('=').unwrap();
    browser.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
    assert_eq!(browser.get("/").await.status(), StatusCode::OK);
    browser.begin(&target(UI), &provider).await;
}
