//! Which calls are written where not all are.

use serde_json::json;
use tower_vgi::RpcError;

use super::*;

#[tokio::test]
async fn a_share_of_the_calls_is_written_and_says_so() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone()).sample(0.25).unwrap();
    for index in 0..400 {
        let id = format!("request-{index}");
        send(&layer, |call| call.dispatched = Some(with_id(add(), &id))).await;
    }
    layer.flush();
    let lines = written.lines();
    assert!((60..140).contains(&lines.len()), "{}", lines.len());
    assert!(lines.iter().all(|line| line["sample_rate"] == json!(0.25)));
}

#[tokio::test]
async fn errors_are_always_written() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone()).sample(0.0).unwrap();
    for _ in 0..10 {
        send(&layer, |call| call.dispatched = Some(add())).await;
        send(&layer, |call| {
            call.dispatched = Some(add());
            call.error = Some(RpcError::runtime_error("no"));
        })
        .await;
    }
    layer.flush();
    let lines = written.lines();
    assert_eq!(lines.len(), 10);
    assert!(lines.iter().all(|line| line["status"] == "error" && line.get("sample_rate").is_none()));
}

#[tokio::test]
async fn all_requests_of_a_stream_share_its_fate() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone()).sample(0.5).unwrap();
    for stream in 0..40_u8 {
        for turn in 0..3 {
            let id = format!("{stream}-{turn}");
            let dispatched = call("count", Operation::Turn, Generation::Namespaced);
            send(&layer, |call| {
                call.dispatched = Some(with_id(dispatched.clone(), &id));
                call.stream_id = Some([stream; 16]);
            })
            .await;
        }
    }
    layer.flush();
    let ids: Vec<String> = written.lines().iter().map(|line| line["stream_id"].to_string()).collect();
    assert!(ids.chunks(3).all(|turns| turns.len() == 3 && turns.iter().all(|id| *id == turns[0])), "{ids:?}");
    assert!((30..90).contains(&ids.len()), "{}", ids.len());
}
