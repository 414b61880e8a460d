//! Every exchange.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_schema::Schema;
use tower_vgi::RpcError;
use tower_vgi::client::RowExchange;
use tower_vgi::value::Record;
use tower_vgi::wire::{AnnotatedBatch, Metadata};

use crate::case::{Case, Client, Proxy, cases, fail, show, show_batch};
use crate::peer::Any;
use crate::rows::{Increment, Measure};

pub(crate) fn cases() -> Vec<Case> {
    cases! {
        exchange_scale: |client| each(client.proxy.exchange_scale(2.5).await, inputs()).await;
        exchange_accumulate: |client| each(client.proxy.exchange_accumulate().await, with_rows()).await;
        exchange_with_logs: |client| each(client.proxy.exchange_with_logs().await, inputs()).await;
        // After an error it goes on from the state before.
        exchange_error_on_nth: |client| each(client.proxy.exchange_error_on_nth(2).await, inputs()).await;
        exchange_zero_columns: |client| {
            let input = AnnotatedBatch::from(RecordBatch::new_empty(Arc::new(Schema::empty())));
            each(client.proxy.exchange_zero_columns().await, vec![input; 5]).await
        };
        exchange_input_metadata: |client| each(client.proxy.exchange_input_metadata().await, annotated()).await;
        exchange_error_on_init: |client| each(client.proxy.exchange_error_on_init().await, inputs()).await;
        exchange_oversized: |client| each(client.proxy.exchange_oversized(10).await, inputs()).await;
        exchange_with_header: |client| each(client.proxy.exchange_with_header(3.0).await, inputs()).await;
        exchange_with_rich_header: |client| each(client.proxy.exchange_with_rich_header(5, 3.0).await, inputs()).await;
        exchange_cast_compatible: |client| each(client.proxy.exchange_cast_compatible().await, of_other_types()).await;
        cancellable_exchange: |client| cancelled(client).await;
        // Without a session.
        exchange_session_counter: |client| {
            let input = Increment::to_batch([Increment { by: 1 }].iter()).unwrap();
            each(client.proxy.exchange_session_counter().await, vec![input.into()]).await
        };
    }
}

/// What comes of each input.
async fn each<I: Record, O: Record, H: Debug>(
    exchange: Result<RowExchange<I, O, Any, H>, RpcError>,
    inputs: Vec<AnnotatedBatch>,
) -> String {
    let mut exchange = match exchange {
        Ok(exchange) => exchange,
        Err(error) => return fail(&error),
    };
    let mut shown = vec![format!("header {:?}", exchange.header())];
    for input in inputs {
        shown.push(match exchange.exchange_batch(input).await {
            Ok(batch) => show_batch(&batch),
            Err(error) => fail(&error),
        });
    }
    shown.join("\n  ")
}

fn measures(values: &[f64]) -> AnnotatedBatch {
    let rows: Vec<_> = values.iter().map(|value| Measure { value: *value }).collect();
    Measure::to_batch(rows.iter()).unwrap().into()
}

/// Some of them large enough to be compressed, one without rows.
fn inputs() -> Vec<AnnotatedBatch> {
    let many: Vec<f64> = (0..1000).map(f64::from).collect();
    [&[1.0, 2.0][..], &[-0.5], &[], &many].map(measures).into()
}

/// The published servers cannot add up no rows.
fn with_rows() -> Vec<AnnotatedBatch> {
    inputs().into_iter().filter(|input| input.batch.num_rows() > 0).collect()
}

fn annotated() -> Vec<AnnotatedBatch> {
    let mut inputs = inputs();
    inputs[0].metadata = Metadata::from_iter([("conformance.own", "1"), ("conformance.other", "2")]);
    inputs
}

/// What can be converted to the declared type, and what cannot.
fn of_other_types() -> Vec<AnnotatedBatch> {
    let columns: [ArrayRef; 3] = [
        Arc::new(Float64Array::from(vec![1.5])),
        Arc::new(Int64Array::from(vec![1, 2])),
        Arc::new(arrow_array::Float32Array::from(vec![0.5])),
    ];
    let of = |name, column| RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap().into();
    let mut inputs: Vec<AnnotatedBatch> = columns.map(|column| of("value", column)).into();
    inputs.push(of("value", Arc::new(Float64Array::from(vec![2.5]))));
    inputs
}

async fn cancelled(client: Client) -> String {
    let proxy = Proxy::new(client.patient);
    proxy.reset_cancel_probe().await.unwrap();
    let mut exchange = proxy.cancellable_exchange().await.unwrap();
    let first = exchange.exchange_batch(measures(&[1.0])).await.unwrap();
    exchange.cancel().await;
    exchange.cancel().await;
    assert_eq!(exchange.exchange_batch(measures(&[1.0])).await.unwrap_err().type_name(), "ProtocolError");
    [show_batch(&first), show(proxy.cancel_probe_counters().await)].join("\n  ")
}
