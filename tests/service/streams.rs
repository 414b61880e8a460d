//! Producers and exchanges, with rows known beforehand and not.

use tower_vgi::{Record as _, VgiArrow as _};

use crate::calculator::{Announcement, Row, Tick, callers};
use crate::support::{Answer, Arguments};

fn ticks(answers: &[Answer]) -> Vec<i64> {
    answers.iter().flat_map(|answer| answer.rows::<Tick>()).map(|tick| tick.left).collect()
}

#[tokio::test]
async fn a_producer_runs_to_its_end() {
    for caller in callers() {
        for method in ["countdown", "countdown_blocking"] {
            let answers = caller.produce(method, Arguments::none().with("n", 3_i64)).await;
            assert_eq!(ticks(&answers), [2, 1, 0], "{method}");
        }
    }
}

#[tokio::test]
async fn a_header_comes_before_the_batches() {
    for caller in callers() {
        let answers = caller.produce("announced", Arguments::none().with("n", 2_i64)).await;
        let (schema, header) = &answers[0].streams[0];
        assert_eq!(schema, &Announcement::schema());
        let announced = Announcement::from_batch(&header[0].batch, 0).unwrap();
        assert_eq!(announced, Announcement { total: 2, label: "ticks".to_owned() });
        assert_eq!(ticks(&answers), [1, 0]);
    }
}

#[tokio::test]
async fn a_producers_schema_may_come_with_the_call() {
    for caller in callers() {
        let answers = caller.produce("columns", Arguments::none().with("name", "price".to_owned())).await;
        let (schema, batches) = &answers[0].streams[0];
        assert_eq!(schema.field(0).name(), "price");
        assert_eq!(i64::from_array(batches[0].batch.column(0), 0).unwrap(), 7);
    }
}

#[tokio::test]
async fn an_exchange_answers_batch_for_batch() {
    for caller in callers() {
        let (answer, stream) = caller.open("scale", Arguments::none().with("factor", 3.0)).await;
        assert_eq!(answer.error(), None);
        let (answer, stream) = caller.turn("scale", &stream, rows(&[1.0, 2.0])).await;
        assert_eq!(answer.rows::<Row>(), [Row { value: 3.0 }, Row { value: 6.0 }]);
        let (answer, _) = caller.turn("scale", &stream, rows(&[-1.0])).await;
        assert_eq!(answer.rows::<Row>(), [Row { value: -3.0 }]);
    }
}

#[tokio::test]
async fn an_exchange_may_have_a_header_and_see_its_context() {
    for caller in callers() {
        let (answer, stream) = caller.open("scale_announced", Arguments::none().with("factor", 2.0)).await;
        let announced = Announcement::from_batch(&answer.streams[0].1[0].batch, 0).unwrap();
        assert_eq!(announced.label, "scale_announced");
        let (answer, _) = caller.turn("scale_announced", &stream, rows(&[4.0])).await;
        assert_eq!(answer.rows::<Row>(), [Row { value: 8.0 }]);
    }
}

#[tokio::test]
async fn an_exchanges_schemas_may_come_with_the_call() {
    for caller in callers() {
        let (_, stream) = caller.open("mirror", Arguments::none().with("name", "x".to_owned())).await;
        let (answer, _) = caller.turn("mirror", &stream, Arguments::none().with("x", 5_i64).batch()).await;
        assert_eq!(answer.error(), None);
        assert_eq!(i64::from_array(answer.single().column_by_name("x").unwrap(), 0).unwrap(), 5);
    }
}

fn rows(values: &[f64]) -> arrow_array::RecordBatch {
    let rows: Vec<Row> = values.iter().map(|&value| Row { value }).collect();
    Row::to_batch(rows.iter()).unwrap()
}
