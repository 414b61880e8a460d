/// Bounds for decoding untrusted input.
///
/// They are checked before anything is allocated. What decoding holds in memory beside the
/// input stays below
///
/// - a second copy of the input, for buffers that are not aligned in it,
/// - `max_decoded_bytes` for decompressed buffers, and as much again for joined dictionaries,
/// - 1 KiB for each field of the schema, and twice the bytes of the metadata,
///
/// for a whole body with [`Decoder`](super::Decoder), for one message with
/// [`IncrementalDecoder`](super::IncrementalDecoder), and again `max_decoded_bytes` there for the
/// dictionaries in use. A reader that *expands* values
/// (run-end encoded, dictionary-encoded, views) into something larger bounds that itself.
///
/// ```
/// use tower_vgi::wire::Limits;
///
/// let limits = Limits::default().with_max_decoded_bytes(1024 * 1024);
/// assert_eq!(limits.max_decoded_bytes, 1024 * 1024);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Cap on the decoded bytes of one body, 64 MiB by default.
    pub max_decoded_bytes: usize,
    /// Cap on the rows of one array at any level, 2^26 by default.
    pub max_rows: usize,
    /// Cap on rows that need no bytes at all (null columns, batches without columns, run-end
    /// encoded columns), 2^20 by default: a few bytes can announce any number of them.
    pub max_unbacked_rows: usize,
    /// Cap on the header of one message, in which the metadata is, 16 MiB by default.
    pub max_header_bytes: usize,
    /// Cap on the fields of a schema at all levels, 10,000 by default.
    pub max_fields: usize,
    /// Cap on how deep fields are nested, 32 by default.
    pub max_depth: usize,
}

impl Limits {
    /// Caps the decoded bytes of one body.
    #[must_use]
    pub fn with_max_decoded_bytes(mut self, bytes: usize) -> Self {
        self.max_decoded_bytes = bytes;
        self
    }

    /// Caps the rows of one array at any level.
    #[must_use]
    pub fn with_max_rows(mut self, rows: usize) -> Self {
        self.max_rows = rows;
        self
    }

    /// Caps rows that need no bytes.
    #[must_use]
    pub fn with_max_unbacked_rows(mut self, rows: usize) -> Self {
        self.max_unbacked_rows = rows;
        self
    }

    /// Caps the header of one message.
    #[must_use]
    pub fn with_max_header_bytes(mut self, bytes: usize) -> Self {
        self.max_header_bytes = bytes;
        self
    }

    /// Caps the fields of a schema at all levels.
    #[must_use]
    pub fn with_max_fields(mut self, fields: usize) -> Self {
        self.max_fields = fields;
        self
    }

    /// Caps how deep fields are nested. Decoding is recursive: each level takes stack.
    #[must_use]
    pub fn with_max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_decoded_bytes: 64 << 20,
            max_rows: 1 << 26,
            max_unbacked_rows: 1 << 20,
            max_header_bytes: 16 << 20,
            max_fields: 10_000,
            max_depth: 32,
        }
    }
}
