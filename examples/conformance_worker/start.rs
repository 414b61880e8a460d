//! A service whose start fails the first time.

use std::sync::atomic::{AtomicBool, Ordering};

use tower_vgi_layers::stack::StackBuilder;

/// The request that starts the service is answered with 500, and the next one starts it.
pub(crate) fn fails_once(builder: StackBuilder) -> StackBuilder {
    let failed = AtomicBool::new(false);
    builder.on_serve_start(move || {
        let fails = !failed.swap(true, Ordering::SeqCst);
        async move { if fails { Err("told to fail the first time") } else { Ok(()) } }
    })
}
