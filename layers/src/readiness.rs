//! Whether a server wants new work: shared by who knows and who is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that all its clones share: the server takes new work, or is draining.
///
/// ```
/// use tower_vgi_layers::readiness::Readiness;
///
/// let readiness = Readiness::new();
/// assert!(readiness.is_ready());
/// readiness.clone().drain();
/// assert!(!readiness.is_ready());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Ready for work.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes no new work from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server takes new work.
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }
}
