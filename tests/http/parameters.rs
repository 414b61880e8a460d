//! Parameters that do not fit (§4.4, steps 6 and 7): lenient on flat routes, exact on namespaced ones.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use tower_vgi::rpc::Generation;

use crate::support::{Ask, Case, Colour, Expected, ask, both, check, column, row, service};

const NOT_ONE_ROW: Expected = Expected::refused(400, "RpcError", "ProtocolError: Expected 1 row");

fn add(generation: Generation, batch: RecordBatch) -> Ask {
    Ask::unary(generation, "add", batch)
}

fn rows(rows: usize) -> RecordBatch {
    let array: ArrayRef = Arc::new(Float64Array::from(vec![1.0; rows]));
    row([("a", Ask::array(array.clone(), false)), ("b", Ask::array(array, false))])
}

fn nulls(nullable: bool) -> RecordBatch {
    let null: ArrayRef = Arc::new(Float64Array::from(vec![None]));
    row([("a", Ask::array(null, nullable)), ("b", column(1.0))])
}

#[tokio::test]
async fn a_request_has_one_row() {
    check(&[
        Case::same("none", |g| add(g, rows(0)), NOT_ONE_ROW),
        Case::same("two", |g| add(g, rows(2)), NOT_ONE_ROW),
        Case::same("two on init", |g| Ask::init(g, "scale", two_factors()), NOT_ONE_ROW),
        Case::same("without columns none", |g| Ask::unary(g, "nothing", row([]).slice(0, 0)), Expected::Good),
        Case::same("without columns one", |g| Ask::unary(g, "nothing", row([])), Expected::Good),
    ])
    .await;
}

fn two_factors() -> RecordBatch {
    row([("factor", Ask::array(Arc::new(Float64Array::from(vec![1.0, 2.0])), false))])
}

#[tokio::test]
async fn columns_are_the_declared_ones() {
    check(&[
        Case::same("one is missing", |g| add(g, row([("a", column(1.0))])), Expected::type_error("missing required")),
        Case::same(
            "all are missing",
            |g| add(g, row([])),
            Expected::type_error("missing required argument(s): 'a', 'b'"),
        ),
        Case::same(
            "one too many",
            |g| add(g, row([("a", column(1.0)), ("b", column(1.0)), ("c", column(1.0))])),
            Expected::type_error("does not declare: c. Declared: a, b"),
        ),
        Case::same(
            "one has another name",
            |g| add(g, row([("a", column(1.0)), ("z", column(1.0))])),
            Expected::type_error("does not declare: z. Declared: a, b"),
        ),
        Case::same(
            "a name in another case",
            |g| add(g, row([("A", column(1.0)), ("b", column(1.0))])),
            Expected::type_error("does not declare: A"),
        ),
        Case::differs(
            "one twice",
            |g| add(g, row([("a", column(1.0)), ("a", column(1.0))])),
            Expected::type_error("missing required"),
            Expected::type_error(""),
        ),
        Case::differs(
            "in another order",
            |g| add(g, row([("b", column(2.0)), ("a", column(1.0))])),
            Expected::Good,
            Expected::type_error("field 0 expected name 'a', got 'b'"),
        ),
        Case::differs(
            "one with a default is missing",
            |g| Ask::unary(g, "increase", row([("a", column(1.0))])),
            Expected::Good,
            Expected::type_error("takes 2 parameter(s)"),
        ),
        Case::same("one to a method without any", |g| Ask::unary(g, "nothing", row([("a", column(1.0))])), {
            Expected::type_error("does not declare: a")
        }),
        Case::same("on init", |g| Ask::init(g, "scale", row([("f", column(1.0))])), Expected::type_error("declare: f")),
    ])
    .await;
}

#[tokio::test]
async fn types_are_the_declared_ones_or_convert_without_loss_on_flat_routes() {
    const WRONG: Expected = Expected::type_error("expected Arrow type Float64");
    check(&[
        Case::same("text for a number", |g| add(g, row([("a", column("1".to_owned())), ("b", column(1.0))])), WRONG),
        Case::same("bool for a number", |g| add(g, row([("a", column(true)), ("b", column(1.0))])), WRONG),
        Case::differs(
            "integers for numbers",
            |g| add(g, row([("a", column(1_i64)), ("b", column(2_i64))])),
            Expected::Good,
            WRONG,
        ),
        Case::differs(
            "a narrower number",
            |g| add(g, row([("a", column(1.5_f32)), ("b", column(2.0))])),
            Expected::Good,
            WRONG,
        ),
        Case::same(
            "a fraction for an integer",
            |g| Ask::init(g, "count", row([("n", column(1.5)), ("fails_at", column(-1_i64))])),
            Expected::type_error("expected Arrow type Int64"),
        ),
        Case::differs(
            "nullable",
            |g| {
                let one: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
                add(g, row([("a", Ask::array(one, true)), ("b", column(1.0))]))
            },
            Expected::Good,
            Expected::type_error("is declared not nullable"),
        ),
        Case::differs(
            "not nullable for an optional",
            |g| Ask::unary(g, "maybe", row([("x", column(1_i64))])),
            Expected::Good,
            Expected::type_error("is declared nullable"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn only_optional_parameters_may_be_null() {
    check(&[
        Case::differs(
            "null in a nullable column",
            |g| add(g, nulls(true)),
            Expected::type_error("is not optional"),
            Expected::type_error("is declared not nullable"),
        ),
        Case::same(
            "null for an optional",
            |g| Ask::unary(g, "maybe", row([("x", column(None::<i64>))])),
            Expected::Good,
        ),
    ])
    .await;
}

/// No encoder writes this: the schema says that there are no nulls, and the batch has one.
#[tokio::test]
async fn a_null_that_the_schema_excludes_is_refused() {
    let service = service();
    for generation in both() {
        let ask_nullable = Ask::unary(generation, "maybe", row([("x", column(None::<i64>))]));
        let ask_strict = Ask::unary(generation, "maybe", row([("x", column(1_i64))]));
        // The strict schema's message in front of the nullable batch.
        let strict = tower_vgi::wire::encode_schema(&ask_strict.batch.schema()).unwrap();
        let nullable = tower_vgi::wire::encode_schema(&ask_nullable.batch.schema()).unwrap();
        let bytes = ask_nullable.bytes();
        assert_eq!(bytes[..nullable.len()], nullable[..]);
        let forged = [&strict[..], &bytes[nullable.len()..]].concat();
        let answer = ask(&service, ask_strict.body(forged)).await;
        let failure = answer.expect_failure();
        assert_eq!((answer.status.as_u16(), failure.exception.as_str()), (400, "TypeError"));
        assert!(failure.message.contains("must not be null"), "{}", failure.message);
    }
}

#[tokio::test]
async fn enums_are_names_that_exist() {
    check(&[
        Case::same("a name", |g| Ask::unary(g, "paint", row([("colour", column(Colour::Red))])), Expected::Good),
        Case::differs(
            "a name as plain text",
            |g| Ask::unary(g, "paint", row([("colour", column("GREEN".to_owned()))])),
            Expected::Good,
            Expected::type_error("expected Arrow type Dictionary"),
        ),
        Case::same("an unknown name", |g| Ask::unary(g, "paint", row([("colour", named_colour("PINK"))])), {
            Expected::type_error("PINK")
        }),
        Case::differs(
            "an unknown name as plain text",
            |g| Ask::unary(g, "paint", row([("colour", column("PINK".to_owned()))])),
            Expected::type_error("PINK"),
            Expected::type_error("expected Arrow type Dictionary"),
        ),
    ])
    .await;
}

fn named_colour(name: &str) -> (arrow_schema::Field, ArrayRef) {
    let keys = arrow_array::Int16Array::from(vec![0]);
    let values = StringArray::from(vec![name]);
    Ask::array(Arc::new(arrow_array::DictionaryArray::new(keys, Arc::new(values))), false)
}

#[tokio::test]
async fn converted_and_defaulted_values_are_the_right_ones() {
    let service = service();
    let mixed = row([
        ("b", Ask::array(Arc::new(Int32Array::from(vec![40])), true)),
        ("a", Ask::array(Arc::new(Int64Array::from(vec![2])), false)),
    ]);
    assert_eq!(ask(&service, add(Generation::Flat, mixed)).await.result::<f64>(), 42.0);
    let short = Ask::unary(Generation::Flat, "increase", row([("a", column(1.5))]));
    assert_eq!(ask(&service, short).await.result::<f64>(), 2.5);
    for generation in both() {
        let paint = Ask::unary(generation, "paint", row([("colour", column(Colour::Green))]));
        assert_eq!(ask(&service, paint).await.result::<Colour>(), Colour::Green);
        let maybe = Ask::unary(generation, "maybe", row([("x", column(None::<i64>))]));
        assert_eq!(ask(&service, maybe).await.result::<Option<i64>>(), None);
    }
}

#[tokio::test]
async fn without_a_result_the_answer_is_an_empty_batch_on_the_empty_schema() {
    for generation in both() {
        let answer = ask(&service(), Ask::unary(generation, "nothing", row([]))).await;
        let batches = answer.batches();
        assert_eq!(batches.len(), 1);
        assert_eq!((batches[0].batch.num_rows(), batches[0].batch.num_columns()), (0, 0));
        assert!(batches[0].metadata.is_empty());
        assert!(batches[0].batch.columns().iter().all(|column| column.is_empty()));
    }
}
