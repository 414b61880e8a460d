//! [`ChannelBuilder`]: everything that can be said about a channel.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::channel::Channel;
use super::connect::{Connection, HowToConnect};
use super::external::External;
use super::retry::RetryPolicy;
use super::service::HttpService;
use super::token::{TokenSource, Tokens};
use crate::generation::Generation;
use crate::log::LogMessage;
#[cfg(feature = "client-tls")]
use crate::tls::Tls;
use crate::{Result, RpcError};

/// What is called with each message that a server logs.
pub(crate) type OnLog = Arc<dyn Fn(&LogMessage) + Send + Sync>;

/// The largest answer that is taken by default: 256 MiB, decoded.
pub(crate) const DEFAULT_MAX_RESPONSE_BYTES: u64 = 256 << 20;

/// Describes a [`Channel`]. Every setting has a default.
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect` or `service` is called"]
pub struct ChannelBuilder {
    pub(crate) settings: Settings,
    how: HowToConnect,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) prefix: String,
    pub(crate) on_log: Option<OnLog>,
    pub(crate) headers: HeaderMap,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) compression_level: Option<i32>,
    pub(crate) min_compressed_bytes: usize,
    pub(crate) accept_compressed: bool,
    pub(crate) strict: bool,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) max_response_bytes: Option<u64>,
    pub(crate) generation: Option<Generation>,
    pub(crate) external: External,
    pub(crate) request_ahead: bool,
    pub(crate) streamed_producers: bool,
}

impl Default for ChannelBuilder {
    fn default() -> Self {
        Self {
            settings: Settings {
                prefix: String::new(),
                on_log: None,
                headers: HeaderMap::new(),
                tokens: None,
                timeout: None,
                compression_level: Some(1),
                min_compressed_bytes: 1024,
                accept_compressed: true,
                strict: false,
                retry: None,
                max_response_bytes: Some(DEFAULT_MAX_RESPONSE_BYTES),
                generation: None,
                external: External::default(),
                request_ahead: true,
                streamed_producers: true,
            },
            how: HowToConnect {
                http2: false,
                connect_timeout: Some(Duration::from_secs(10)),
                #[cfg(feature = "client-tls")]
                tls: None,
            },
        }
    }
}

impl ChannelBuilder {
    /// The path that the server is mounted at, such as `/vgi`. Default: the path of the URL, or none.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// Is called with each message that a server logs, in order and before the result. Default: they are dropped.
    pub fn on_log(mut self, on_log: impl Fn(&LogMessage) + Send + Sync + 'static) -> Self {
        self.settings.on_log = Some(Arc::new(on_log));
        self
    }

    /// A header of every request, such as `authorization`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.settings.headers.append(name, value);
        self
    }

    /// Sends a bearer token with every request, in place of an `authorization` header. The source is asked before the
    /// first one, and again when the server refuses a token other than for lack of scope; the request, which has not
    /// run, is sent once more then.
    ///
    /// ```no_run
    /// use tower_vgi::client::Channel;
    ///
    /// let channel = Channel::builder()
    ///     .tokens(|| async { Ok(std::env::var("API_TOKEN")?) })
    ///     .connect("https://api.example.com/vgi")?;
    /// # Ok::<(), tower_vgi::RpcError>(())
    /// ```
    pub fn tokens(mut self, source: impl TokenSource) -> Self {
        self.settings.tokens = Some(Tokens::new(source));
        self
    }

    /// How long a caller waits at most: for a unary call or a turn of an exchange as a whole, for a stream to begin, and
    /// for each batch of a producer. Default: for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// How long connecting may take, TLS included. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.how.connect_timeout = Some(timeout);
        self
    }

    /// The zstd level of request bodies, 1 to 22; `None` sends them as they are. Default: 1.
    ///
    /// Bodies are compressed from 1 KiB on, and only for a server that says it takes them.
    pub fn compression_level(mut self, level: Option<i32>) -> Self {
        self.settings.compression_level = level.map(|level| level.clamp(1, 22));
        self
    }

    /// From how many bytes on a request body is compressed. Default: 1024.
    pub fn min_compressed_bytes(mut self, bytes: usize) -> Self {
        self.settings.min_compressed_bytes = bytes;
        self
    }

    /// Whether responses may be compressed (zstd). Default: yes.
    pub fn accept_compressed(mut self, accept: bool) -> Self {
        self.settings.accept_compressed = accept;
        self
    }

    /// Whether a null in a column that its schema declares as not nullable is refused. Structure and data (offsets,
    /// UTF-8) are always checked in full. Default: no, since published servers write such nulls.
    pub fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// Repeats requests that may be repeated after a transient failure. Default: nothing is repeated.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = Some(policy);
        self
    }

    /// The largest answer that is taken, decoded. A server of the namespaced generation is told; what comes is held to
    /// it whatever the server does. Default: 256 MiB; `None` takes any.
    pub fn max_response_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.settings.max_response_bytes = bytes.into();
        self
    }

    /// Tells which form of the wire the server speaks. Default: it is asked once.
    pub fn generation(mut self, generation: Generation) -> Self {
        self.settings.generation = Some(generation);
        self
    }

    /// Fetches batches that the server keeps elsewhere, and uploads requests that are too large for it to where it says.
    /// The channel's own origin may be read from in any case. Default: none are fetched, and pointers are given as they
    /// come.
    #[cfg(feature = "external")]
    pub fn external(mut self, fetcher: crate::external::Fetcher) -> Self {
        self.settings.external.fetcher = Some(fetcher);
        self
    }

    /// Uploads requests that are too large for the server to a storage of the client's own, from which the server can
    /// read, in place of where the server says. What was uploaded is removed once it has been answered.
    #[cfg(feature = "external")]
    pub fn uploads<T: crate::external::Storage>(mut self, storage: T) -> Self {
        let storage = crate::external::SharedStorage::new(storage);
        self.settings.external.uploads = Some(crate::external::Publisher::new(storage));
        self
    }

    /// Whether the next batch of a producer is asked for before the caller wants it, where the server gives one batch a
    /// response. Default: yes.
    pub fn request_ahead(mut self, ahead: bool) -> Self {
        self.settings.request_ahead = ahead;
        self
    }

    /// Whether a producer is taken as one streamed response from servers that offer it. Default: yes.
    pub fn streamed_producers(mut self, streamed: bool) -> Self {
        self.settings.streamed_producers = streamed;
        self
    }

    /// Speaks HTTP/2 without being asked to. Default: HTTP/1.1, or what TLS negotiates.
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.how.http2 = true;
        self
    }

    /// Trusts these authorities in place of the system's: certificates as PEM. A server whose own, self-signed
    /// certificate is among them is trusted as well, under the names in it.
    #[cfg(feature = "client-tls")]
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.how.tls = Some(Tls::Authorities(pem.into()));
        self
    }

    /// How TLS is spoken, if more than the authorities is to be said, such as a certificate of the client's. Default:
    /// the system's root certificates.
    #[cfg(feature = "client-tls")]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.how.tls = Some(Tls::Config(Box::new(config)));
        self
    }

    /// A channel over a pool of connections to `url`: `http://…`, `https://…` with the feature `client-tls`, or
    /// `unix:/path/of/socket`. Connections are opened when they are needed.
    ///
    /// # Errors
    ///
    /// A `ValueError` for a URL that cannot be used.
    pub fn connect(self, url: &str) -> Result<Channel, RpcError> {
        let (connection, base) = Connection::new(url, &self.how)?;
        Channel::new(connection, base, self.settings)
    }

    /// A channel over any service. `base` is the URL that requests are made of; for a server in the same process it is
    /// just `/`.
    ///
    /// # Errors
    ///
    /// A `ValueError` for a URL that cannot be used.
    pub fn service<S: HttpService>(self, service: S, base: &str) -> Result<Channel<S>, RpcError> {
        let base = base.parse::<Uri>().map_err(|error| RpcError::value_error(format!("not a URL: {error}")))?;
        Channel::new(service, base, self.settings)
    }
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(formatter)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may hold credentials.
        formatter
            .debug_struct("ChannelBuilder")
            .field("prefix", &self.prefix)
            .field("generation", &self.generation)
            .field("timeout", &self.timeout)
            .field("max_response_bytes", &self.max_response_bytes)
            .finish_non_exhaustive()
    }
}
