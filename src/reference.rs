//! [`Reference`]: where a batch is kept that does not travel itself, and [`ByReference`] for methods that answer with one.

use std::fmt;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::RpcError;
use crate::wire::{AnnotatedBatch, BatchKind, Metadata, keys};

/// Where a batch is kept that does not travel itself, and how to know it: on the wire a *pointer*, which is a batch
/// without rows on the same schema whose metadata names the location.
///
/// What is there is an Arrow IPC stream of exactly one batch on that schema, besides log messages.
///
/// ```
/// use tower_vgi::Reference;
///
/// let reference = Reference::new("https://bucket.example/results/7?signature=secret")?;
/// assert_eq!(reference.url(), "https://bucket.example/results/7?signature=secret");
/// // Whoever has the URL can read the object, so that it is not shown as a whole.
/// assert!(!format!("{reference:?}").contains("secret"));
/// # Ok::<(), tower_vgi::RpcError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    url: String,
    sha256: Option<[u8; 32]>,
}

impl Reference {
    /// What is kept at a URL.
    ///
    /// # Errors
    ///
    /// A `ValueError` for an empty URL.
    pub fn new(url: impl Into<String>) -> Result<Self, RpcError> {
        let url = url.into();
        if url.is_empty() {
            return Err(RpcError::value_error("the URL of a reference is empty"));
        }
        Ok(Self { url, sha256: None })
    }

    /// The SHA-256 of the Arrow IPC stream, before any compression. Readers refuse anything else.
    #[must_use]
    pub fn with_sha256(mut self, digest: [u8; 32]) -> Self {
        self.sha256 = Some(digest);
        self
    }

    /// The same reference by which any content is taken: for an object that is written anew in its place.
    #[must_use]
    pub fn without_sha256(mut self) -> Self {
        self.sha256 = None;
        self
    }

    /// Where it is. The URL may give access to whoever has it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The SHA-256 of the Arrow IPC stream, if it is known.
    pub fn sha256(&self) -> Option<&[u8; 32]> {
        self.sha256.as_ref()
    }

    /// The pointer that stands for a batch on this schema.
    pub fn pointer(&self, schema: SchemaRef) -> AnnotatedBatch {
        let mut metadata = Metadata::new();
        self.write_to(&mut metadata);
        AnnotatedBatch { batch: RecordBatch::new_empty(schema), metadata }
    }

    /// Makes a batch's metadata that of a pointer.
    pub fn write_to(&self, metadata: &mut Metadata) {
        metadata.insert(keys::LOCATION, &self.url);
        match &self.sha256 {
            Some(digest) => metadata.insert(keys::LOCATION_SHA256, hex::encode(digest)),
            None => _ = metadata.remove(keys::LOCATION_SHA256),
        }
    }

    /// What a batch refers to, if it is a pointer.
    ///
    /// # Errors
    ///
    /// A `ValueError` when the pointer's URL is empty or no text, or its digest is none.
    pub fn of(batch: &AnnotatedBatch) -> Result<Option<Self>, RpcError> {
        if !matches!(batch.kind(), BatchKind::Pointer { .. }) {
            return Ok(None);
        }
        let url = batch.metadata.get_str(keys::LOCATION).ok_or_else(|| {
            RpcError::value_error(format!("'{}' of the pointer batch is not valid UTF-8", keys::LOCATION))
        })?;
        let reference = Self::new(url)?;
        let Some(text) = batch.metadata.get(keys::LOCATION_SHA256) else { return Ok(Some(reference)) };
        let mut digest = [0; 32];
        let lower = !text.iter().any(u8::is_ascii_uppercase);
        if !lower || hex::decode_to_slice(text, &mut digest).is_err() {
            return Err(RpcError::value_error(format!(
                "'{}' of the pointer batch has to be 64 lower-case hexadecimal digits",
                keys::LOCATION_SHA256
            )));
        }
        Ok(Some(reference.with_sha256(digest)))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reference")
            .field("url", &redacted(&self.url))
            .field("has_sha256", &self.sha256.is_some())
            .finish()
    }
}

/// What a unary method may return in place of a `T`: the value, or a reference to where it was published before.
///
/// Callers see the value either way: who gets a reference reads what is there. The object has to hold one row on the
/// method's result schema, as [`Publisher::publish`](crate::external::Publisher::publish) makes it, and has to be there
/// for as long as callers may read it.
///
/// ```
/// use tower_vgi::{ByReference, Reference, Result};
///
/// #[tower_vgi::service]
/// trait Reports {
///     async fn yearly(&self, year: i64) -> Result<ByReference<String>>;
/// }
///
/// struct Published(Reference);
///
/// impl Reports for Published {
///     async fn yearly(&self, year: i64) -> Result<ByReference<String>> {
///         match year {
///             2025 => Ok(self.0.clone().into()),
///             _ => Ok(ByReference::Value("nothing yet".to_owned())),
///         }
///     }
/// }
/// # let _ = ReportsServer::new(Published(Reference::new("https://bucket.example/2025")?));
/// # Ok::<(), tower_vgi::RpcError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByReference<T> {
    /// The value itself. A caller never gets anything else.
    Value(T),
    /// Where it is kept.
    Reference(Reference),
}

impl<T> ByReference<T> {
    /// The value, where it is there.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Reference(_) => None,
        }
    }
}

impl<T> From<Reference> for ByReference<T> {
    fn from(reference: Reference) -> Self {
        Self::Reference(reference)
    }
}

/// A URL as it may be shown: its query, its fragment and what stands before the host may give access.
pub(crate) fn redacted(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return "<no URL>".to_owned() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |start| rest.split_at(start));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn a_pointer_and_back() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
        for digest in [None, Some([0xab; 32])] {
            let mut reference = Reference::new("https://host/path?x=1").unwrap();
            reference.sha256 = digest;
            let pointer = reference.pointer(schema.clone());
            assert_eq!((pointer.batch.num_rows(), pointer.batch.schema()), (0, schema.clone()));
            assert_eq!(Reference::of(&pointer).unwrap(), Some(reference));
        }
    }

    #[test]
    fn what_is_no_pointer_has_no_reference_and_bad_ones_are_refused() {
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let of = |metadata: &[(&str, &str)]| {
            Reference::of(&AnnotatedBatch::new(batch.clone(), metadata.iter().copied().collect()))
        };
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(
            of(&[(keys::LOCATION, "https://x"), (keys::LOG_LEVEL, "INFO"), (keys::LOG_MESSAGE, "m")]).unwrap(),
            None
        );
        for digest in ["", "ab", &"AB".repeat(32), &"gg".repeat(32)] {
            let error = of(&[(keys::LOCATION, "https://x"), (keys::LOCATION_SHA256, digest)]).unwrap_err();
            assert_eq!(error.type_name(), "ValueError", "{digest}");
        }
        assert!(of(&[(keys::LOCATION, "")]).is_err());
    }

    #[test]
    fn what_may_give_access_is_not_shown() {
        for (url, shown) in [
            ("https://user:pass@host:9000/a/b?sig=1#x", "https://host:9000/a/b"),
            ("http://[::1]:80/x", "http://[::1]:80/x"),
            ("https://host", "https://host"),
            ("secret?x", "<no URL>"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }
}
