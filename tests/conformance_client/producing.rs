//! Every producer, and what cancelling one does.

use tower_vgi::Record as _;
use tower_vgi::wire::Metadata;

use crate::case::{Case, Client, Proxy, cases, show, show_batch, show_stream};
use crate::producers::TICK_KEY;
use crate::rows::TickSeen;

/// A case of each producer of rows: what it gives for some arguments.
macro_rules! rows {
    ($($name:ident($($argument:expr),*) $(, ($($more:expr),*))*;)*) => {
        cases! {
            $($name: |client| [
                show_stream(client.proxy.$name($($argument),*).await.map(|rows| rows.into_batches())).await,
                $(show_stream(client.proxy.$name($($more),*).await.map(|rows| rows.into_batches())).await),*
            ].join("\n  ");)*
        }
    };
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = rows! {
        produce_n(10), (0), (1);
        produce_empty();
        produce_single();
        produce_large_batches(1000, 3);
        produce_annotated_batches(3, 2);
        produce_with_logs(3);
        produce_error_mid_stream(3), (0);
        produce_error_on_init();
        produce_oversized_batch(100);
        produce_with_header(3), (0);
        produce_with_header_and_logs(3);
        produce_with_rich_header(3, 2), (4, 1);
        // Without a session.
        stream_session_counter(2);
    };
    cases.extend(cases! {
        produce_tick_metadata: |client| tick_metadata(client).await;
        produce_dynamic_schema: |client| [
            show_stream(client.proxy.produce_dynamic_schema(7, 3, true, true).await).await,
            show_stream(client.proxy.produce_dynamic_schema(7, 2, false, false).await).await,
        ].join("\n  ");
        cancellable_producer: |client| cancelled(client).await;
        cancel_probe_counters: |client| {
            client.proxy.reset_cancel_probe().await.unwrap();
            show(client.proxy.cancel_probe_counters().await)
        };
        reset_cancel_probe: |client| show(client.proxy.reset_cancel_probe().await);
    });
    cases
}

/// Each turn sees what was said with it; the first, what was said with the call.
async fn tick_metadata(client: Client) -> String {
    let saying = |text: &str| Metadata::from_iter([(TICK_KEY, text)]);
    let parameters = CountParameter::to_batch([CountParameter { count: 4 }].iter()).unwrap();
    let call = client.patient.method(Proxy::NAME, "produce_tick_metadata").version("2.0.0");
    let mut ticks = call.metadata(saying("first")).producer(parameters).await.unwrap();
    let mut seen = Vec::new();
    for said in [None, Some("second"), Some("third"), None] {
        ticks.set_metadata(said.map(saying).unwrap_or_default());
        let batch = ticks.next().await.unwrap().unwrap();
        seen.extend(
            TickSeen::rows(&batch.batch).unwrap().into_iter().map(|row| format!("{} {:?}", row.index, row.seen)),
        );
    }
    assert_eq!(seen, ["0 \"first\"", "1 \"second\"", "2 \"third\"", "3 \"\""]);
    seen.push(format!("{:?}", ticks.next().await.unwrap().map(|batch| show_batch(&batch))));
    seen.join(", ")
}

#[derive(tower_vgi::VgiArrow)]
struct CountParameter {
    count: i64,
}

/// Nothing runs ahead here, so that what ran can be counted.
async fn cancelled(client: Client) -> String {
    let proxy = Proxy::new(client.patient);
    proxy.reset_cancel_probe().await.unwrap();
    let mut rows = proxy.cancellable_producer().await.unwrap();
    let first = rows.next().await.unwrap().unwrap();
    let second = rows.next().await.unwrap().unwrap();
    rows.cancel().await;
    rows.cancel().await;
    assert!(rows.next().await.unwrap().is_none());
    format!("{}, {}, then {:?}", first.index, second.index, proxy.cancel_probe_counters().await)
}
