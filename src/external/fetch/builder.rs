//! [`FetcherBuilder`]: everything that can be said about a fetcher.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Fetcher, Inner};
use crate::RpcError;
use crate::external::UrlPolicy;
use crate::external::connect::Connector;
use crate::tls::Tls;

/// Describes a [`Fetcher`]. Every setting has a default.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct FetcherBuilder {
    settings: Settings,
}

#[derive(Clone)]
pub(in crate::external) struct Settings {
    pub(in crate::external) policy: UrlPolicy,
    pub(in crate::external) max_fetch_bytes: u64,
    pub(in crate::external) max_decompressed_bytes: Option<u64>,
    pub(in crate::external) max_redirects: u32,
    pub(in crate::external) timeout: Duration,
    pub(in crate::external) connect_timeout: Duration,
    pub(in crate::external) max_retries: u32,
    pub(in crate::external) retry_delay: Duration,
    pub(in crate::external) parallel_threshold: u64,
    pub(in crate::external) range_bytes: usize,
    pub(in crate::external) parallel_requests: usize,
    tls: Option<Tls>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: UrlPolicy::new(),
            max_fetch_bytes: 256 << 20,
            max_decompressed_bytes: None,
            max_redirects: 5,
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            max_retries: 2,
            retry_delay: Duration::from_millis(500),
            parallel_threshold: 64 << 20,
            range_bytes: 8 << 20,
            parallel_requests: 8,
            tls: None,
        }
    }
}

impl Settings {
    /// The most that may come out of what is read.
    pub(in crate::external) fn max_decoded(&self) -> u64 {
        self.max_decompressed_bytes.unwrap_or(self.max_fetch_bytes)
    }

    pub(super) fn build(self) -> Result<Fetcher, RpcError> {
        let policy = Arc::new(self.policy.clone());
        let connector = Connector::new(policy, self.tls.as_ref(), self.connect_timeout)?;
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Fetcher { inner: Arc::new(Inner { settings: self, client }) })
    }
}

impl FetcherBuilder {
    /// Which URLs are read. Default: `https`, at public addresses.
    pub fn policy(mut self, policy: UrlPolicy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// The most that is read of one object, as it is sent. Default: 256 MiB.
    pub fn max_fetch_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_fetch_bytes = bytes;
        self
    }

    /// The most that one object may become once it is decoded, whatever it was: a small object may become a very large
    /// one. Default: [`max_fetch_bytes`](Self::max_fetch_bytes).
    pub fn max_decompressed_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_decompressed_bytes = Some(bytes);
        self
    }

    /// How many redirects are followed for a request. Default: 5.
    pub fn max_redirects(mut self, redirects: u32) -> Self {
        self.settings.max_redirects = redirects;
        self
    }

    /// How long one attempt may take, all of its requests together. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long connecting may take. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How often reading is tried again after what may pass: a connection that fails, an answer that the server should
    /// not give. Default: twice, half a second and a second later.
    pub fn retries(mut self, retries: u32, first_delay: Duration) -> Self {
        self.settings.max_retries = retries;
        self.settings.retry_delay = first_delay;
        self
    }

    /// From how many bytes on an object is read by several requests at the same time, where its server takes ranges.
    /// Default: 64 MiB.
    pub fn parallel_threshold(mut self, bytes: u64) -> Self {
        self.settings.parallel_threshold = bytes;
        self
    }

    /// How many bytes each of these requests asks for, and how many of them run at the same time. Default: 8 MiB and 8.
    pub fn parallel_requests(mut self, bytes: usize, requests: usize) -> Self {
        self.settings.range_bytes = bytes.max(64 * 1024);
        self.settings.parallel_requests = requests.max(1);
        self
    }

    /// Trusts these authorities in place of the system's: certificates as PEM.
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.settings.tls = Some(Tls::Authorities(pem.into()));
        self
    }

    /// How TLS is spoken, if more than the authorities is to be said.
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.settings.tls = Some(Tls::Config(Box::new(config)));
        self
    }

    /// The fetcher.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn build(self) -> Result<Fetcher, RpcError> {
        self.settings.build()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("policy", &self.policy)
            .field("max_fetch_bytes", &self.max_fetch_bytes)
            .field("max_decoded", &self.max_decoded())
            .finish_non_exhaustive()
    }
}
