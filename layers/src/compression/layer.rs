//! What to compress, and how.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::header::CONTENT_ENCODING;
use http::{HeaderName, HeaderValue};
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};
use zstd::zstd_safe::{CCtx, DCtx};

use super::encoding::{Encoding, Encodings};
use super::negotiation::X_VGI_CONTENT_ENCODING;
use super::pool::{Pool, compressors, decompressors};
use super::service::Compression;

/// Decodes requests and compresses responses. See the [module](super).
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct CompressionLayer {
    decode: Encodings,
    encode: Encodings,
    zstd_level: i32,
    min_size: u64,
    max_decoded_bytes: u64,
}

impl CompressionLayer {
    /// zstd at level 1 and gzip at level 6, both ways.
    pub fn new() -> Self {
        Self {
            decode: Encodings::ALL,
            encode: Encodings::ALL,
            zstd_level: 1,
            min_size: 1024,
            max_decoded_bytes: 64 * 1024 * 1024,
        }
    }

    /// Decodes requests, and leaves responses as they are.
    ///
    /// The advertised list is empty then, so clients do not compress unless they insist.
    pub fn decode_only() -> Self {
        Self::new().encode([])
    }

    /// The encodings of requests; any other is refused with 415. Default: all.
    ///
    /// Clients are told of the encodings that work both ways: what is advertised means to them that they may send it
    /// and will get it. Decoding more than is encoded costs nothing and keeps callers that compress without asking.
    pub fn decode(mut self, encodings: impl IntoIterator<Item = Encoding>) -> Self {
        self.decode = encodings.into_iter().collect();
        self
    }

    /// The encodings of responses, in any order: the caller's counts. Default: all.
    ///
    /// ```
    /// use tower_vgi::Capabilities;
    /// use tower_vgi_layers::compression::{CompressionLayer, Encoding};
    ///
    /// // gzip is slow; what comes in it is still read.
    /// let layer = CompressionLayer::new().encode([Encoding::Zstd]);
    /// let capabilities = Capabilities::new().with(&layer);
    /// assert_eq!(capabilities.headers()[0].1, "zstd");
    /// ```
    pub fn encode(mut self, encodings: impl IntoIterator<Item = Encoding>) -> Self {
        self.encode = encodings.into_iter().collect();
        self
    }

    /// Does without an encoding, both ways.
    pub fn without(mut self, encoding: Encoding) -> Self {
        self.decode = self.decode.without(encoding);
        self.encode = self.encode.without(encoding);
        self
    }

    /// The level of zstd, 1 to 22. Default: 1.
    ///
    /// On Arrow bodies of 1 MiB, level 3 was measured to save another 10 to 30 % of what level 1
    /// leaves, and to take 1.2 to 3 times as long, which a fast network does not give back.
    ///
    /// # Errors
    ///
    /// When there is no such level.
    pub fn zstd_level(mut self, level: i32) -> Result<Self, InvalidLevel> {
        if !(1..=22).contains(&level) {
            return Err(InvalidLevel(level));
        }
        self.zstd_level = level;
        Ok(self)
    }

    /// Response bodies known to be smaller are not compressed. Default: 1 KiB.
    pub fn min_size(mut self, bytes: u64) -> Self {
        self.min_size = bytes;
        self
    }

    /// How large a request body may be once it is decoded. Default: 64 MiB.
    ///
    /// Set it to the request limit, if there is one: callers are told of only one.
    pub fn max_decoded_bytes(mut self, bytes: u64) -> Self {
        self.max_decoded_bytes = bytes;
        self
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            decode: self.decode,
            encode: self.encode,
            zstd_level: self.zstd_level,
            min_size: self.min_size,
            max_decoded_bytes: self.max_decoded_bytes,
            compressors: compressors(self.zstd_level),
            decompressors: decompressors(),
        }
    }
}

impl Default for CompressionLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for CompressionLayer {
    type Service = Compression<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Compression { inner, settings: Arc::new(self.settings()) }
    }
}

impl Advertise for CompressionLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        // Encodings have plain names, so this is always a header value.
        if let Ok(list) = HeaderValue::try_from(self.encode.and(self.decode).list()) {
            capabilities.set(HeaderName::from_static("vgi-supported-encodings"), list);
        }
        capabilities.expose(CONTENT_ENCODING);
        capabilities.expose(X_VGI_CONTENT_ENCODING);
    }
}

/// Whether the environment says to do without zstd: `VGI_HTTP_DISABLE_ZSTD` is `1`.
///
/// Programs ask this; the layer never looks at the environment.
///
/// ```
/// use tower_vgi_layers::compression::{CompressionLayer, Encoding, zstd_disabled_by_environment};
///
/// let mut layer = CompressionLayer::new();
/// if zstd_disabled_by_environment() {
///     layer = layer.without(Encoding::Zstd);
/// }
/// # let _ = layer;
/// ```
pub fn zstd_disabled_by_environment() -> bool {
    std::env::var_os("VGI_HTTP_DISABLE_ZSTD").is_some_and(|value| value == "1")
}

/// A level that zstd does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidLevel(i32);

impl fmt::Display for InvalidLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "zstd has the levels 1 to 22, not {}", self.0)
    }
}

impl Error for InvalidLevel {}

/// What all requests of a service share.
pub(super) struct Settings {
    pub(super) decode: Encodings,
    pub(super) encode: Encodings,
    zstd_level: i32,
    pub(super) min_size: u64,
    pub(super) max_decoded_bytes: u64,
    pub(super) compressors: Arc<Pool<CCtx<'static>>>,
    pub(super) decompressors: Arc<Pool<DCtx<'static>>>,
}

impl Settings {
    /// How much is compressed in about half a millisecond.
    pub(super) fn piece(&self, encoding: Encoding) -> usize {
        const KIB: usize = 1024;
        match (encoding, self.zstd_level) {
            (Encoding::Zstd, ..=4) => 256 * KIB,
            (Encoding::Zstd, ..=9) => 64 * KIB,
            (Encoding::Zstd, _) => 16 * KIB,
            (Encoding::Gzip, _) => 32 * KIB,
        }
    }

    /// How much is compressed at once, for which zstd needs no copy. Longer bodies are cut into pieces.
    pub(super) fn at_once(&self, encoding: Encoding) -> usize {
        // Five quarters of 1 MiB rather than 1 MiB: a batch of 1 MiB comes with headers.
        5 * self.piece(encoding)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("decode", &self.decode)
            .field("encode", &self.encode)
            .field("zstd_level", &self.zstd_level)
            .finish_non_exhaustive()
    }
}
