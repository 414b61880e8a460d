//! What a program sets up once for all of it: providers that export to a collector, and the propagator.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TraceId;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::collector::{self, Received, Sender};

pub(crate) struct Telemetry {
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    received: Received,
}

/// The program's. All tests share it, and find their own traces by their ids.
pub(crate) fn telemetry() -> &'static Telemetry {
    static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
    TELEMETRY.get_or_init(|| {
        let (address, received) = collector::start();
        let spans = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender)
            .with_endpoint(format!("http://{address}/v1/traces"))
            .with_timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let metrics = MetricExporter::builder()
            .with_http()
            .with_http_client(Sender)
            .with_endpoint(format!("http://{address}/v1/metrics"))
            .build()
            .unwrap();
        let tracers = SdkTracerProvider::builder().with_batch_exporter(spans).build();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics).build();
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_tracer_provider(tracers.clone());
        Telemetry { tracers, meters, received }
    })
}

impl Telemetry {
    /// The spans of a trace, once there are so many: a server's ends after its client has the answer.
    pub(crate) async fn spans(&'static self, trace: TraceId, count: usize) -> Vec<Span> {
        self.wait(move |mut spans| {
            spans.retain(|span| span.trace_id == trace.to_bytes());
            (spans.len() >= count).then_some(spans)
        })
        .await
    }

    /// The trace of a server's span, by the id of its request.
    pub(crate) async fn trace_of_request(&'static self, id: &'static str) -> TraceId {
        let is_id = |attribute: &KeyValue| {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            attribute.key == "rpc.vgi_rpc.request_id" && value == Some(&any_value::Value::StringValue(id.to_owned()))
        };
        self.wait(move |spans| {
            let span = spans.iter().find(|span| span.attributes.iter().any(is_id))?;
            Some(TraceId::from_bytes(span.trace_id.as_slice().try_into().unwrap()))
        })
        .await
    }

    /// Looks at what the collector has until there is what is looked for.
    async fn wait<T: Send + 'static>(&'static self, look: impl Fn(Vec<Span>) -> Option<T> + Send + 'static) -> T {
        let wait = move || {
            for _ in 0..200 {
                self.tracers.force_flush().unwrap();
                if let Some(found) = look(self.received.spans()) {
                    return found;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            panic!("it does not come: {:?}", self.received.spans());
        };
        tokio::task::spawn_blocking(wait).await.unwrap()
    }

    /// The names of the metrics.
    pub(crate) async fn metrics(&'static self) -> Vec<String> {
        tokio::task::spawn_blocking(|| self.meters.force_flush().unwrap()).await.unwrap();
        self.received.metrics()
    }
}

pub(crate) fn find<'a>(spans: &'a [Span], name: &str, kind: SpanKind) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name && span.kind == kind as i32);
    found.unwrap_or_else(|| panic!("no {name} of {kind:?} among {spans:?}"))
}
