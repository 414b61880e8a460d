//! The columns of the streams. All are nullable on the wire, though nothing here sends a null.

use tower_vgi::VgiArrow;

/// One row of the counting producers.
#[derive(VgiArrow)]
pub(crate) struct Count {
    #[vgi(nullable)]
    pub(crate) index: i64,
    #[vgi(nullable)]
    pub(crate) value: i64,
}

impl Count {
    /// The row that every counting producer has at an index.
    pub(crate) fn at(index: i64) -> Self {
        Self { index, value: index.wrapping_mul(10) }
    }
}

/// What a producer saw in the metadata of a tick.
#[derive(VgiArrow)]
pub(crate) struct TickSeen {
    #[vgi(nullable)]
    pub(crate) index: i64,
    #[vgi(nullable)]
    pub(crate) seen: String,
}

/// What an exchange saw in the metadata of its input.
#[derive(VgiArrow)]
pub(crate) struct InputSeen {
    #[vgi(nullable)]
    pub(crate) seen: String,
    #[vgi(nullable)]
    pub(crate) keys: String,
}

/// The input of most exchanges, and the output of some.
#[derive(VgiArrow)]
pub(crate) struct Measure {
    #[vgi(nullable)]
    pub(crate) value: f64,
}

/// The output of the accumulating exchange.
#[derive(VgiArrow)]
pub(crate) struct Accumulated {
    #[vgi(nullable)]
    pub(crate) running_sum: f64,
    #[vgi(nullable)]
    pub(crate) exchange_count: i64,
}

/// One whole number.
#[derive(VgiArrow)]
pub(crate) struct Number {
    #[vgi(nullable)]
    pub(crate) value: i64,
}

/// By how much a session's counter is to grow.
#[derive(VgiArrow)]
pub(crate) struct Increment {
    #[vgi(nullable)]
    pub(crate) by: i64,
}

/// No column at all.
#[derive(VgiArrow)]
pub(crate) struct Nothing {}
