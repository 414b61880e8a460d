//! What the core tells observers of a call.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower_vgi::CallRecord;
use tower_vgi::call_record::{CallListener, RecordedCall, RefusedToken};
use tower_vgi::rpc::{Call, Operation, RpcService};
use tower_vgi::wire::keys;

use crate::support::{Answer, Ask, Value, both, column, row, service};

/// Sends a request as an observer would, and gives the answer with what is recorded once it has been read.
async fn observe(service: &RpcService, ask: Ask) -> (Answer, RecordedCall) {
    let mut request = ask.request();
    let record = CallRecord::of(request.extensions_mut());
    let response = service.clone().oneshot(request).await.unwrap_or_else(|error: Infallible| match error {});
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Answer { status: parts.status, headers: parts.headers, body }, record.read(RecordedCall::clone))
}

#[tokio::test]
async fn a_unary_call_is_recorded_with_its_traffic() {
    for generation in both() {
        let (_, call) = observe(&service(), Ask::add(generation).header("x-request-id", "id-1")).await;
        let dispatched = call.dispatched.unwrap();
        assert_eq!((&*dispatched.method.protocol, dispatched.method.description.name.as_str()), ("Calc", "add"));
        assert_eq!((dispatched.operation, dispatched.generation), (Operation::Unary, generation));
        assert_eq!((dispatched.request_id.to_str().unwrap(), dispatched.request_rows), ("id-1", 1));
        assert_eq!((call.input.batches, call.input.rows, call.input.bytes), (1, 1, 16));
        assert_eq!((call.output.batches, call.output.rows, call.output.bytes), (1, 1, 8));
        assert!(call.error.is_none() && call.stream_id.is_none() && !call.cancelled && call.auth.is_none());
    }
}

#[tokio::test]
async fn a_protocol_has_one_hash_however_it_is_called() {
    let service = service();
    let mut hashes = Vec::new();
    for generation in both() {
        let hash = observe(&service, Ask::add(generation)).await.1.dispatched.unwrap().method.protocol_hash.clone();
        assert_eq!(hash.len(), 64);
        hashes.push(hash);
    }
    assert_eq!(hashes[0], hashes[1]);
}

#[tokio::test]
async fn errors_of_methods_and_refusals_are_recorded() {
    for generation in both() {
        let failing = Ask::unary(generation, "fail", row([("kind", column("luck".to_owned()))]));
        let (_, call) = observe(&service(), failing).await;
        assert_eq!(call.error.unwrap().to_string(), "ValueError: no luck");
        assert!(call.dispatched.is_some());

        for refused in
            [Ask::add(generation).content_type(Some("text/plain")), Ask::add(generation).without(keys::METHOD)]
        {
            let (answer, call) = observe(&service(), refused).await;
            assert_eq!(call.error.unwrap().status(), answer.status);
            assert!(call.dispatched.is_none());
        }
    }
}

#[tokio::test]
async fn all_requests_of_a_stream_share_its_id() {
    for generation in both() {
        let service = service();
        let (answer, opened) = observe(&service, Ask::init(generation, "scale", row([("factor", column(2.0))]))).await;
        let tokens = answer.tokens();
        let batch = row([("value", column(4.0))]);
        let (answer, turn) = observe(&service, Ask::turn(generation, "scale", &tokens, batch)).await;
        assert_eq!(Value::rows_of(&answer), [Value { value: 8.0 }]);
        let cancel = Ask::tick(generation, "scale", &tokens).with(keys::CANCEL, "1");
        let (_, cancelled) = observe(&service, cancel).await;

        assert!(opened.stream_id.is_some());
        assert_eq!([turn.stream_id, cancelled.stream_id], [opened.stream_id; 2]);
        assert_eq!([opened.cancelled, turn.cancelled, cancelled.cancelled], [false, false, true]);
        assert_eq!((turn.input.batches, turn.input.rows, turn.output.batches, turn.output.rows), (1, 1, 1, 1));
        assert_eq!((opened.output.batches, cancelled.input.batches), (0, 0));
        let length = |token: &Option<String>| token.as_ref().map(|token| token.len() as u64);
        assert_eq!((opened.request_state_bytes, opened.response_state_bytes), (None, length(&tokens.cursor)));
        assert_eq!(turn.request_state_bytes, length(&tokens.cursor));
        assert!(turn.response_state_bytes.is_some() && cancelled.response_state_bytes.is_none());
    }
}

#[tokio::test]
async fn a_streamed_producer_is_recorded_to_its_last_batch() {
    for (fails_at, batches) in [(-1_i64, 5), (3, 3)] {
        for generation in both() {
            let parameters = row([("n", column(5_i64)), ("fails_at", column(fails_at))]);
            let ask = Ask::init(generation, "count", parameters).header("vgi-accept-producer-stream", "true");
            let (_, call) = observe(&service(), ask).await;
            assert_eq!((call.output.batches, call.output.rows), (batches, batches));
            assert_eq!(
                call.error.map(|error| error.to_string()),
                (fails_at > 0).then(|| "ValueError: no 3".to_owned())
            );
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_believed_is_recorded() {
    for generation in both() {
        let (answer, _) = observe(
            &service(),
            Ask::init(generation, "count", row([("n", column(5_i64)), ("fails_at", column(-1_i64))])),
        )
        .await;
        let mut tokens = answer.tokens();
        tokens.cursor = tokens.cursor.map(|cursor| cursor.replace("A", "B").replace("c", "d"));
        let (answer, call) = observe(&service(), Ask::tick(generation, "count", &tokens)).await;
        assert_eq!(answer.status, 400);
        assert_eq!((call.refused_token, call.stream_id), (Some(RefusedToken::Stream), None));
    }
}

#[tokio::test]
async fn the_caller_is_recorded() {
    let mut request = Ask::add(both()[0]).request();
    request.extensions_mut().insert(tower_vgi::AuthContext::authenticated("jwt", "alice").with_claim("team", "red"));
    let record = CallRecord::of(request.extensions_mut());
    let _ = service().oneshot(request).await;
    record.read(|call| assert_eq!(call.auth.as_ref().unwrap().principal, "alice"));
}

#[tokio::test]
async fn all_who_listen_are_told_of_a_call_in_their_order_and_once() {
    struct Listener(&'static str, Arc<Mutex<Vec<String>>>);
    impl CallListener for Listener {
        fn dispatched(&self, _call: &Call, record: &CallRecord) {
            let method = record.read(|call| call.dispatched.as_ref().unwrap().method.description.name.clone());
            self.1.lock().unwrap().push(format!("{} {method}", self.0));
        }
    }
    for generation in both() {
        let told = Arc::default();
        let mut request = Ask::add(generation).request();
        let record = CallRecord::of(request.extensions_mut());
        for name in ["first", "second", "third"] {
            record.listen(Arc::new(Listener(name, Arc::clone(&told))));
        }
        let _ = service().oneshot(request).await;
        assert_eq!(*told.lock().unwrap(), ["first add", "second add", "third add"]);
    }
}
