//! [`RetryPolicy`]: sending requests again after transient failures, where that is safe.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Request, Response, StatusCode, header};
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

use crate::{Body, RpcError};

/// When a request is sent again, and after how long: full jitter over a doubling time, `Retry-After`, and a budget of
/// retries in relation to what succeeds.
///
/// A channel uses it for what may be repeated: discovery, introspection and upload URLs; calls of the flat generation
/// other than turns of an exchange, as its clients do; and calls that are said to be
/// [`idempotent`](super::MethodCall::idempotent). It is a `tower::retry::Policy` as well, for a stack of your own.
#[derive(Clone)]
pub struct RetryPolicy {
    max_retries: u32,
    base: Duration,
    max_delay: Duration,
    statuses: Arc<[StatusCode]>,
    connection_errors: bool,
    respect_retry_after: bool,
    budget: Option<Arc<TpsBudget>>,
    /// Made so far.
    retries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            statuses: Arc::new([
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::BAD_GATEWAY,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::GATEWAY_TIMEOUT,
            ]),
            connection_errors: true,
            respect_retry_after: true,
            budget: Some(Arc::new(TpsBudget::default())),
            retries: 0,
        }
    }
}

impl RetryPolicy {
    /// Three retries, half a second doubling up to 30 s, for 429, 502, 503, 504 and connection errors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often a request is sent again. Default: 3.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The most that is waited before the first retry, which doubles with each, and the most before any.
    /// Default: 0.5 s and 30 s.
    #[must_use]
    pub fn backoff(mut self, base: Duration, max_delay: Duration) -> Self {
        self.base = base;
        self.max_delay = max_delay;
        self
    }

    /// The statuses after which a request is sent again. Default: 429, 502, 503, 504.
    #[must_use]
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Whether a request is sent again that got no response. Default: yes.
    #[must_use]
    pub fn connection_errors(mut self, retry: bool) -> Self {
        self.connection_errors = retry;
        self
    }

    /// Whether `Retry-After` is waited for, up to the longest delay. Default: yes.
    #[must_use]
    pub fn respect_retry_after(mut self, respect: bool) -> Self {
        self.respect_retry_after = respect;
        self
    }

    /// Bounds retries in relation to what succeeds; `None` does not. Default: 20 %, and 10 a second at least.
    #[must_use]
    pub fn budget(mut self, budget: Option<TpsBudget>) -> Self {
        self.budget = budget.map(Arc::new);
        self
    }

    /// Sends again as long as that may help.
    pub(crate) async fn repeat<B, E, F>(
        &self,
        first: Result<Response<B>, E>,
        mut attempt: impl FnMut() -> F,
    ) -> Result<Response<B>, E>
    where
        E: AsError,
        F: Future<Output = Result<Response<B>, E>>,
    {
        let mut policy = self.clone();
        let mut result = first;
        while let Some(delay) = policy.decide(&result) {
            drop(result);
            tokio::time::sleep(delay).await;
            result = attempt().await;
        }
        result
    }

    /// How long to wait before another attempt; `None` where there is to be none.
    fn decide<B, E: AsError>(&mut self, result: &Result<Response<B>, E>) -> Option<Duration> {
        let after = match result {
            Ok(response) if self.statuses.contains(&response.status()) => retry_after(response.headers()),
            Err(error) if self.connection_errors && error.is_transient() => None,
            _ => {
                if let Some(budget) = &self.budget {
                    budget.deposit();
                }
                return None;
            }
        };
        if self.retries >= self.max_retries || self.budget.as_ref().is_some_and(|budget| !budget.withdraw()) {
            return None;
        }
        let most = self.base.saturating_mul(2_u32.saturating_pow(self.retries)).min(self.max_delay);
        self.retries += 1;
        let delay = most.mul_f64(fastrand::f64());
        let after = after.filter(|_| self.respect_retry_after).unwrap_or_default();
        Some(delay.max(after).min(self.max_delay))
    }
}

/// An error of a transport.
pub(crate) trait AsError {
    fn is_transient(&self) -> bool;
}

impl AsError for crate::BoxError {
    fn is_transient(&self) -> bool {
        !self.is::<RpcError>()
    }
}

/// Marks a request that may be repeated although it may have run. For stacks that use [`RetryPolicy`] as tower's policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayable;

impl<B, E: Into<crate::BoxError>> Policy<Request<Body>, Response<B>, E> for RetryPolicy {
    type Future = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(&mut self, _request: &mut Request<Body>, result: &mut Result<Response<B>, E>) -> Option<Self::Future> {
        struct Any;
        impl AsError for Any {
            fn is_transient(&self) -> bool {
                true
            }
        }
        let delay = match result {
            Ok(response) => {
                let mut head = Response::new(());
                *head.status_mut() = response.status();
                *head.headers_mut() = response.headers().clone();
                self.decide::<(), Any>(&Ok(head))?
            }
            Err(_) => self.decide::<(), Any>(&Err(Any))?,
        };
        Some(Box::pin(tokio::time::sleep(delay)))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        request.extensions().get::<Replayable>()?;
        let mut clone = Request::new(request.body().try_clone()?);
        *clone.method_mut() = request.method().clone();
        *clone.uri_mut() = request.uri().clone();
        *clone.version_mut() = request.version();
        *clone.headers_mut() = request.headers().clone();
        *clone.extensions_mut() = request.extensions().clone();
        Some(clone)
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RetryPolicy")
            .field("max_retries", &self.max_retries)
            .field("base", &self.base)
            .field("max_delay", &self.max_delay)
            .finish_non_exhaustive()
    }
}

/// What a response says about when to try again: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BoxError;

    fn answer(status: u16) -> Result<Response<()>, BoxError> {
        Ok(Response::builder().status(status).body(()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn transient_failures_are_repeated_up_to_the_limit() {
        let policy = RetryPolicy::new().max_retries(2);
        for (status, attempts) in [(503, 2), (502, 2), (500, 0), (200, 0), (404, 0)] {
            let mut made = 0;
            let result = policy
                .repeat(answer(status), || {
                    made += 1;
                    async move { answer(status) }
                })
                .await;
            assert_eq!((result.unwrap().status().as_u16(), made), (status, attempts));
        }
    }

    #[test]
    fn retry_after_is_waited_for_within_the_longest_delay() {
        let wait = |after: &str| {
            let response = Response::builder().status(503).header("retry-after", after).body(()).unwrap();
            RetryPolicy::new().decide::<_, BoxError>(&Ok(response)).unwrap()
        };
        assert_eq!(wait("2"), Duration::from_secs(2));
        assert_eq!(wait("3600"), Duration::from_secs(30));
        assert!(wait("Thu, 01 Jan 1970 00:00:00 GMT") <= Duration::from_millis(500));
    }

    #[test]
    fn an_empty_budget_ends_it() {
        let mut policy =
            RetryPolicy::new().max_retries(1000).budget(Some(TpsBudget::new(Duration::from_secs(10), 1, 0.0)));
        let retries = (0..1000).take_while(|_| policy.decide(&answer(503)).is_some()).count();
        assert!((1..1000).contains(&retries), "{retries}");
    }

    #[test]
    fn only_requests_that_may_be_repeated_are_kept() {
        let mut request = Request::new(Body::from("abc"));
        let mut policy = RetryPolicy::new();
        let clone = |policy: &mut RetryPolicy, request: &Request<Body>| {
            Policy::<_, Response<()>, BoxError>::clone_request(policy, request).is_some()
        };
        assert!(!clone(&mut policy, &request));
        request.extensions_mut().insert(Replayable);
        assert!(clone(&mut policy, &request));
    }
}
