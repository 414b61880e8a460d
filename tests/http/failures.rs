//! Calls that fail in the method (§1.4): status 200, the error in band, `X-VGI-RPC-Error`.

use serde_json::json;
use std::time::Duration;
use tower_vgi::rpc::{Generation, Method, Protocol, RpcService};
use tower_vgi::{ErrorCode, ErrorDetail, RpcError};

use crate::support::{Ask, Case, Expected, ask, both, check, column, row, service};

fn fail(generation: Generation, kind: &str) -> Ask {
    Ask::unary(generation, "fail", row([("kind", column(kind.to_owned()))]))
}

fn count(generation: Generation, n: i64, fails_at: i64) -> Ask {
    Ask::init(generation, "count", row([("n", column(n)), ("fails_at", column(fails_at))]))
}

#[tokio::test]
async fn errors_of_methods_keep_their_type_and_text() {
    check(&[
        Case::same("an error of ours", |g| fail(g, "luck"), Expected::failed("ValueError", "no luck")),
        Case::same("a TypeError", |g| fail(g, "type"), Expected::failed("TypeError", "no such thing")),
        Case::same("any error", |g| fail(g, "parse"), Expected::failed("ParseIntError", "invalid digit")),
        Case::same("on init", |g| count(g, -1, -1), Expected::failed("ValueError", "must not be negative")),
        Case::same("in a producer's first step", |g| count(g, 3, 0), Expected::failed("ValueError", "no 0")),
    ])
    .await;
}

#[tokio::test]
async fn an_error_stands_on_the_schema_that_the_answer_would_have_had() {
    let service = service();
    for generation in both() {
        let schema = ask(&service, fail(generation, "luck")).await.schema();
        assert_eq!(schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["result"]);
        assert!(ask(&service, count(generation, -1, -1)).await.schema().fields().is_empty(), "init");

        let opened = ask(&service, count(generation, 3, 1)).await;
        let turn = ask(&service, Ask::tick(generation, "count", &opened.tokens())).await;
        assert_eq!(turn.schema().field(0).name(), "n");
        assert!(turn.says_error() && !turn.goes_on());

        let opened = ask(&service, Ask::init(generation, "scale", row([("factor", column(1.0))]))).await;
        let wrong = Ask::turn(generation, "scale", &opened.tokens(), row([("zz", column(1.0))]));
        let wrong = ask(&service, wrong).await;
        assert_eq!(wrong.schema().field(0).name(), "value");
        let failure = wrong.expect_failure();
        assert_eq!(failure.exception, "TypeError");
        assert_eq!(failure.message, "Input schema mismatch: expected value: Float64, got zz: Float64");
        assert!(wrong.says_error());
    }
}

#[tokio::test]
async fn the_input_of_an_exchange_is_converted_where_nothing_is_lost() {
    let service = service();
    for generation in both() {
        let opened = ask(&service, Ask::init(generation, "scale", row([("factor", column(2.0))]))).await;
        let good = Ask::turn(generation, "scale", &opened.tokens(), row([("value", column(4_i64))]));
        let values = crate::support::Value::rows_of(&ask(&service, good).await);
        assert_eq!(values, [crate::support::Value { value: 8.0 }]);
        let text = Ask::turn(generation, "scale", &opened.tokens(), row([("value", column("4".to_owned()))]));
        assert!(ask(&service, text).await.expect_failure().message.starts_with("Input schema mismatch"));
        let more = row([("value", column(4.0)), ("more", column(4.0))]);
        let more = Ask::turn(generation, "scale", &opened.tokens(), more);
        assert!(ask(&service, more).await.expect_failure().message.starts_with("Input schema mismatch"));
    }
}

fn rich() -> RpcService {
    let error = || {
        RpcError::new("QuotaError", "used up")
            .with_code(ErrorCode::ResourceExhausted)
            .with_kind("quota")
            .with_cause("the disk is full")
            .with_detail(ErrorDetail::retry_info(Duration::from_secs(2)))
            .with_detail(ErrorDetail::quota_failure("user:1", "100 a day"))
    };
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(Method::unary("quota").handler(move |_, _| async move { Err::<i64, _>(error().into()) }));
    RpcService::builder().protocol(protocol).server_id("server-1").build().unwrap()
}

#[tokio::test]
async fn kind_code_details_cause_and_ids_reach_the_wire() {
    for generation in both() {
        let request = Ask::unary(generation, "quota", row([])).header("x-request-id", "request-1");
        let answer = ask(&rich(), request).await;
        let failure = answer.expect_failure();
        assert_eq!((failure.kind.as_deref(), failure.code.as_str()), (Some("quota"), "RESOURCE_EXHAUSTED"));
        let details = json!([
            {"@type": "vgi_rpc.RetryInfo", "retry_delay_seconds": 2},
            {"@type": "vgi_rpc.QuotaFailure", "violations": [{"subject": "user:1", "description": "100 a day"}]},
        ]);
        assert_eq!(failure.details, Some(details));
        assert_eq!(failure.extra["cause"], "the disk is full");
        assert_eq!(failure.metadata.get_str("vgi_rpc.server_id"), Some("server-1"));
        assert_eq!(failure.metadata.get_str("vgi_rpc.request_id"), Some("request-1"));
    }
}

#[tokio::test]
async fn tracebacks_are_there_unless_switched_off() {
    for generation in both() {
        let failure = ask(&service(), fail(generation, "luck")).await.expect_failure();
        assert!(failure.extra["traceback"].as_str().unwrap().starts_with("ValueError: no luck"));
        let quiet = crate::support::builder().tracebacks(false).build().unwrap();
        let failure = ask(&quiet, fail(generation, "luck")).await.expect_failure();
        assert!(failure.extra.get("traceback").is_none());
        assert_eq!(failure.message, "no luck");
    }
}

#[tokio::test]
async fn a_refusal_says_in_its_head_too_when_to_try_again() {
    let busy = RpcError::runtime_error("busy")
        .with_status(http::StatusCode::SERVICE_UNAVAILABLE)
        .with_detail(ErrorDetail::retry_info(Duration::from_millis(2500)));
    let protocol = Protocol::new("Calc").version("1.2.3").method(Method::unary("busy").handler(move |_, _| {
        let busy = busy.clone();
        async move { Err::<i64, _>(busy.into()) }
    }));
    let service = RpcService::builder().protocol(protocol).build().unwrap();
    for generation in both() {
        let answer = ask(&service, Ask::unary(generation, "busy", row([]))).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("3")));
    }
    // What keeps status 200 is no refusal, and says it in its details only.
    let answer = ask(&rich(), Ask::unary(Generation::Flat, "quota", row([]))).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (200, None));
}
