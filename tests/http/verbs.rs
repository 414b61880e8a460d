//! Everything but `POST` (§1.3).

use http::Method;
use tower::ServiceExt as _;
use tower_vgi::rpc::{Generation, NotFound};

use crate::support::{Ask, Case, Expected, ask, check, service};

const fn wrong_verb(allow: &'static str) -> Expected {
    Expected::Json { status: 405, allow: Some(allow) }
}

const NOT_FOUND: Expected = Expected::Json { status: 404, allow: None };

#[tokio::test]
async fn get_is_for_pages_only() {
    check(&[
        Case::differs("a method", |g| Ask::add(g).verb(Method::GET), wrong_verb("POST, OPTIONS"), wrong_verb("POST")),
        Case::same("a flat stream", |g| Ask::add(g).path("/count/init").verb(Method::GET), wrong_verb("POST, OPTIONS")),
        Case::same("its turn", |g| Ask::add(g).path("/count/exchange").verb(Method::GET), wrong_verb("POST, OPTIONS")),
        Case::same("a stream", |g| Ask::add(g).path("/Calc/count/init").verb(Method::GET), wrong_verb("POST, OPTIONS")),
        Case::same("no protocol", |g| Ask::add(g).path("/Nope/add").verb(Method::GET), NOT_FOUND),
        Case::same("no route", |g| Ask::add(g).path("/a/b/c/d").verb(Method::GET), NOT_FOUND),
    ])
    .await;
}

#[tokio::test]
async fn other_verbs_are_refused() {
    check(&[
        Case::differs(
            "PUT",
            |g| Ask::add(g).verb(Method::PUT),
            wrong_verb("POST, OPTIONS"),
            wrong_verb("GET, POST, OPTIONS"),
        ),
        Case::differs(
            "DELETE",
            |g| Ask::add(g).verb(Method::DELETE),
            wrong_verb("POST, OPTIONS"),
            wrong_verb("GET, POST, OPTIONS"),
        ),
        Case::same(
            "PATCH on a stream",
            |g| Ask::add(g).path("/Calc/count/init").verb(Method::PATCH),
            wrong_verb("POST, OPTIONS"),
        ),
        Case::same(
            "the end of a session without sessions",
            |g| Ask::add(g).path("/__session__").verb(Method::DELETE).body(""),
            wrong_verb("POST, OPTIONS"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn options_says_what_is_allowed() {
    const fn allows(allow: &'static str) -> Expected {
        Expected::Empty { status: 200, allow: Some(allow) }
    }
    check(&[
        Case::differs("a method", |g| Ask::add(g).verb(Method::OPTIONS).body(""), allows("POST"), allows("GET, POST")),
        Case::same("a stream", |g| Ask::add(g).path("/Calc/count/init").verb(Method::OPTIONS).body(""), allows("POST")),
        Case::same("a reserved name", |g| Ask::add(g).path("/__x__").verb(Method::OPTIONS).body(""), allows("POST")),
    ])
    .await;
}

/// Nobody has to say who they are to ask this.
#[tokio::test]
async fn options_does_not_say_which_protocols_there_are() {
    for method in ["add", "init", "exchange", "init/exchange", "a/init"] {
        let allow = async |protocol: &str| {
            let path = format!("/{protocol}/{method}");
            let answer = ask(&service(), Ask::add(Generation::Namespaced).path(&path).verb(Method::OPTIONS)).await;
            answer.header("allow").map(str::to_owned)
        };
        let unknown = allow("Nope").await;
        for protocol in ["Calc", "Edge", "count"] {
            assert_eq!(allow(protocol).await, unknown, "{protocol} {method}");
        }
    }
}

#[tokio::test]
async fn answers_to_options_may_be_kept() {
    let answer = ask(&service(), Ask::add(Generation::Flat).verb(Method::OPTIONS)).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
}

/// By the mark a layer of pages knows which answers a person may see in another form.
#[tokio::test]
async fn answers_for_paths_of_no_method_are_marked() {
    const HOSTED: [&str; 6] = ["/add", "/count", "/count/init", "/Calc/add", "/Calc/add/init", "/Edge/init"];
    const NOT_HOSTED: [&str; 8] = [
        "/",
        "/nonesuch",
        "/nonesuch/init",
        "/Calc/nonesuch",
        "/Calc/nonesuch/init",
        "/Nope/add",
        "/__x__",
        "/a/b/c/d",
    ];
    for (paths, marked) in [(&HOSTED[..], false), (&NOT_HOSTED[..], true)] {
        for path in paths {
            for verb in [Method::GET, Method::HEAD] {
                let request = Ask::add(Generation::Flat).path(path).verb(verb.clone()).request();
                let response = service().oneshot(request).await.unwrap();
                assert!(matches!(response.status().as_u16(), 404 | 405), "{verb} {path}: {}", response.status());
                assert_eq!(response.extensions().get::<NotFound>().is_some(), marked, "{verb} {path}");
            }
        }
    }
    // What a client of the protocol gets is for nobody else.
    let response = service().oneshot(Ask::add(Generation::Flat).path("/").request()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<NotFound>()), (404, None));
}
