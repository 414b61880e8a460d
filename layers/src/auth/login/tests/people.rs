//! People log in, and stay out.

use super::*;

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
    let session = cookies::session(&asked["state"]);
    assert!(!browser.cookies[session].contains(&asked["state"]));

    let back = browser.get(&format!("/_oauth/callback?code=good&state={}", asked["state"])).await;
    assert_eq!((back.status(), location(&back)), (StatusCode::FOUND, "http://localhost/vgi/describe?a=1&b=2"));
    let mut names: Vec<_> = browser.cookies.keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["_vgi_auth", "_vgi_login"]);
    assert!(!location(&back).contains('#'));
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
    assert_eq!(out.status(), StatusCode::OK);
    assert!(text(out).await.contains("href=\"http://localhost/vgi/\""));
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["_vgi_login"]);
    // The provider would have them in again as the same person, without asking.
    assert_eq!(browser.begin("/", &provider).await["prompt"], "select_account");
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

    // An answer is taken once.
    assert!(!alice.cookies.contains_key(cookies::session(&of_alice)));
    let of_alice = alice.begin("/", &provider).await["state"].clone();
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
        Login::new("https://a.example#x", "https://i.example", "c"),
        Login::new("https://a.example/x; y", "https://i.example", "c"),
        Login::new("http://a.example", "https://i.example", "c"),
        Login::new("https://a.example", "https://i.example", ""),
        Login::new("https://a.example", "http://i.example", "c"),
        Login::new("https://a.example", "https://i.example", "c").frontends(["http://ui.example"]),
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

#[tokio::test]
async fn two_tabs_log_in_at_the_same_time() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    let first = browser.begin("/a", &provider).await["state"].clone();
    let challenge = provider.challenge.lock().unwrap().clone();
    // Of four cookies each has one by chance.
    let of_first = browser.cookies[cookies::session(&first)].clone();
    while browser.cookies[cookies::session(&first)] == of_first {
        let second = browser.begin("/b", &provider).await["state"].clone();
        if cookies::session(&second) != cookies::session(&first) {
            break;
        }
        browser.cookies.insert(cookies::session(&first).to_owned(), of_first.clone());
    }
    *provider.challenge.lock().unwrap() = challenge;
    let back = browser.get(&format!("/_oauth/callback?code=good&state={first}")).await;
    assert_eq!(location(&back), "http://localhost/vgi/a");
}

#[tokio::test]
async fn pages_can_show_who_is_logged_in() {
    let claims = URL_SAFE_NO_PAD.encode(json!({"email": "alice@a.example", "groups": ["x"]}).to_string());
    let provider = Provider { id_token: Some(format!("e30.{claims}.c2ln")), ..Provider::default() };
    let mut browser = Browser::new(&provider.start().await);
    let state = browser.begin("/", &provider).await["state"].clone();
    browser.get(&format!("/_oauth/callback?code=good&state={state}")).await;
    let shown = URL_SAFE_NO_PAD.decode(&browser.cookies["_vgi_identity"]).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&shown).unwrap(), json!({"email": "alice@a.example"}));
    browser.get("/_oauth/logout").await;
    assert!(!browser.cookies.contains_key("_vgi_identity"));
}

/// Each of them would otherwise ask in its turn, and the last one wait for all.
#[tokio::test]
async fn who_waits_for_an_attempt_hears_how_it_ended() {
    let provider = Provider { is_silent: true, ..Provider::default() };
    let flow = Browser::new(&provider.start().await).layer.flow.clone();
    let attempts = (0..3).map(|_| flow.provider.endpoints(&flow.login));
    assert!(futures_util::future::join_all(attempts).await.iter().all(Result::is_err));
    assert_eq!(provider.discovered.load(Ordering::Relaxed), 1);
    // The next one asks anew.
    assert!(flow.provider.endpoints(&flow.login).await.is_err());
    assert_eq!(provider.discovered.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn programs_do_not_keep_people_from_logging_in() {
    let provider = Provider::default();
    let mut browser = Browser::new(&provider.start().await);
    let flow = browser.layer.flow.clone();
    let _all = flow.exchanges.acquire_many(16).await.unwrap();
    assert_eq!(browser.log_in("/", &provider).await.status(), StatusCode::FOUND);
}
