//! Log messages of methods: before the result, in order, with everything that belongs to them (§4.3).

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tower_vgi::Result;
use tower_vgi::rpc::{
    CallContext, Exchange, ExchangeState, LogLevel, LogMessage, Method, Output, Producer, ProducerState, Protocol,
    RpcService,
};
use tower_vgi::wire::{AnnotatedBatch, keys};
use tower_vgi::{RpcError, VgiArrow};

use crate::support::{Answer, Ask, Number, Value, ask, both, column, row};

#[derive(Debug, PartialEq, VgiArrow)]
struct Header {
    total: i64,
}

#[derive(Serialize, Deserialize)]
struct Loud {
    next: i64,
}

impl ProducerState for Loud {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        context.log(LogLevel::Info, format!("before {}", self.next));
        if self.next == 2 {
            Err(RpcError::value_error("enough"))?;
        }
        output.emit_rows(&[Number { n: self.next }])?;
        context.log(LogLevel::Debug, format!("after {}", self.next));
        self.next += 1;
        Ok(())
    }
}

impl ExchangeState for Loud {
    async fn exchange(&mut self, context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        context.log(LogLevel::Info, format!("turn {}", self.next));
        self.next += 1;
        output.emit(input.batch)
    }
}

fn service() -> RpcService {
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(Method::unary("tell").parameter::<bool>("fails").handler(|context, params| async move {
            for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
                context.log(level, format!("{level:?} é"));
            }
            let message = LogMessage::new(LogLevel::Info, "with extras").with("rows", 3).with("table", "t");
            context.log_message(message.with("nested", json!({"a": [1, null]})));
            if params.get::<bool>(0)? {
                Err(RpcError::value_error("told"))?;
            }
            Ok(7_i64)
        }))
        .method(Method::producer("loud").rows::<Number>().handler(|context, _| async move {
            context.log(LogLevel::Info, "opening");
            Ok(Producer::new(Loud { next: 0 }))
        }))
        .method(Method::producer("titled").rows::<Number>().handler(|context, _| async move {
            context.log(LogLevel::Info, "opening");
            Ok(Producer::with_header(Loud { next: 0 }, Header { total: 2 }))
        }))
        .method(Method::exchange("talk").rows::<Value, Value>().handler(|context, _| async move {
            context.log(LogLevel::Info, "opening");
            Ok(Exchange::new(Loud { next: 0 }))
        }));
    RpcService::builder().protocol(protocol).server_id("server-1").build().unwrap()
}

/// Rows and logs of a stream in the order in which they came.
fn order(batches: &[AnnotatedBatch]) -> Vec<String> {
    let one = |batch: &AnnotatedBatch| match batch.metadata.get_str(keys::LOG_MESSAGE) {
        Some(text) => text.to_owned(),
        None if batch.metadata.contains(keys::STREAM_STATE) && batch.batch.num_rows() == 0 => "cursor".to_owned(),
        None => format!("{} row(s)", batch.batch.num_rows()),
    };
    batches.iter().map(one).collect()
}

#[tokio::test]
async fn every_level_arrives_in_order_before_the_result_or_the_error() {
    let expected = [
        ("ERROR", "Error é"),
        ("WARN", "Warn é"),
        ("INFO", "Info é"),
        ("DEBUG", "Debug é"),
        ("TRACE", "Trace é"),
        ("INFO", "with extras"),
    ];
    let expected = expected.map(|(level, text)| (level.to_owned(), text.to_owned()));
    let service = service();
    for generation in both() {
        for fails in [false, true] {
            let request = Ask::unary(generation, "tell", row([("fails", column(fails))])).header("x-request-id", "r-1");
            let answer = ask(&service, request).await;
            assert_eq!(answer.logs(), expected);
            let batches = answer.batches();
            assert_eq!(batches.len(), 7);
            assert_eq!(answer.failure().map(|failure| failure.message), fails.then(|| "told".to_owned()));
            for log in &batches[..6] {
                assert_eq!(log.batch.num_rows(), 0);
                assert_eq!(log.metadata.get_str(keys::SERVER_ID), Some("server-1"));
                assert_eq!(log.metadata.get_str(keys::REQUEST_ID), Some("r-1"));
            }
            assert!(!batches[0].metadata.contains(keys::LOG_EXTRA));
            let extras: Json = serde_json::from_str(batches[5].metadata.get_str(keys::LOG_EXTRA).unwrap()).unwrap();
            assert_eq!(extras, json!({"rows": 3, "table": "t", "nested": {"a": [1, null]}}));
        }
    }
}

#[tokio::test]
async fn logs_of_a_step_stand_before_its_batch() {
    let service = service();
    for generation in both() {
        let first = ask(&service, Ask::init(generation, "loud", row([]))).await;
        assert_eq!(order(&first.batches()), ["opening", "before 0", "after 0", "1 row(s)", "cursor"]);
        let second = ask(&service, Ask::tick(generation, "loud", &first.tokens())).await;
        assert_eq!(order(&second.batches()), ["before 1", "after 1", "1 row(s)", "cursor"]);
        assert!(has_no_request_id(&second), "what a stream's state says belongs to the stream");
        let tokens = first.tokens().moved_to(&second.tokens());
        let third = ask(&service, Ask::tick(generation, "loud", &tokens)).await;
        assert_eq!(order(&third.batches()), ["before 2", "ValueError: enough"]);

        let opened = ask(&service, Ask::init(generation, "talk", row([]))).await;
        assert_eq!(order(&opened.batches()), ["opening", "cursor"]);
        let turn = Ask::turn(generation, "talk", &opened.tokens(), row([("value", column(1.0))]));
        assert_eq!(order(&ask(&service, turn).await.batches()), ["turn 0", "1 row(s)"]);
    }
}

fn has_no_request_id(answer: &Answer) -> bool {
    answer.batches().iter().all(|batch| !batch.metadata.contains(keys::REQUEST_ID))
}

#[tokio::test]
async fn where_there_is_a_header_what_was_logged_before_stands_in_front_of_it() {
    for generation in both() {
        let answer = ask(&service(), Ask::init(generation, "titled", row([]))).await;
        let streams = answer.streams();
        assert_eq!(streams.len(), 2);
        assert_eq!(order(&streams[0].1), ["opening", "1 row(s)"]);
        assert_eq!(order(&streams[1].1), ["before 0", "after 0", "1 row(s)", "cursor"]);
        let continued = ask(&service(), Ask::tick(generation, "titled", &answer.tokens())).await;
        assert_eq!(
            continued.failure().map(|failure| failure.exception),
            Some("RuntimeError".to_owned()),
            "another key"
        );
    }
}

#[tokio::test]
async fn a_header_is_sent_once() {
    let service = service();
    for generation in both() {
        let opened = ask(&service, Ask::init(generation, "titled", row([]))).await;
        let (schema, batches) = &opened.streams()[0];
        assert_eq!(schema.field(0).name(), "total");
        let header = <Header as tower_vgi::Record>::from_batch(&batches.last().unwrap().batch, 0).unwrap();
        assert_eq!(header, Header { total: 2 });
        let second = ask(&service, Ask::tick(generation, "titled", &opened.tokens())).await;
        assert_eq!(second.streams().len(), 1);
        assert_eq!(Number::rows_of(&second), [1]);
    }
}
