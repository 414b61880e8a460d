//! Paths that lead nowhere, or to another kind of method (§1.1, §1.2, §16).

use http::Method;
use tower_vgi::rpc::{Generation, Generations, Protocol};
use tower_vgi::wire::keys;

use crate::support::{Ask, Case, Expected, Tokens, ask, builder, calc, check, column, edge, plain, row, service};

#[tokio::test]
async fn unknown_methods_and_protocols_are_not_found() {
    check(&[
        Case::same("unary", |g| Ask::unary(g, "nonesuch", row([])), Expected::no_method("nonesuch")),
        Case::same("init", |g| Ask::init(g, "nonesuch", row([])), Expected::no_method("nonesuch")),
        Case::same("turn", |g| Ask::tick(g, "nonesuch", &Tokens::default()), Expected::no_method("nonesuch")),
        Case::same("names are told", |g| Ask::unary(g, "nonesuch", row([])), Expected::no_method("add")),
        Case::differs(
            "protocol",
            |g| Ask::add(g).path("/Nope/add"),
            Expected::Skip,
            Expected::no_protocol(404, "Nope"),
        ),
        Case::differs(
            "protocol of a stream",
            |g| Ask::add(g).path("/Nope/count/init"),
            Expected::Skip,
            Expected::no_protocol(404, "Nope"),
        ),
        Case::differs(
            "method of another protocol",
            |g| Ask::call(g, "Plain", "add", "", row([])),
            Expected::Skip,
            Expected::no_method("hello"),
        ),
        Case::differs(
            "grammar",
            |g| Ask::add(g).path("/9Calc/add"),
            Expected::Skip,
            Expected::no_protocol(404, "9Calc"),
        ),
        Case::differs(
            "hyphen",
            |g| Ask::add(g).path("/Ca-lc/add"),
            Expected::Skip,
            Expected::no_protocol(404, "Ca-lc"),
        ),
        Case::differs("case", |g| Ask::add(g).path("/calc/add"), Expected::Skip, Expected::no_protocol(404, "calc")),
        Case::differs(
            "the framework's",
            |g| Ask::add(g).path("/vgi_rpc.Identity.v2/x"),
            Expected::Skip,
            Expected::no_protocol(404, "vgi_rpc.Identity.v2"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_very_long_protocol_name_is_not_found() {
    let long = format!("/{}/add", "p".repeat(5000));
    let failure = ask(&service(), Ask::add(Generation::Namespaced).path(&long)).await.expect_failure();
    assert_eq!(failure.exception, "ProtocolNotSupportedError");
}

#[tokio::test]
async fn each_kind_of_method_has_its_routes() {
    check(&[
        Case::same("a producer as unary", |g| Ask::unary(g, "count", row([])), {
            Expected::type_error("Stream method 'count' requires /init and /exchange endpoints")
        }),
        Case::same("an exchange as unary", |g| Ask::unary(g, "scale", row([])), {
            Expected::type_error("Stream method 'scale' requires /init and /exchange endpoints")
        }),
        Case::same("unary as init", |g| Ask::init(g, "add", row([])), Expected::type_error("'add' is not a stream")),
        Case::same("unary as turn", |g| Ask::tick(g, "add", &Tokens::default()), {
            Expected::type_error("'add' does not support /exchange")
        }),
    ])
    .await;
}

#[tokio::test]
async fn percent_encoded_names_are_decoded_on_flat_routes_and_refused_on_namespaced_ones() {
    const REFUSED: Expected = Expected::Refused {
        status: 404,
        exception: "ProtocolNotSpecifiedError",
        kind: Some("protocol_not_specified"),
        code: "INVALID_ARGUMENT",
        text: "",
    };
    check(&[
        Case::differs("method", |g| Ask::add(g).path("/%61dd"), Expected::Good, Expected::Skip),
        Case::differs("protocol", |g| Ask::add(g).path("/%43alc/add"), Expected::Skip, REFUSED),
        Case::differs("method of a protocol", |g| Ask::add(g).path("/Calc/%61dd"), Expected::Skip, REFUSED),
        Case::differs("twice", |g| Ask::add(g).path("/%2543alc/add"), Expected::Skip, REFUSED),
        Case::differs("of a stream", |g| Ask::add(g).path("/Calc/%63ount/init"), Expected::Skip, REFUSED),
        Case::differs("no UTF-8", |g| Ask::add(g).path("/%ff"), Expected::no_method("Unknown method"), Expected::Skip),
        Case::differs("a slash", |g| Ask::add(g).path("/a%2Fb"), Expected::no_method("a/b"), Expected::Skip),
    ])
    .await;
}

#[tokio::test]
async fn reserved_names_are_no_methods() {
    const UNKNOWN: Expected = Expected::no_method("");
    check(&[
        Case::same("unknown", |g| Ask::add(g).path("/__nonesuch__"), UNKNOWN),
        Case::same("of pipes", |g| Ask::add(g).path("/__transport_options__"), UNKNOWN),
        Case::same("token introspection in Arrow", |g| Ask::add(g).path("/__introspect_token__"), UNKNOWN),
        Case::same("upload URLs without storage", |g| Ask::add(g).path("/__upload_url__/init"), UNKNOWN),
        Case::same(
            "token introspection in JSON",
            |g| Ask::add(g).path("/__introspect_token__").content_type(Some("application/json")).body("{}"),
            Expected::Json { status: 404, allow: None },
        ),
    ])
    .await;
}

#[tokio::test]
async fn token_introspection_says_that_it_is_not_there() {
    let request = Ask::add(Generation::Flat).path("/__introspect_token__").content_type(Some("application/json"));
    assert_eq!(ask(&service(), request.body("{}")).await.json()["error"], "not_enabled");
}

/// Clients of the protocol read an error from Arrow only; everybody else is told in JSON.
#[tokio::test]
async fn paths_of_no_route_are_not_found() {
    const NO_METHOD: Expected = Expected::no_method("There is no method at this path");
    const NOT_FOUND: Expected = Expected::Json { status: 404, allow: None };
    check(&[
        Case::same("the root", |g| Ask::add(g).path("/"), NO_METHOD),
        Case::same("another third segment", |g| Ask::add(g).path("/Calc/count/other"), NO_METHOD),
        Case::same("too deep", |g| Ask::add(g).path("/Calc/count/init/x"), NO_METHOD),
        Case::same("a slash at the end", |g| Ask::add(g).path("/add/"), NO_METHOD),
        Case::same("a slash at the end of a pair", |g| Ask::add(g).path("/Calc/add/"), NO_METHOD),
        Case::same("two slashes", |g| Ask::add(g).path("//add"), NO_METHOD),
        Case::same("a body that nobody reads", |g| Ask::add(g).path("/").body(vec![0; 200_000]), NO_METHOD).chunked(),
        Case::same("no content type", |g| Ask::add(g).path("/add/").content_type(None), NOT_FOUND),
        Case::same("a form", |g| Ask::add(g).path("/").content_type(Some("text/plain")), NOT_FOUND),
        Case::same("with GET", |g| Ask::add(g).path("/").verb(Method::GET), NOT_FOUND),
        Case::same("with OPTIONS", |g| Ask::add(g).path("/a/b/c/d").verb(Method::OPTIONS), NOT_FOUND),
        Case::same("with PUT", |g| Ask::add(g).path("/a/b/c/d").verb(Method::PUT), NOT_FOUND),
    ])
    .await;
}

#[tokio::test]
async fn a_query_is_no_part_of_the_route() {
    check(&[Case::same(
        "query",
        |g| {
            let path = Ask::add(g).path;
            Ask::add(g).path(&format!("{path}?x=/y/z"))
        },
        Expected::Good,
    )])
    .await;
}

/// `{a}/init` may be a flat stream or a unary method of a protocol (§16.2).
#[tokio::test]
async fn two_segments_that_end_in_an_endpoint_are_told_apart() {
    let service = service();
    for endpoint in ["init", "exchange"] {
        let unary = Ask::call(Generation::Namespaced, "Edge", endpoint, "", row([]));
        assert_eq!(ask(&service, unary).await.result::<String>(), endpoint);
        // A hosted protocol without such a method, and no flat method of that name.
        let failure = ask(&service, Ask::add(Generation::Namespaced).path(&format!("/Calc/{endpoint}"))).await;
        let failure = failure.expect_failure();
        assert_eq!(failure.exception, "MethodNotImplementedError");
        assert!(failure.message.contains("Protocol 'Calc' has no method"), "{}", failure.message);
        // Neither a protocol nor a flat method.
        let failure = ask(&service, Ask::add(Generation::Flat).path(&format!("/nonesuch/{endpoint}"))).await;
        assert!(failure.expect_failure().message.contains("Unknown method: 'nonesuch'"));
    }
    let opened = ask(&service, Ask::init(Generation::Flat, "scale", row([("factor", column(2.0))]))).await;
    assert!(opened.goes_on());
}

#[test]
fn a_protocol_and_a_flat_method_may_not_share_a_name() {
    let error = builder().protocol(Protocol::new("add")).build().unwrap_err().to_string();
    assert!(error.contains("'add'") && error.contains("ambiguous"), "{error}");
    let error = builder().protocol(calc()).build().unwrap_err().to_string();
    assert!(error.contains("two protocols are named 'Calc'"), "{error}");
}

#[tokio::test]
async fn a_server_of_one_generation_does_not_answer_the_other() {
    for (only, other) in [(Generation::Flat, Generation::Namespaced), (Generation::Namespaced, Generation::Flat)] {
        let builder = builder().protocol(plain()).protocol(edge()).generations(Generations::Only(only));
        let service = builder.build().unwrap();
        assert_eq!(ask(&service, Ask::add(only)).await.result::<f64>(), 3.0);
        let answer = ask(&service, Ask::add(other)).await;
        assert_eq!(answer.expect_failure().exception, "MethodNotImplementedError");
        let answer = ask(&service, Ask::add(other).verb(Method::GET)).await;
        assert!(answer.status == 404 && answer.is_json(), "{answer:?}");
        let reserved = ask(&service, Ask::add(only).path("/__nonesuch__").without(keys::PROTOCOL)).await;
        assert_eq!(reserved.expect_failure().exception, "MethodNotImplementedError");
    }
}
