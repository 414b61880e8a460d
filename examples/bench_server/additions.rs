//! What an operator adds to the default layers, each measured by itself: `benches/peers/run --layers`.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tower_vgi::rpc::ServiceInfo;
use tower_vgi::{AuthContext, BoxError};
use tower_vgi_layers::access_log::AccessLogLayer;
use tower_vgi_layers::auth::jwt::Jwt;
use tower_vgi_layers::auth::{AuthLayer, BearerTokens};
use tower_vgi_layers::otel::OtelLayer;
use tower_vgi_layers::stack::StackBuilder;

/// One more layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Addition {
    /// One bearer token is known.
    Bearer,
    /// Tokens of an issuer are, whose key is at hand.
    Jwt,
    /// A line for each call, into a file that has no name.
    AccessLog,
    /// A tenth of the calls are recorded, and every call is counted.
    Otel,
}

impl Addition {
    /// Adds it to the layers of the service that is described.
    pub(crate) fn add_to(self, builder: StackBuilder, info: &Arc<ServiceInfo>) -> Result<StackBuilder, BoxError> {
        Ok(match self {
            Self::Bearer => builder.auth(AuthLayer::new(bearer())),
            Self::Jwt => builder.auth(AuthLayer::new(jwt()?)),
            Self::AccessLog => {
                let path = std::env::temp_dir().join(format!("bench-access-{}.log", std::process::id()));
                let file = File::create(&path)?;
                std::fs::remove_file(path)?;
                builder.access_log(AccessLogLayer::to_writer(info.clone(), file))
            }
            Self::Otel => builder.otel(otel()),
        })
    }
}

/// The bearer token that is known.
pub(crate) const TOKEN: &str = "3f2a9c51-6f0e-4d5b-9a57-0c7a1d1b2e3f";

pub(crate) fn bearer() -> BearerTokens {
    BearerTokens::new([(TOKEN, AuthContext::authenticated("bearer", "bench"))])
}

/// The issuer's key, and a token of its.
pub(crate) const ISSUER: &str = include_str!("issuer.json");

pub(crate) fn jwt() -> Result<Jwt, BoxError> {
    Ok(Jwt::builder().issuer("https://login.example").audience("https://api.example").jwks(ISSUER).build()?)
}

/// One of ten calls is recorded and given to an exporter, which does nothing with it.
pub(crate) fn otel() -> OtelLayer {
    let tracers =
        SdkTracerProvider::builder().with_sampler(Sampler::TraceIdRatioBased(0.1)).with_batch_exporter(Discard).build();
    let meters = SdkMeterProvider::builder().with_periodic_exporter(Discard).build();
    let layer = OtelLayer::new().tracer_provider(&tracers).meter_provider(&meters);
    // The providers live as long as the process.
    std::mem::forget((tracers, meters));
    layer
}

#[derive(Debug)]
struct Discard;

impl SpanExporter for Discard {
    async fn export(&self, _spans: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

impl PushMetricExporter for Discard {
    async fn export(&self, _metrics: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
