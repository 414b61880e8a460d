//! How many sessions there are, asked for when the page is.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;

type Count = Box<dyn Fn() -> u64 + Send + Sync>;

/// Says nothing until it is told how to count. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Sessions(Arc<OnceLock<Count>>);

impl Sessions {
    /// Whoever tells first is asked.
    pub(super) fn count_by(&self, count: impl Fn() -> u64 + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(count));
    }
}

impl Collector for Sessions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(count) = self.0.get() else { return Ok(()) };
        let gauge = ConstGauge::new(i64::try_from(count()).unwrap_or(i64::MAX));
        let encoder =
            encoder.encode_descriptor("active_sessions", "Sessions that are open", None, gauge.metric_type())?;
        gauge.encode(encoder)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sessions")
    }
}
