//! Times as headers have them: in whole seconds.

use std::time::Duration;

/// Rounded up: whoever came back too early would be refused again, and no time at all means something else.
pub(crate) fn rounded_up(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
