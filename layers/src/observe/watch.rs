//! One observer's watch over one request: ends exactly once, whatever happens.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::{Request, StatusCode};
use tower_vgi::CallRecord;

use super::{End, Observe, Outcome};

/// Where it is dropped before it was told the end, whoever asked has gone.
pub(super) struct Watch<O: Observe> {
    observer: O,
    /// `None` once the end was told.
    seen: Option<(O::Seen, CallRecord)>,
    began: Instant,
    request_bytes: Received,
    status: Option<StatusCode>,
    response_bytes: u64,
}

/// How much of a request's body there is on the wire.
#[derive(Clone, Debug)]
pub(super) enum Received {
    Announced(u64),
    Counted(Arc<AtomicU64>),
}

impl<O: Observe> Watch<O> {
    pub(super) fn begin<B>(observer: O, request: &mut Request<B>, request_bytes: Received) -> Self {
        let began = Instant::now();
        let record = CallRecord::of(request.extensions_mut());
        let seen = observer.begin(request);
        Self { observer, seen: Some((seen, record)), began, request_bytes, status: None, response_bytes: 0 }
    }

    pub(super) fn in_scope<R>(&self, work: impl FnOnce() -> R) -> R {
        match &self.seen {
            Some((seen, _)) => self.observer.in_scope(seen, work),
            None => work(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.seen.is_none()
    }

    pub(super) fn responded(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.response_bytes += bytes;
    }

    pub(super) fn end(&mut self, end: End) {
        let Some((seen, record)) = self.seen.take() else { return };
        let request_bytes = match &self.request_bytes {
            Received::Announced(bytes) => *bytes,
            Received::Counted(bytes) => bytes.load(Ordering::Relaxed),
        };
        // This may be noticed while something else unwinds, and an observer's failure is no reason to end a process.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let outcome = Outcome {
                call: &record.into_call(),
                status: self.status,
                request_bytes,
                response_bytes: self.response_bytes,
                began: self.began,
                duration: self.began.elapsed(),
                end,
            };
            self.observer.end(seen, outcome);
        }));
    }
}

impl<O: Observe> Drop for Watch<O> {
    fn drop(&mut self) {
        // Whoever unwinds did not want to.
        self.end(if std::thread::panicking() { End::Broken } else { End::Dropped });
    }
}
