//! Method, version, protocol and protocol version of a request (§4.4, §4.5).

use serde_json::json;
use tower_vgi::rpc::Generation;
use tower_vgi::wire::keys;

use crate::support::{Ask, Case, Expected, ask, both, check, column, row, service};

const GATE: Expected = Expected::Refused {
    status: 400,
    exception: "ProtocolVersionError",
    kind: Some("protocol_version_mismatch"),
    code: "FAILED_PRECONDITION",
    text: "protocol_version mismatch",
};

const NO_METHOD: Expected = Expected::refused(400, "RpcError", "ProtocolError: Missing 'vgi_rpc.method'");
const NO_VERSION: Expected = Expected::refused(400, "VersionError", "Missing 'vgi_rpc.request_version'");
const OTHER_VERSION: Expected = Expected::refused(400, "VersionError", "Unsupported request version");
const OTHER_METHOD: Expected = Expected::type_error("Method name mismatch");

#[tokio::test]
async fn the_method_has_to_be_named_as_in_the_path() {
    check(&[
        Case::same("none", |g| Ask::add(g).without(keys::METHOD), NO_METHOD),
        Case::same("another", |g| Ask::add(g).with(keys::METHOD, "increase"), OTHER_METHOD),
        Case::same("unknown", |g| Ask::add(g).with(keys::METHOD, "nonesuch"), OTHER_METHOD),
        Case::same("empty", |g| Ask::add(g).with(keys::METHOD, ""), OTHER_METHOD),
        Case::same("not UTF-8", |g| Ask::add(g).with(keys::METHOD, b"\xff\xfe"), OTHER_METHOD),
        Case::same("another case", |g| Ask::add(g).with(keys::METHOD, "Add"), OTHER_METHOD),
        Case::same("on init", |g| count(g).without(keys::METHOD), NO_METHOD),
        Case::same("another on init", |g| count(g).with(keys::METHOD, "scale"), OTHER_METHOD),
    ])
    .await;
}

fn count(generation: Generation) -> Ask {
    Ask::init(generation, "count", row([("n", column(1_i64)), ("fails_at", column(-1_i64))]))
}

#[tokio::test]
async fn the_request_version_has_to_be_one() {
    check(&[
        Case::same("none", |g| Ask::add(g).without(keys::REQUEST_VERSION), NO_VERSION),
        Case::same("999", |g| Ask::add(g).with(keys::REQUEST_VERSION, "999"), OTHER_VERSION),
        Case::same("01", |g| Ask::add(g).with(keys::REQUEST_VERSION, "01"), OTHER_VERSION),
        Case::same("empty", |g| Ask::add(g).with(keys::REQUEST_VERSION, ""), OTHER_VERSION),
        Case::same("not UTF-8", |g| Ask::add(g).with(keys::REQUEST_VERSION, b"\xff"), OTHER_VERSION),
        Case::same("on init", |g| count(g).without(keys::REQUEST_VERSION), NO_VERSION),
    ])
    .await;
}

#[tokio::test]
async fn mistakes_are_noticed_in_the_order_of_the_protocol() {
    check(&[
        Case::same(
            "no method and no version",
            |g| Ask::add(g).without(keys::METHOD).without(keys::REQUEST_VERSION),
            NO_METHOD,
        ),
        Case::same(
            "another method and no version",
            |g| Ask::add(g).with(keys::METHOD, "x").without(keys::REQUEST_VERSION),
            NO_VERSION,
        ),
        Case::same(
            "another method and no protocol version",
            |g| Ask::add(g).with(keys::METHOD, "x").without(keys::PROTOCOL_VERSION),
            OTHER_METHOD,
        ),
        Case::differs(
            "another protocol and no protocol version",
            |g| Ask::add(g).with(keys::PROTOCOL, "Plain").without(keys::PROTOCOL_VERSION),
            GATE,
            Expected::no_protocol(400, "Protocol mismatch"),
        ),
        Case::same(
            "no protocol version and no such parameter",
            |g| Ask::add(g).without(keys::PROTOCOL_VERSION).batch(row([("z", column(1.0))])),
            GATE,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_protocol_that_is_named_has_to_be_the_one_of_the_path() {
    check(&[
        Case::same("none", |g| Ask::add(g).without(keys::PROTOCOL), Expected::Good),
        Case::differs(
            "another hosted one",
            |g| Ask::add(g).with(keys::PROTOCOL, "Plain"),
            Expected::Good,
            Expected::no_protocol(400, "Protocol mismatch"),
        ),
        Case::differs(
            "not UTF-8",
            |g| Ask::add(g).with(keys::PROTOCOL, b"\xff"),
            Expected::Good,
            Expected::no_protocol(400, "Protocol mismatch"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn major_and_minor_of_the_protocol_version_have_to_agree() {
    check(&[
        Case::same("the same", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "1.2.3"), Expected::Good),
        Case::same("another patch", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "1.2.99"), Expected::Good),
        Case::same("none", |g| Ask::add(g).without(keys::PROTOCOL_VERSION), GATE),
        Case::same("another minor", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "1.1.3"), GATE),
        Case::same("another major", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "2.2.3"), GATE),
        Case::same("two numbers", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "1.2"), GATE),
        Case::same("a leading zero", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "1.02.3"), GATE),
        Case::same("a suffix", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "1.2.3-rc1"), GATE),
        Case::same("a line break", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "1.2.3\n"), GATE),
        Case::same("rubbish", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, "rubbish"), GATE),
        Case::same("not UTF-8", |g| Ask::add(g).with(keys::PROTOCOL_VERSION, b"\xff"), GATE),
        Case::same("on init", |g| count(g).with(keys::PROTOCOL_VERSION, "2.0.0"), GATE),
        // A protocol without a version takes whatever comes; it is not on the flat routes.
        Case::differs(
            "to a protocol without one",
            |g| Ask::call(g, "Plain", "hello", "", row([])).with(keys::PROTOCOL_VERSION, "7.7.7"),
            Expected::Skip,
            Expected::Good,
        ),
    ])
    .await;
}

#[tokio::test]
async fn the_gate_says_who_is_older() {
    for (version, direction) in [("1.1.0", "the client is older"), ("2.0.0", "the server is older")] {
        let answer = ask(&service(), Ask::add(Generation::Namespaced).with(keys::PROTOCOL_VERSION, version)).await;
        let failure = answer.expect_failure();
        let mut lines = failure.message.lines().map(str::trim);
        assert!(lines.next().unwrap().contains("for protocol 'Calc'"), "{}", failure.message);
        assert_eq!(lines.next().unwrap(), format!("Client: {version}"));
        assert_eq!(lines.next().unwrap(), "Server: 1.2.3");
        assert!(lines.next().unwrap().starts_with(&format!("Direction: {direction}")), "{}", failure.message);
        let details = failure.details.expect("details");
        assert_eq!(details[0]["@type"], "vgi_rpc.PreconditionFailure");
        assert_eq!(details[0]["violations"][0]["type"], "protocol_version");
        assert_eq!(details[0]["violations"][0]["subject"], "Calc");
        assert_eq!(failure.extra["error_details"], details);
    }
}

#[tokio::test]
async fn introspection_and_turns_are_not_gated() {
    let service = service();
    let describe = Ask::unary(Generation::Flat, "__describe__", row([])).without(keys::PROTOCOL_VERSION);
    assert!(ask(&service, describe).await.failure().is_none());
    let list = Ask::call(Generation::Namespaced, "vgi_rpc.Reflection.v1", "list_protocols", "", row([]));
    assert!(ask(&service, list).await.failure().is_none());
    for generation in both() {
        let opened = ask(&service, Ask::init(generation, "scale", row([("factor", column(2.0))]))).await;
        let turn = Ask::turn(generation, "scale", &opened.tokens(), row([("value", column(1.0))]));
        assert!(!turn.metadata.contains(keys::PROTOCOL_VERSION));
        assert!(ask(&service, turn).await.failure().is_none());
    }
}

#[tokio::test]
async fn extras_of_an_error_repeat_what_is_beside_them() {
    for generation in both() {
        let answer = ask(&service(), Ask::add(generation).without(keys::PROTOCOL_VERSION)).await;
        let failure = answer.expect_failure();
        assert_eq!(failure.extra["error_kind"], json!(failure.kind));
        assert_eq!(failure.extra["error_code"], json!(failure.code));
        assert!(failure.extra["frames"].is_array());
        assert!(!failure.extra["traceback"].as_str().unwrap().is_empty());
    }
}
