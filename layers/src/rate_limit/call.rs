//! [`CallRateLimitLayer`]: how often somebody may call, by who it is or what is called.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::{Call, Operation, Reply};
use tower_vgi::{BoxError, ErrorCode, ErrorDetail, PeerAddr, RpcError};

use super::limiter::{Limiter, Rate};
use super::network::network;
use crate::call_response::CallFuture;

/// Limits how often something is called. See the [module](super).
///
/// Each request counts: a call, and each further turn of a stream. Clones share one count.
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct CallRateLimitLayer {
    rule: Arc<Rule>,
}

struct Rule {
    limiter: Limiter,
    key: Box<KeyOf>,
}

type KeyOf = dyn Fn(&Call) -> Option<String> + Send + Sync;

impl CallRateLimitLayer {
    /// For each caller by themselves: by domain and principal, and those who are not known by their address; of IPv6
    /// by the first 64 bits.
    pub fn per_caller(rate: Rate) -> Self {
        Self::by(rate, |call| Some(caller(call)))
    }

    /// For each method by itself, whoever calls.
    pub fn per_method(rate: Rate) -> Self {
        Self::by(rate, |call| Some(format!("{}/{}", call.protocol(), call.method().name)))
    }

    /// For each caller and method by itself.
    pub fn per_caller_and_method(rate: Rate) -> Self {
        Self::by(rate, |call| Some(format!("{}/{}/{}", call.protocol(), call.method().name, caller(call))))
    }

    /// By what a function says of a call; `None` passes.
    pub fn by(rate: Rate, key: impl Fn(&Call) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { rule: Arc::new(Rule { limiter: Limiter::new(rate), key: Box::new(key) }) }
    }
}

/// No two kinds of callers have the same text: the length tells where the domain ends.
fn caller(call: &Call) -> String {
    match call.auth().filter(|caller| caller.authenticated) {
        Some(caller) => format!("{}:{}{}", caller.domain.len(), caller.domain, caller.principal),
        None => {
            call.extensions().get::<PeerAddr>().map(|peer| format!("@{}", network(peer.0.ip()))).unwrap_or_default()
        }
    }
}

impl Rule {
    fn refusal(&self, call: &Call) -> Option<RpcError> {
        // It may free what others wait for.
        if call.operation() == Operation::Cancel {
            return None;
        }
        let wait = self.limiter.check((self.key)(call)?).err()?;
        let wait = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1));
        Some(
            RpcError::runtime_error(format!(
                "{} is called more often than its limit allows; try again in {wait:?}",
                call.method().name
            ))
            .with_code(ErrorCode::ResourceExhausted)
            .with_detail(ErrorDetail::retry_info(wait)),
        )
    }
}

impl<S> Layer<S> for CallRateLimitLayer {
    type Service = CallRateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallRateLimit { inner, rule: self.rule.clone() }
    }
}

impl fmt::Debug for CallRateLimitLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CallRateLimitLayer").field("limiter", &self.rule.limiter).finish_non_exhaustive()
    }
}

/// The service that [`CallRateLimitLayer`] makes.
#[derive(Clone)]
pub struct CallRateLimit<S> {
    inner: S,
    rule: Arc<Rule>,
}

impl<S> CallRateLimit<S> {
    inner_service_accessors!();
}

impl<S> Service<Call> for CallRateLimit<S>
where
    S: Service<Call, Response = Reply, Error: Into<BoxError>>,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = CallFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match self.rule.refusal(&call) {
            Some(error) => CallFuture::refused(error),
            None => CallFuture::inner(self.inner.call(call)),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for CallRateLimit<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CallRateLimit").field("inner", &self.inner).finish_non_exhaustive()
    }
}
