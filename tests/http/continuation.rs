//! Streams turn by turn: producers, exchanges, their ends, and schemas that are known at run time only (§5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use tower_vgi::Result;
use tower_vgi::rpc::{
    CallContext, Exchange, ExchangeState, Generation, Method, Output, Producer, ProducerState, Protocol, RpcService,
    TokenKeys,
};
use tower_vgi::wire::{AnnotatedBatch, Metadata, keys};

use crate::support::{Answer, Ask, Number, Tokens, ask, both, builder, column, row};

fn numbers(generation: Generation, method: &str, n: i64) -> Ask {
    Ask::init(generation, method, row([("n", column(n))]))
}

/// Reads a producer to its end; gives all responses.
async fn drain(service: &RpcService, generation: Generation, method: &str, n: i64) -> Vec<Answer> {
    let mut answers = vec![ask(service, numbers(generation, method, n)).await];
    let opened = answers[0].tokens();
    let mut tokens = opened.clone();
    while answers.last().unwrap().goes_on() {
        let answer = ask(service, Ask::tick(generation, method, &tokens)).await;
        tokens = opened.moved_to(&answer.tokens());
        answers.push(answer);
        assert!(answers.len() < 100, "the stream does not end");
    }
    answers
}

/// Says nothing more in the step of its last batch.
#[derive(Serialize, Deserialize)]
struct Prompt(i64, i64);

impl ProducerState for Prompt {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        output.emit_rows(&[Number { n: self.0 }])?;
        self.0 += 1;
        if self.0 == self.1 { output.finish() } else { Ok(()) }
    }
}

/// Notices in a step of its own that there is no more.
#[derive(Serialize, Deserialize)]
struct Late(i64, i64);

impl ProducerState for Late {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.0 == self.1 {
            return output.finish();
        }
        output.emit_rows(&[Number { n: self.0 }])?;
        self.0 += 1;
        Ok(())
    }
}

/// Breaks a rule, by number.
#[derive(Serialize, Deserialize)]
struct Wrong(i64);

impl ProducerState for Wrong {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        match self.0 {
            0 => Ok(()),
            1 => {
                output.emit_rows(&[Number { n: 1 }])?;
                output.emit_rows(&[Number { n: 2 }])
            }
            2 => output.emit(row([("m", column(1_i64))])),
            3 => output.emit(row([("n", column("text".to_owned()))])),
            _ => {
                let batch = row([("n", column(1_i64))]);
                output.emit_with_metadata(batch, Metadata::from_iter([(keys::STREAM_STATE, "mine")]))
            }
        }
    }
}

impl ExchangeState for Wrong {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        match self.0 {
            0 => Ok(()),
            1 => {
                output.emit(input.batch.clone())?;
                output.emit(input.batch)
            }
            _ => output.finish(),
        }
    }
}

/// Says what it was asked with.
#[derive(Serialize, Deserialize)]
struct Ticks;

impl ProducerState for Ticks {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        let metadata = context.metadata();
        let app = metadata.get_str("app").unwrap_or("none");
        let leaked = [keys::STREAM_STATE, keys::CALL_STATE, keys::CANCEL].iter().any(|key| metadata.contains(key));
        assert!(!leaked, "tokens are not the method's");
        let text = format!("{app} {}", metadata.get_str(keys::METHOD).unwrap_or("none"));
        let array: ArrayRef = Arc::new(StringArray::from(vec![text]));
        output.emit(RecordBatch::try_new(output.schema().clone(), vec![array])?)
    }
}

/// Answers with what came, and how often it was asked.
#[derive(Serialize, Deserialize)]
struct Echo(i64);

impl ExchangeState for Echo {
    async fn exchange(&mut self, context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        self.0 += 1;
        assert!(!input.metadata.contains(keys::STREAM_STATE) && !context.metadata().contains(keys::CALL_STATE));
        let mut metadata = input.metadata;
        metadata.insert("turn", self.0.to_string());
        output.emit_with_metadata(input.batch, metadata)
    }
}

fn text_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]))
}

fn protocol() -> Protocol {
    let n = |params: &tower_vgi::rpc::Params| params.get::<i64>(0);
    Protocol::new("Calc")
        .version("1.2.3")
        .method(
            Method::producer("prompt")
                .parameter::<i64>("n")
                .rows::<Number>()
                .handler(move |_, params| async move { Ok(Producer::new(Prompt(0, n(&params)?))) }),
        )
        .method(
            Method::producer("late")
                .parameter::<i64>("n")
                .rows::<Number>()
                .handler(move |_, params| async move { Ok(Producer::new(Late(0, n(&params)?))) }),
        )
        .method(
            Method::producer("wrong")
                .parameter::<i64>("n")
                .rows::<Number>()
                .handler(move |_, params| async move { Ok(Producer::new(Wrong(n(&params)?))) }),
        )
        .method(
            Method::exchange("wrong_turn")
                .parameter::<i64>("n")
                .rows::<Number, Number>()
                .handler(move |_, params| async move { Ok(Exchange::new(Wrong(n(&params)?))) }),
        )
        .method(
            Method::producer("ticks")
                .parameter::<i64>("n")
                .output(text_schema())
                .handler(|_, _| async { Ok(Producer::new(Ticks)) }),
        )
        .method(
            Method::exchange("echo")
                .parameter::<i64>("n")
                .rows::<Number, Number>()
                .handler(|_, _| async { Ok(Exchange::new(Echo(0))) }),
        )
        .method(Method::producer("shaped").parameter::<i64>("n").handler(move |_, params| async move {
            let n = n(&params)?;
            let fields: Vec<Field> = (0..n).map(|i| Field::new(format!("c{i}"), DataType::Int64, true)).collect();
            Ok(Producer::new(Shaped(0)).with_schema(Arc::new(Schema::new(fields))))
        }))
        .method(Method::exchange("reshaped").parameter::<i64>("n").handler(move |_, params| async move {
            let name = format!("c{}", n(&params)?);
            let schema = |data_type| Arc::new(Schema::new(vec![Field::new(&name, data_type, true)]));
            Ok(Exchange::new(Reshaped).with_schemas(schema(DataType::Int64), schema(DataType::Utf8)))
        }))
        .method(
            Method::producer("shapeless").parameter::<i64>("n").handler(|_, _| async { Ok(Producer::new(Late(0, 1))) }),
        )
}

fn service() -> RpcService {
    RpcService::builder().protocol(protocol()).build().unwrap()
}

#[tokio::test]
async fn a_producer_takes_one_step_a_response_and_ends_without_a_token() {
    let service = service();
    for generation in both() {
        let answers = drain(&service, generation, "prompt", 3).await;
        let rows: Vec<Vec<i64>> = answers.iter().map(Number::rows_of).collect();
        assert_eq!(rows, [[0], [1], [2]], "the last batch and the end in one step");
        let answers = drain(&service, generation, "late", 3).await;
        let rows: Vec<Vec<i64>> = answers.iter().map(Number::rows_of).collect();
        assert_eq!(rows, [vec![0], vec![1], vec![2], vec![]], "the end in a step of its own");
        let answers = drain(&service, generation, "late", 0).await;
        assert_eq!((answers.len(), answers[0].batches().len()), (1, 0), "nothing at all");
    }
}

#[tokio::test]
async fn the_call_token_comes_with_the_first_cursor_only() {
    let service = service();
    for generation in both() {
        let answers = drain(&service, generation, "prompt", 3).await;
        let last = answers[0].batches().pop().unwrap();
        assert_eq!(last.batch.num_rows(), 0, "a cursor behind the data");
        assert!(last.metadata.contains(keys::STREAM_STATE) && last.metadata.contains(keys::CALL_STATE));
        for answer in &answers[1..] {
            assert!(answer.batches().iter().all(|batch| !batch.metadata.contains(keys::CALL_STATE)));
        }
    }
}

#[tokio::test]
async fn steps_that_break_the_rules_are_errors() {
    let service = service();
    let texts = [
        "has to emit a batch or call finish()",
        "may emit one batch only",
        "has the columns [m], the stream declares [n]",
        "does not fit the stream's schema",
        "is reserved",
    ];
    for generation in both() {
        for (n, text) in (0..).zip(texts) {
            let answer = ask(&service, numbers(generation, "wrong", n)).await;
            let message = answer.expect_failure().message;
            assert!(message.contains(text), "{message}");
            assert!(answer.says_error() && !answer.goes_on());
        }
        let texts = ["has to emit exactly one batch", "may emit one batch only", "finish() is for producers"];
        for (n, text) in (0..).zip(texts) {
            let opened = ask(&service, numbers(generation, "wrong_turn", n)).await;
            let turn = Ask::turn(generation, "wrong_turn", &opened.tokens(), row([("n", column(1_i64))]));
            let answer = ask(&service, turn).await;
            let message = answer.expect_failure().message;
            assert!(message.contains(text), "{message}");
            assert!(answer.says_error() && !answer.goes_on());
        }
    }
}

fn text_of(answer: &Answer) -> String {
    let data = answer.data();
    data[0].batch.column(0).as_any().downcast_ref::<StringArray>().unwrap().value(0).to_owned()
}

/// §5.3: what a step sees as the metadata of its tick.
#[tokio::test]
async fn ticks_carry_the_metadata_that_each_generation_has() {
    let service = service();
    for (generation, continued) in [(Generation::Flat, "none none"), (Generation::Namespaced, "two none")] {
        let opened = ask(&service, numbers(generation, "ticks", 0).with("app", "one")).await;
        assert_eq!(text_of(&opened), "one ticks", "the init request's, its envelope included");
        let tick = Ask::tick(generation, "ticks", &opened.tokens()).with("app", "two");
        assert_eq!(text_of(&ask(&service, tick).await), continued);
    }
}

#[tokio::test]
async fn an_exchange_answers_batch_for_batch_with_the_cursor_on_the_data() {
    let service = service();
    for generation in both() {
        let opened = ask(&service, numbers(generation, "echo", 0)).await;
        let batches = opened.batches();
        assert_eq!((batches.len(), batches[0].batch.num_rows()), (1, 0), "one cursor and nothing else");
        let mut tokens = opened.tokens();
        for turn in 1..4 {
            let batch = row([("n", column(turn))]);
            let answer = ask(&service, Ask::turn(generation, "echo", &tokens, batch).with("app", "mine")).await;
            let batches = answer.batches();
            assert_eq!(batches.len(), 1);
            assert_eq!(batches[0].metadata.get_str("app"), Some("mine"), "the application's keys pass");
            assert_eq!(batches[0].metadata.get_str("turn"), Some(turn.to_string().as_str()));
            assert_eq!(Number::rows_of(&answer), [turn]);
            tokens = tokens.moved_to(&Tokens::of(&batches[0].metadata));
        }
        // An answer without rows is an answer, and carries the cursor too.
        let empty = row([("n", column(1_i64))]).slice(0, 0);
        let answer = ask(&service, Ask::turn(generation, "echo", &tokens, empty)).await;
        assert_eq!((answer.batches().len(), answer.data().len(), answer.goes_on()), (1, 0, true));
    }
}

static CANCELLED: AtomicUsize = AtomicUsize::new(0);

#[derive(Serialize, Deserialize)]
struct Cancellable;

impl ProducerState for Cancellable {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        output.emit_rows(&[Number { n: 0 }])
    }

    async fn cancel(&mut self, context: &CallContext) {
        assert_eq!(context.method().name, "cancellable");
        CANCELLED.fetch_add(1, Ordering::SeqCst);
    }
}

impl ExchangeState for Cancellable {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        output.emit(input.batch)
    }

    async fn cancel(&mut self, _context: &CallContext) {
        CANCELLED.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_cancel_reaches_the_state_and_answers_with_an_empty_stream() {
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(
            Method::producer("cancellable").rows::<Number>().handler(|_, _| async { Ok(Producer::new(Cancellable)) }),
        )
        .method(
            Method::exchange("exchange_cancellable")
                .rows::<Number, Number>()
                .handler(|_, _| async { Ok(Exchange::new(Cancellable)) }),
        );
    let service = RpcService::builder().protocol(protocol).build().unwrap();
    for generation in both() {
        for method in ["cancellable", "exchange_cancellable"] {
            let tokens = ask(&service, Ask::init(generation, method, row([]))).await.tokens();
            for value in ["1", ""] {
                let before = CANCELLED.load(Ordering::SeqCst);
                let answer = ask(&service, Ask::tick(generation, method, &tokens).with(keys::CANCEL, value)).await;
                assert_eq!(CANCELLED.load(Ordering::SeqCst), before + 1);
                assert_eq!((answer.status.as_u16(), answer.batches().len()), (200, 0));
                assert_eq!(answer.schema().field(0).name(), "n");
            }
        }
    }
}

/// As many columns as it was told.
#[derive(Serialize, Deserialize)]
struct Shaped(i64);

impl ProducerState for Shaped {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        let schema = output.schema().clone();
        let columns: Vec<ArrayRef> =
            schema.fields().iter().map(|_| Arc::new(Int64Array::from(vec![self.0])) as _).collect();
        self.0 += 1;
        output.emit(RecordBatch::try_new(schema, columns)?)
    }
}

#[derive(Serialize, Deserialize)]
struct Reshaped;

impl ExchangeState for Reshaped {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let column = arrow_cast::cast(input.batch.column(0), &DataType::Utf8)?;
        output.emit(RecordBatch::try_new(output.schema().clone(), vec![column])?)
    }
}

#[tokio::test]
async fn schemas_of_a_call_survive_a_change_of_worker() {
    let with_key = || RpcService::builder().protocol(protocol()).token_keys(TokenKeys::new([3; 32])).build().unwrap();
    let (one, other) = (with_key(), with_key());
    for generation in both() {
        let opened = ask(&one, numbers(generation, "shaped", 4)).await;
        for tokens in [opened.tokens(), opened.tokens().cursor_only()] {
            let next = ask(&other, Ask::tick(generation, "shaped", &tokens)).await;
            assert_eq!(next.schema(), opened.schema());
            assert_eq!(next.data()[0].batch.num_columns(), 4);
        }

        let opened = ask(&one, numbers(generation, "reshaped", 9)).await;
        for tokens in [opened.tokens(), opened.tokens().cursor_only()] {
            let turn = Ask::turn(generation, "reshaped", &tokens, row([("c9", column(5_i64))]));
            assert_eq!(text_of(&ask(&other, turn).await), "5");
            let wrong = Ask::turn(generation, "reshaped", &tokens, row([("c8", column(5_i64))]));
            assert!(ask(&other, wrong).await.expect_failure().message.contains("expected c9: Int64"));
        }
    }
}

#[tokio::test]
async fn a_stream_without_any_schema_is_an_error_that_says_so() {
    for generation in both() {
        let answer = ask(&service(), numbers(generation, "shapeless", 1)).await;
        let failure = answer.expect_failure();
        assert!(failure.message.contains("with_schema"), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_turn_needs_its_state_to_be_of_this_method() {
    // The same key, protocol and method, but another state: a server of another build.
    let service = |protocol: Protocol| RpcService::builder().protocol(protocol).token_keys(TokenKeys::new([4; 32]));
    let old = service(protocol()).build().unwrap();
    let new = Protocol::new("Calc").version("1.2.3").method(
        Method::producer("ticks")
            .parameter::<i64>("n")
            .rows::<Number>()
            .handler(|_, _| async { Ok(Producer::new(Late(0, 1))) }),
    );
    let new = service(new).build().unwrap();
    for generation in both() {
        let tokens = ask(&old, numbers(generation, "ticks", 1)).await.tokens();
        let answer = ask(&new, Ask::tick(generation, "ticks", &tokens)).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.expect_failure().message, "Malformed state token");
    }
    assert!(builder().build().is_ok());
}
