//! zstd contexts that are used again: a fresh one costs more than a small body.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use zstd::zstd_safe::{CCtx, CParameter, DCtx, DParameter, ResetDirective};

/// 8 MiB, the largest window that browsers take.
pub(super) const WINDOW_LOG: u32 = 23;

/// A context that needs more is given back to the system: high levels use several hundred MiB.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Something that can be used again.
pub(super) trait Reuse: Sized {
    /// Forgets what it was used for. False when it is not worth keeping.
    fn reuse(&mut self) -> bool;
}

impl Reuse for CCtx<'static> {
    fn reuse(&mut self) -> bool {
        self.reset(ResetDirective::SessionOnly).is_ok() && self.sizeof() <= MAX_KEPT_BYTES
    }
}

impl Reuse for DCtx<'static> {
    fn reuse(&mut self) -> bool {
        self.reset(ResetDirective::SessionOnly).is_ok() && self.sizeof() <= MAX_KEPT_BYTES
    }
}

/// As many idle contexts as can be at work at the same time, all with the same parameters.
pub(super) struct Pool<T> {
    idle: Mutex<Vec<T>>,
    keep: usize,
    make: Box<dyn Fn() -> Option<T> + Send + Sync>,
}

impl<T: Reuse> Pool<T> {
    fn new(make: impl Fn() -> Option<T> + Send + Sync + 'static) -> Arc<Self> {
        let keep = thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self { idle: Mutex::default(), keep, make: Box::new(make) })
    }

    /// An idle context or a fresh one; `None` when there is no memory for it.
    pub(super) fn take(&self) -> Option<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.or_else(|| (self.make)())
    }

    /// Gives back a context that has done its work. One that was abandoned is simply dropped.
    pub(super) fn put(&self, mut context: T) {
        if !context.reuse() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.keep {
            idle.push(context);
        }
    }
}

pub(super) fn compressors(level: i32) -> Arc<Pool<CCtx<'static>>> {
    Pool::new(move || {
        let mut context = CCtx::try_create()?;
        context.set_parameter(CParameter::CompressionLevel(level)).ok()?;
        if level >= 17 {
            context.set_parameter(CParameter::WindowLog(WINDOW_LOG)).ok()?;
        }
        Some(context)
    })
}

pub(super) fn decompressors() -> Arc<Pool<DCtx<'static>>> {
    Pool::new(|| {
        let mut context = DCtx::try_create()?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).ok()?;
        Some(context)
    })
}
