//! [`BearerTaken`]: whether the token of a request is what its caller is known by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Extensions;

/// Whether an authenticator knew the caller by the request's bearer token: in a chain another one may have, without as much
/// as a look at the token.
///
/// Whoever hands tokens on puts it into a request's extensions, as [`login`](super::login) does before it gives a token to a
/// page elsewhere. The authenticators here that take bearer tokens [say so](Self::mark) in it; one of your own that is to
/// be used with such pages has to as well.
#[derive(Clone, Debug, Default)]
pub struct BearerTaken(Arc<AtomicBool>);

impl BearerTaken {
    /// Says that the caller of the request with these extensions is known by its bearer token; does nothing where nobody
    /// asks.
    pub fn mark(request: &Extensions) {
        if let Some(Self(is_taken)) = request.get() {
            is_taken.store(true, Ordering::Relaxed);
        }
    }

    /// Whether that was said.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
