//! What a line says.

use serde_json::json;
use tower_vgi::call_record::{RecordedSession, RefusedToken, SessionAction, SpanIds};
use tower_vgi::{AuthContext, ErrorCode, RpcError};

use super::*;

/// A line without what is different every time.
async fn stable(say: impl Fn(&mut RecordedCall)) -> Value {
    let mut line = line(say).await;
    let members = line.as_object_mut().unwrap();
    let timestamp = members.remove("timestamp").unwrap();
    assert_eq!(timestamp.as_str().unwrap().len(), "2026-04-26T15:30:45.123Z".len());
    assert!(members.remove("duration_ms").unwrap().as_f64().unwrap() >= 0.0);
    let hash = members.remove("protocol_hash").unwrap();
    assert_eq!(hash.as_str().unwrap().len(), 64);
    line
}

#[tokio::test]
async fn a_call_that_went_well() {
    let line = stable(|call| call.dispatched = Some(add())).await;
    let expected = json!({
        "level": "INFO", "logger": "vgi_rpc.access", "message": "Calc.add ok",
        "server_id": "node-1", "protocol": "Calc", "method": "add", "method_type": "unary",
        "principal": "", "auth_domain": "", "authenticated": false, "remote_addr": "10.0.0.7:4242",
        "status": "ok", "error_type": "", "http_status": 200, "request_id": "id-1",
        "request_fields": [{"name": "a", "type": "float64"}, {"name": "b \"quoted\"", "type": "list<item?:int32>"}],
        "request_rows": 1,
        "input_batches": 0, "input_rows": 0, "input_bytes": 0, "output_batches": 0, "output_rows": 0, "output_bytes": 0,
        "request_bytes": 4, "response_bytes": 5,
    });
    assert_eq!(line, expected);
}

#[tokio::test]
async fn what_is_known_besides_is_written() {
    let line = stable(|call| {
        call.dispatched = Some(add());
        let auth = AuthContext::authenticated("jwt", "al\"ice\n");
        call.auth = Some(auth.with_claim("team", "red").with_claim("email", "a@example.org"));
        call.session = Some(RecordedSession::new(SessionAction::Opened, "0123456789abcdef01234567"));
        call.span = Some(SpanIds { trace_id: [0xab; 16], span_id: [0x01; 8] });
        call.externalized_output_bytes = 1 << 30;
        call.externalized_input_bytes = 7;
    })
    .await;
    for (name, expected) in [
        ("principal", json!("al\"ice\n")),
        ("auth_domain", json!("jwt")),
        ("authenticated", json!(true)),
        ("claims", json!({"team": "red", "email": "[redacted]"})),
        ("session_action", json!("open")),
        ("session_id", json!("0123456789abcdef01234567")),
        ("trace_id", json!("abababababababababababababababab")),
        ("span_id", json!("0101010101010101")),
        ("externalized_bytes", json!(1 << 30)),
        ("tower_vgi_fetched_bytes", json!(7)),
    ] {
        assert_eq!(line[name], expected, "{name}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_there_has_no_id() {
    let line = line(|call| {
        call.dispatched = Some(add());
        call.session = Some(RecordedSession::none());
    })
    .await;
    assert_eq!((&line["session_action"], line.get("session_id")), (&json!("none"), None));
}

#[tokio::test]
async fn errors_have_their_code_and_the_status_that_was_hidden() {
    let line = line(|call| {
        call.dispatched = Some(add());
        let text = "GET https://u:p@h/o?X-Amz-Signature=abc failed";
        call.error = Some(RpcError::value_error(text).with_code(ErrorCode::Unavailable));
    })
    .await;
    assert_eq!((&line["status"], &line["message"]), (&json!("error"), &json!("Calc.add error")));
    assert_eq!((&line["error_type"], &line["error_code"]), (&json!("ValueError"), &json!("UNAVAILABLE")));
    assert_eq!(line["error_message"], "GET https://…@h/o?… failed");
    assert_eq!(line["http_status"], 500);
}

/// As with what is said where a layer around the call has panicked.
#[tokio::test]
async fn an_answer_that_tells_no_error_is_one_by_its_status() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone());
    let service = layer.layer(service_fn(|request: Request<RequestBody<Body>>| {
        CallRecord::update_in(request.extensions(), |call| call.dispatched = Some(add()));
        let response = Response::builder().status(500).body(Body::from("12345"));
        async { Ok::<_, Infallible>(response.unwrap()) }
    }));
    service.oneshot(Request::new(Body::empty())).await.unwrap().into_body().collect().await.unwrap();
    layer.flush();
    let line = &written.lines()[0];
    assert_eq!((&line["status"], &line["message"]), (&json!("error"), &json!("Calc.add error")));
    assert_eq!((&line["error_type"], &line["error_code"]), (&json!("RuntimeError"), &json!("INTERNAL")));
    assert_eq!((&line["error_message"], &line["http_status"]), (&json!("answered with the status 500"), &json!(500)));
}

#[tokio::test]
async fn an_error_always_has_a_text() {
    let line = line(|call| {
        call.dispatched = Some(add());
        call.error = Some(RpcError::runtime_error(""));
    })
    .await;
    assert_eq!(line["error_message"], "RuntimeError");
}

#[tokio::test]
async fn all_lines_of_a_stream_have_its_id_and_only_the_first_its_parameters() {
    for (operation, first) in [(Operation::Init, true), (Operation::Turn, false), (Operation::Cancel, false)] {
        let line = line(|call| {
            call.dispatched = Some(super::call("count", operation, Generation::Namespaced));
            call.stream_id = Some([0xcd; 16]);
            call.cancelled = operation == Operation::Cancel;
            call.request_state_bytes = Some(40);
            call.response_state_bytes = Some(41);
        })
        .await;
        assert_eq!((&line["method_type"], &line["status"]), (&json!("stream"), &json!("ok")));
        assert_eq!(line["stream_id"], "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd");
        assert_eq!(line.get("request_fields").is_some(), first);
        assert_eq!(line.get("request_rows").is_some(), first);
        assert_eq!(line.get("cancelled"), (operation == Operation::Cancel).then_some(&json!(true)));
        assert_eq!((&line["request_state_bytes"], &line["response_state_bytes"]), (&json!(40), &json!(41)));
    }
}

#[tokio::test]
async fn a_stream_that_never_was_has_an_id_too() {
    let line = line(|call| {
        call.dispatched = Some(super::call("count", Operation::Init, Generation::Namespaced));
        call.error = Some(RpcError::runtime_error("too many calls"));
    })
    .await;
    assert_eq!(line["stream_id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn a_flat_call_says_that_its_payload_is_left_out() {
    let line = line(|call| call.dispatched = Some(super::call("add", Operation::Unary, Generation::Flat))).await;
    assert_eq!((&line["truncated"], &line["original_request_bytes"]), (&json!(true), &json!(4)));
}

#[tokio::test]
async fn a_caller_that_does_not_wait_has_cancelled() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone());
    let service = layer.layer(service_fn(async |request: Request<RequestBody<Body>>| {
        CallRecord::update_in(request.extensions(), |call| {
            call.dispatched = Some(super::call("count", Operation::Turn, Generation::Namespaced));
        });
        Ok::<_, Infallible>(Response::new(Body::from("never read")))
    }));
    drop(service.oneshot(Request::new(Body::empty())).await.unwrap());
    layer.flush();
    let line = &written.lines()[0];
    assert_eq!((&line["status"], &line["error_code"]), (&json!("error"), &json!("CANCELLED")));
    assert_eq!((&line["cancelled"], &line["response_bytes"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn what_is_no_call_has_no_line() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone());
    send(&layer, |_| {}).await;
    send(&layer, |call| call.error = Some(RpcError::runtime_error("refused"))).await;
    send(&layer, |call| {
        call.dispatched = Some(super::call("count", Operation::Turn, Generation::Flat));
        call.refused_token = Some(RefusedToken::Stream);
    })
    .await;
    layer.flush();
    assert!(written.lines().is_empty());
}

#[tokio::test]
async fn a_line_that_is_too_long_loses_what_it_need_not_have() {
    for (max, claims, truncated) in [
        (8192, json!({"a": "x".repeat(2000)}), None),
        (2000, json!({}), Some(json!(true))),
        (700, Value::Null, Some(json!("record_too_large"))),
    ] {
        let written = Written::default();
        let layer = AccessLogLayer::to_writer(info(), written.clone()).max_record_bytes(max);
        send(&layer, |call| {
            call.dispatched = Some(add());
            call.auth = Some(AuthContext::authenticated("jwt", "alice").with_claim("a", "x".repeat(2000)));
            call.error = Some(RpcError::runtime_error("y".repeat(200)));
        })
        .await;
        layer.flush();
        let line = &written.lines()[0];
        assert_eq!((&line["claims"], line.get("truncated")), (&claims, truncated.as_ref()));
        assert_eq!((line["error_message"].as_str().unwrap().len(), &line["principal"]), (200, &json!("alice")));
    }
}

/// The errors of a method are as long as it likes, and so may be who calls.
#[tokio::test]
async fn a_text_of_any_length_has_room_in_a_line() {
    for text in ["é".repeat(5 << 20), "\u{1}".repeat(10 << 20)] {
        let written = Written::default();
        let layer = AccessLogLayer::to_writer(info(), written.clone());
        send(&layer, |call| {
            call.dispatched = Some(add());
            call.auth = Some(AuthContext::authenticated(&text, &text));
            call.error = Some(RpcError::new(text.clone(), &text));
        })
        .await;
        layer.flush();
        assert!(written.0.lock().unwrap().len() <= DEFAULT_MAX_RECORD_BYTES);
        let line = &written.lines()[0];
        assert_eq!(line["truncated"], "record_too_large");
        for name in ["error_type", "error_message", "principal", "auth_domain"] {
            let shown = line[name].as_str().unwrap();
            assert!(shown.len() > 30_000 && text.starts_with(shown), "{name}: {}", shown.len());
        }
    }
}

/// What says which claims are shown may do anything, such as a call that is logged as well.
#[test]
fn a_line_may_be_written_while_one_is_written() {
    let inner = Written::default();
    let layer = AccessLogLayer::to_writer(info(), inner.clone());
    let (log, outer) = (layer.clone(), Written::default());
    let shows = move |_: &str| {
        futures_util::FutureExt::now_or_never(send(&log, |call| call.dispatched = Some(add()))).is_some()
    };
    let outside = AccessLogLayer::to_writer(info(), outer.clone()).show_claims(shows);
    futures_util::FutureExt::now_or_never(send(&outside, |call| {
        call.dispatched = Some(add());
        call.auth = Some(AuthContext::authenticated("jwt", "alice").with_claim("team", "red"));
    }))
    .unwrap();
    layer.flush();
    outside.flush();
    assert_eq!((inner.lines().len(), &outer.lines()[0]["claims"]), (1, &json!({"team": "red"})));
}
