//! Where a panic ends.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::refusal::Refusals;

/// Runs code of the service inside. A panic in it is reported, and there is no result.
///
/// Whoever calls this lets go of what has panicked, so that nobody sees the state in which it was left.
pub(super) fn catch<T>(refusals: &Refusals, during: &'static str, code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(value) => Some(value),
        Err(panic) => {
            report(refusals, during, &*panic);
            discard(panic);
            None
        }
    }
}

fn report(refusals: &Refusals, during: &'static str, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(
        target: "tower_vgi::panic",
        panic = text.unwrap_or("no message"),
        during,
        request_id = refusals.request_id(),
        "the service panicked"
    );
}

/// What was thrown may be of any type, and panic when it is dropped. That goes no further.
fn discard(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}
