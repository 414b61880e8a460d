//! A bound on the memory of all requests in flight together, kept by whoever allocates for one.
//!
//! A layer puts a [`RequestMemory`] into each request's extensions. Whoever then takes memory in proportion to what
//! the caller sends says so *before* it allocates, and refuses the request when there is none left: a layer
//! that decodes a body, the core that collects it, a call layer that fetches what a batch points to.
//!
//! ```
//! use tower_vgi::RequestMemoryPool;
//!
//! let pool = RequestMemoryPool::new(1000);
//! let (one, other) = (pool.request(), pool.request());
//! one.resize_body(700)?;
//! let refused = other.resize_body(400).unwrap_err();
//! assert_eq!(refused.status(), 503);
//!
//! // What a request has is given back with the last clone of its handle.
//! drop(one);
//! other.resize_body(400)?;
//! assert_eq!(pool.in_use(), 400);
//! # Ok::<(), tower_vgi::RpcError>(())
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::{ErrorCode, ErrorDetail, RpcError};

/// When a caller for whom there is no memory now may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Memory that requests share. Clones are the same pool.
#[derive(Clone, Debug)]
pub struct RequestMemoryPool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    max: u64,
    in_use: AtomicU64,
}

impl RequestMemoryPool {
    /// All requests together get `max` bytes.
    pub fn new(max: u64) -> Self {
        Self(Arc::new(Pool { max, in_use: AtomicU64::new(0) }))
    }

    /// How many bytes there are.
    pub fn max_bytes(&self) -> u64 {
        self.0.max
    }

    /// How many bytes requests have now.
    pub fn in_use(&self) -> u64 {
        self.0.in_use.load(Ordering::Relaxed)
    }

    /// The share of one more request, with nothing in it yet.
    pub fn request(&self) -> RequestMemory {
        RequestMemory(Arc::new(Share { pool: self.0.clone(), body: AtomicU64::new(0), beside: AtomicU64::new(0) }))
    }

    /// Refuses a request that announces how much it needs, if that is more than there is.
    ///
    /// # Errors
    ///
    /// A refusal with status 413: trying again cannot help.
    pub fn check(&self, needed: u64) -> Result<(), RpcError> {
        if needed > self.0.max { Err(self.0.refuse(needed)) } else { Ok(()) }
    }
}

impl Pool {
    fn take(&self, bytes: u64) -> bool {
        let enough = |in_use: u64| in_use.checked_add(bytes).filter(|wanted| *wanted <= self.max);
        self.in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.in_use.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cold]
    fn refuse(&self, needed: u64) -> RpcError {
        let max = self.max;
        if needed > max {
            let text = format!(
                "The request needs {needed} bytes of memory, more than the {max} bytes that this server has for all \
                 requests together. Send less at once: trying again cannot help."
            );
            return RpcError::new("RequestTooLargeError", text)
                .with_code(ErrorCode::ResourceExhausted)
                .with_status(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let in_use = self.in_use.load(Ordering::Relaxed);
        let text = format!(
            "There is no memory for the request now: it needs {needed} bytes, and {in_use} of the {max} bytes that \
             this server has for all requests together are in use. Try again later."
        );
        RpcError::new("MemoryError", text)
            .with_code(ErrorCode::Unavailable)
            .with_status(StatusCode::SERVICE_UNAVAILABLE)
            .with_detail(ErrorDetail::retry_info(RETRY_AFTER))
    }
}

/// What one request has of a pool. Inserted by a layer; gives all back when the last clone is dropped.
///
/// Keep a clone wherever the memory lives on, as in the response of a method that returns what it was sent.
#[derive(Clone, Debug)]
pub struct RequestMemory(Arc<Share>);

#[derive(Debug)]
struct Share {
    pool: Arc<Pool>,
    /// Of the request's body, in whatever form it is.
    body: AtomicU64,
    beside: AtomicU64,
}

impl RequestMemory {
    /// Takes memory besides that of the request's body.
    ///
    /// # Errors
    ///
    /// A refusal: with status 503 and a `RetryInfo` when others have the memory now, with 413 when all of the pool
    /// would not do.
    pub fn reserve(&self, bytes: u64) -> Result<(), RpcError> {
        self.take(bytes, self.in_use().saturating_add(bytes))?;
        self.0.beside.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Says how much memory the request's body takes now, in place of what was said before.
    ///
    /// A body has one size, whoever holds it: one that a layer has decoded and hands on is counted once. Who takes
    /// over a body asks for no less than [`body_bytes`](Self::body_bytes), as long as its old form may live on.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve). Nothing is counted for the body then: drop what there is of it.
    pub fn resize_body(&self, bytes: u64) -> Result<(), RpcError> {
        let before = self.0.body.swap(bytes, Ordering::Relaxed);
        if let Some(less) = before.checked_sub(bytes) {
            self.0.pool.give_back(less);
            return Ok(());
        }
        let beside = self.0.beside.load(Ordering::Relaxed);
        self.take(bytes - before, bytes.saturating_add(beside)).inspect_err(|_| {
            self.0.body.store(0, Ordering::Relaxed);
            self.0.pool.give_back(before);
        })
    }

    /// What is counted for the body.
    pub fn body_bytes(&self) -> u64 {
        self.0.body.load(Ordering::Relaxed)
    }

    /// What is counted for the whole request.
    pub fn in_use(&self) -> u64 {
        self.0.body.load(Ordering::Relaxed) + self.0.beside.load(Ordering::Relaxed)
    }

    /// Takes `more`, of `needed` in all.
    fn take(&self, more: u64, needed: u64) -> Result<(), RpcError> {
        if self.0.pool.take(more) { Ok(()) } else { Err(self.0.pool.refuse(needed)) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.give_back(*self.body.get_mut() + *self.beside.get_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_never_exceeded_and_is_empty_in_the_end() {
        let pool = RequestMemoryPool::new(1000);
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| {
                let pool = pool.clone();
                std::thread::spawn(move || {
                    for round in 0..2000 {
                        let request = pool.request();
                        let _ = request.resize_body((thread * 37 + round * 11) % 400);
                        let _ = request.reserve((thread * 53 + round * 7) % 300);
                        let _ = request.resize_body((thread * 91 + round * 3) % 500);
                        assert!(pool.in_use() <= 1000);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn a_body_is_counted_once_and_what_is_besides_is_added() {
        let pool = RequestMemoryPool::new(100);
        let request = pool.request();
        for (body, in_use) in [(10, 10), (40, 40), (30, 30), (30, 30)] {
            request.resize_body(body).unwrap();
            assert_eq!((request.body_bytes(), pool.in_use()), (body, in_use));
        }
        request.reserve(20).unwrap();
        request.reserve(5).unwrap();
        assert_eq!((request.in_use(), pool.in_use()), (55, 55));
        let other = request.clone();
        drop(request);
        assert_eq!(pool.in_use(), 55);
        drop(other);
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn the_last_byte_can_be_had() {
        let pool = RequestMemoryPool::new(100);
        let (one, other) = (pool.request(), pool.request());
        one.resize_body(60).unwrap();
        other.reserve(40).unwrap();
        assert!(other.reserve(1).is_err() && pool.request().resize_body(1).is_err());
        assert!(pool.request().resize_body(0).is_ok());
    }

    #[test]
    fn a_body_that_cannot_grow_is_given_up() {
        let pool = RequestMemoryPool::new(100);
        let (one, other) = (pool.request(), pool.request());
        one.resize_body(60).unwrap();
        other.reserve(5).unwrap();
        other.resize_body(30).unwrap();
        assert!(other.resize_body(40).is_err());
        assert_eq!((other.body_bytes(), other.in_use(), pool.in_use()), (0, 5, 65));
        other.resize_body(35).unwrap();
    }

    #[test]
    fn refusals_say_whether_trying_again_helps() {
        let pool = RequestMemoryPool::new(100);
        let (one, other) = (pool.request(), pool.request());
        one.resize_body(60).unwrap();
        let busy = other.resize_body(50).unwrap_err();
        assert_eq!((busy.status().as_u16(), busy.code()), (503, ErrorCode::Unavailable));
        assert_eq!(busy.retry_delay(), Some(RETRY_AFTER));
        assert!(busy.message().contains("needs 50 bytes, and 60 of the 100 bytes"), "{busy}");

        other.reserve(30).unwrap();
        for hopeless in [other.resize_body(71), other.reserve(71), pool.check(101), other.resize_body(u64::MAX)] {
            let hopeless = hopeless.unwrap_err();
            assert_eq!((hopeless.status().as_u16(), hopeless.code()), (413, ErrorCode::ResourceExhausted));
            assert_eq!(hopeless.retry_delay(), None);
            assert!(hopeless.message().contains("101") || hopeless.message().contains(&u64::MAX.to_string()));
        }
        assert_eq!(pool.in_use(), 90);
    }
}
