//! [`Fetcher`]: from a reference to the bytes behind it.

mod builder;
mod decode;
mod download;
mod failure;
mod ranges;
mod request;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper_util::client::legacy::Client;

pub use self::builder::FetcherBuilder;
use self::builder::Settings;
use self::decode::Account;
pub(super) use self::decode::DONE_HERE;
pub(super) use self::failure::{Failure, chain as reason};
pub(super) use self::request::parse;
use super::connect::Connector;
use crate::reference::{Reference, redacted};
use crate::{Body, ErrorCode, RequestMemory, RpcError};

/// Reads what references refer to. Clones share connections.
///
/// ```
/// use tower_vgi::external::{Fetcher, UrlPolicy};
///
/// let fetcher = Fetcher::builder()
///     .policy(UrlPolicy::new().allow_origin("http://minio.storage.svc:9000")?)
///     .max_fetch_bytes(64 << 20)
///     .build()?;
/// # let _ = fetcher;
/// # Ok::<(), tower_vgi::RpcError>(())
/// ```
#[derive(Clone)]
pub struct Fetcher {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) client: Client<Connector, Body>,
}

impl Fetcher {
    /// Reads `https` URLs at public addresses, with the defaults of [`FetcherBuilder`].
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, RpcError> {
        Self::builder().build()
    }

    /// Begins the description of a fetcher.
    pub fn builder() -> FetcherBuilder {
        FetcherBuilder::default()
    }

    /// The same fetcher, which reads one more origin: see [`UrlPolicy::allow_origin`](super::UrlPolicy::allow_origin).
    ///
    /// # Errors
    ///
    /// A `ValueError` for what is no origin.
    pub fn allow_origin(&self, origin: &str) -> Result<Self, RpcError> {
        let mut settings = self.inner.settings.clone();
        settings.policy = settings.policy.allow_origin(origin)?;
        settings.build()
    }

    /// The Arrow IPC stream that a reference refers to: decoded, and compared with the reference's digest.
    ///
    /// # Errors
    ///
    /// When the URL is not read, what is there exceeds a limit or is not what it should be, or it could not be read after
    /// some attempts.
    pub async fn fetch(&self, reference: &Reference) -> Result<Bytes, RpcError> {
        self.attempts(reference, || self.attempt(reference, None)).await
    }

    /// Reads and decodes once.
    pub(super) async fn attempt(
        &self,
        reference: &Reference,
        memory: Option<&RequestMemory>,
    ) -> Result<Bytes, Failure> {
        let account = Account::new(memory);
        let downloaded = download::download(&self.inner, reference, &account).await?;
        decode::decode(&self.inner.settings, reference, downloaded, account).await
    }

    /// Tries again as long as that may help.
    pub(super) async fn attempts<T, F>(&self, reference: &Reference, attempt: impl Fn() -> F) -> Result<T, RpcError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let settings = &self.inner.settings;
        let mut made = 0;
        loop {
            let timed = tokio::time::timeout(settings.timeout, attempt()).await;
            let failure = match timed {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Transient(format!("not read within {:?}", settings.timeout)),
            };
            made += 1;
            let reason = match failure {
                Failure::Final(error) => return Err(error),
                Failure::Transient(reason) => reason,
            };
            if made > settings.max_retries {
                return Err(exhausted(reference, made, &reason));
            }
            // Doubling, and at different times for those who failed together.
            let delay = settings.retry_delay.saturating_mul(1 << (made - 1).min(16));
            tokio::time::sleep(delay.mul_f64(0.5 + fastrand::f64() / 2.0).min(Duration::from_secs(30))).await;
        }
    }
}

fn exhausted(reference: &Reference, attempts: u32, reason: &str) -> RpcError {
    let plural = if attempts == 1 { "" } else { "s" };
    RpcError::runtime_error(format!(
        "Failed to resolve ExternalLocation after {attempts} attempt{plural}: {}: {reason}",
        redacted(reference.url())
    ))
    .with_code(ErrorCode::Unavailable)
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fetcher").field("policy", &self.inner.settings.policy).finish_non_exhaustive()
    }
}
