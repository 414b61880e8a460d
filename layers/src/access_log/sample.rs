//! Which calls are written, where not all are.

use std::fmt;

use super::record::Record;

/// A share of the calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    rate: f64,
}

/// Why a number is no share of something.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleError(f64);

impl fmt::Display for SampleError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a sample rate is a number between 0 and 1, such as 0.1 for one of ten calls; this is {}",
            self.0
        )
    }
}

impl std::error::Error for SampleError {}

impl Sample {
    pub(super) fn all() -> Self {
        Self { rate: 1.0 }
    }

    pub(super) fn new(rate: f64) -> Result<Self, SampleError> {
        if (0.0..=1.0).contains(&rate) { Ok(Self { rate }) } else { Err(SampleError(rate)) }
    }

    /// Whether a record is taken; with the rate, if the record is one of many.
    pub(super) fn take(self, record: &Record<'_>) -> Option<Option<f64>> {
        if self.rate >= 1.0 || record.failure.is_some() {
            return Some(None);
        }
        let hash = match record.call.stream_id {
            Some(id) => hash(&id),
            None => hash(record.dispatched.request_id.as_bytes()),
        };
        // The same for all records of a stream, and on every server.
        let place = hash as f64 / u64::MAX as f64;
        (place < self.rate).then_some(Some(self.rate))
    }
}

/// FNV-1a, with its bits mixed: ids that are counted up differ only in the last bits otherwise.
fn hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shares() {
        for rate in [0.0, 0.5, 1.0] {
            assert!(Sample::new(rate).is_ok());
        }
        for rate in [-0.1, 1.1, 100.0, f64::NAN] {
            assert!(Sample::new(rate).unwrap_err().to_string().contains("between 0 and 1"));
        }
    }

    #[test]
    fn ids_are_spread_evenly() {
        for ids in [|index: u32| format!("request-{index}"), |index: u32| format!("{index:016x}")] {
            let taken =
                (0..10_000).filter(|index| (hash(ids(*index).as_bytes()) as f64 / u64::MAX as f64) < 0.1).count();
            assert!((850..1150).contains(&taken), "{taken}");
        }
    }
}
