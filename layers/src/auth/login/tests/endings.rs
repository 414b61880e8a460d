//! Logins end, and do not begin again for ever.

use super::*;

#[tokio::test]
async fn pages_of_others_log_nobody_out() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    browser.log_in("/", &provider).await;
    for (site, is_out) in [("cross-site", false), ("same-site", false), ("same-origin", true), ("none", true)] {
        let out = browser.send(Request::get("/_oauth/logout").header("sec-fetch-site", site)).await;
        assert_eq!(out.status(), StatusCode::OK);
        assert_eq!(out.headers().contains_key("set-cookie"), is_out, "{site}");
        let html = text(out).await;
        assert_eq!(html.contains("href=\"http://localhost/vgi/_oauth/logout\""), !is_out, "{html}");
    }
}

/// As where the audience is not the one that the authenticator expects. The provider would give the next token without
/// asking, and the browser run in circles.
#[tokio::test]
async fn a_token_that_is_refused_right_after_the_login_ends_it() {
    for expires_in in [None, Some(3600), Some(0)] {
        let provider = Provider { id_token: Some("of-another".to_owned()), expires_in, ..Provider::default() };
        let mut browser = Browser::new(&provider.start().await);
        let state = browser.begin("/describe?a=1", &provider).await["state"].clone();
        let back = browser.get(&format!("/_oauth/callback?code=good&state={state}")).await;
        assert_eq!(location(&back), "http://localhost/vgi/describe?a=1");
        let page = browser.get("/describe?a=1").await;
        assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(page.headers()["vgi-auth-reason"], "invalid_credential");
        assert_eq!(page.headers()["cache-control"], "no-store");
        let html = text(page).await;
        assert!(html.contains("invalid_credential") && html.contains("the bearer token is unknown"), "{html}");
        assert!(html.contains("href=\"http://localhost/vgi/describe?a=1\"") && !html.contains("of-another"), "{html}");
        // Whoever wants to may try again.
        assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["_vgi_login"]);
        assert_eq!(browser.begin("/describe?a=1", &provider).await["prompt"], "select_account");
    }
}

/// Its time is over before a minute is.
#[tokio::test]
async fn a_token_of_a_short_time_is_renewed_after_it() {
    for (lifetime, expected) in [(30, "Max-Age=30"), (5, "Max-Age=10"), (3600, "Max-Age=60")] {
        let provider = Provider { expires_in: Some(lifetime), ..Provider::default() };
        let mut browser = Browser::new(&provider.start().await);
        let back = browser.log_in("/", &provider).await;
        let cookies = back.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let latest = cookies.filter(|cookie| cookie.starts_with("_vgi_login=")).collect::<Vec<_>>();
        assert!(matches!(&*latest, [cookie] if cookie.contains(expected)), "{latest:?}");
    }
}

/// One that cannot ask who people are would say so again and again.
#[tokio::test]
async fn a_provider_that_refuses_to_ask_who_people_are_is_not_asked_to_again() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    let out = browser.get("/_oauth/logout").await;
    let left = out.headers().get_all("set-cookie").iter().any(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with("_vgi_login=") && cookie.contains("Max-Age=600")
    });
    assert!(left);
    let asked = browser.begin("/", &provider).await;
    assert_eq!(asked["prompt"], "select_account");
    let state = &asked["state"];
    let refused = browser.get(&format!("/_oauth/callback?error=account_selection_required&state={state}")).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(!browser.begin("/", &provider).await.contains_key("prompt"));
}

/// The next one would be whoever was there before.
#[tokio::test]
async fn whoever_is_asked_and_wants_to_be_nobody_is_asked_again() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    browser.get("/_oauth/logout").await;
    let asked = browser.begin("/", &provider).await;
    let state = &asked["state"];
    let refused = browser.get(&format!("/_oauth/callback?error=access_denied&state={state}")).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(browser.begin("/", &provider).await["prompt"], "select_account");
}

/// A token that the browser does not keep is refused as often as one that it does.
#[tokio::test]
async fn a_login_of_which_nothing_is_left_ends_as_well() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    browser.log_in("/", &provider).await;
    browser.cookies.remove("_vgi_auth");
    assert_eq!(browser.get("/").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_that_is_no_header_is_a_page_that_says_so() {
    let provider = Provider { id_token: Some("a\u{e9}".to_owned()), ..Provider::default() };
    let mut browser = Browser::new(&provider.start().await);
    assert_eq!(browser.log_in("/", &provider).await.status(), StatusCode::BAD_GATEWAY);
}

/// As where a proxy has asked for a password: no cookie would be looked at.
#[tokio::test]
async fn whoever_sends_a_header_of_their_own_is_not_sent_to_the_provider() {
    let mut browser = Browser::new(&Provider::default().start().await);
    let request = Request::get("/").header("accept", "text/html").header("authorization", "Basic YTpi");
    assert_eq!(browser.send(request).await.status(), StatusCode::UNAUTHORIZED);
}

/// It says so of something else, such as a service behind it.
#[tokio::test]
async fn what_refuses_somebody_who_is_known_says_nothing_of_the_token() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    browser.log_in("/", &provider).await;
    let page = browser.get("/refused").await;
    assert_eq!((page.status(), page.headers().contains_key("set-cookie")), (StatusCode::UNAUTHORIZED, false));
    assert_eq!(browser.get("/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_page_after_a_refusal_says_what_the_proxy_has_to_do() {
    let provider = Provider { id_token: Some("of-another".to_owned()), ..Provider::default() };
    let mut browser = Browser::new(&provider.start().await);
    browser.is_behind_a_proxy = true;
    browser.log_in("/", &provider).await;
    let page = browser.get("/").await;
    assert_eq!(page.headers()["vgi-auth-proxy-required"], "true");
    assert!(text(page).await.contains("x-of-proxy"));
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
async fn a_token_that_was_good_for_a_while_is_renewed() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    let flow = browser.layer.flow.clone();
    let old = flow.cookies.set_at(1_000, cookies::TOKEN, "of-another", None).unwrap();
    let (name, rest) = old.to_str().unwrap().split_once('=').unwrap();
    browser.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
    browser.begin("/describe", &provider).await;
}
