use std::borrow::Cow;

use arrow_array::RecordBatch;

use super::{Metadata, keys};

/// A record batch with its metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatedBatch {
    /// The rows.
    pub batch: RecordBatch,
    /// The metadata.
    pub metadata: Metadata,
}

/// What a batch of a response is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchKind<'a> {
    /// Rows, or a result without rows.
    Data,
    /// A log message.
    Log {
        /// Its level: `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
        level: Cow<'a, str>,
        /// Its text.
        message: Cow<'a, str>,
    },
    /// The call has failed.
    Error {
        /// Type and text of the error.
        message: Cow<'a, str>,
    },
    /// The data is stored at a URL.
    Pointer {
        /// Where.
        location: Cow<'a, str>,
    },
    /// A continuation token without data. On the batches of an *exchange* a token comes with
    /// data, which may have no rows: there, this is data as well.
    Token,
}

impl AnnotatedBatch {
    /// A batch with its metadata.
    #[must_use]
    pub fn new(batch: RecordBatch, metadata: Metadata) -> Self {
        Self { batch, metadata }
    }

    /// What the batch is in a response. A batch with rows is data whatever its metadata says.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::RecordBatch;
    /// use arrow_schema::Schema;
    /// use tower_vgi::wire::{AnnotatedBatch, BatchKind, Metadata, keys};
    ///
    /// let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
    /// let metadata = Metadata::from_iter([(keys::LOG_LEVEL, "INFO"), (keys::LOG_MESSAGE, "half way")]);
    /// let batch = AnnotatedBatch::new(empty, metadata);
    /// assert_eq!(batch.kind(), BatchKind::Log { level: "INFO".into(), message: "half way".into() });
    /// ```
    #[must_use]
    pub fn kind(&self) -> BatchKind<'_> {
        if self.batch.num_rows() > 0 || self.metadata.is_empty() {
            return BatchKind::Data;
        }
        let text = |key| self.metadata.get(key).map(String::from_utf8_lossy);
        match (text(keys::LOG_LEVEL), text(keys::LOG_MESSAGE)) {
            (Some(level), Some(message)) if level == "EXCEPTION" => return BatchKind::Error { message },
            (Some(level), Some(message)) => return BatchKind::Log { level, message },
            (Some(_), None) => {}
            (None, _) => {
                if let Some(location) = text(keys::LOCATION) {
                    return BatchKind::Pointer { location };
                }
            }
        }
        if self.metadata.contains(keys::STREAM_STATE) { BatchKind::Token } else { BatchKind::Data }
    }
}

impl From<RecordBatch> for AnnotatedBatch {
    fn from(batch: RecordBatch) -> Self {
        Self { batch, metadata: Metadata::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};
    use arrow_schema::Schema;

    use super::*;

    fn empty(metadata: &[(&str, &str)]) -> AnnotatedBatch {
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        AnnotatedBatch::new(batch, metadata.iter().copied().collect())
    }

    #[test]
    fn rows_make_data() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let metadata = [(keys::LOG_LEVEL, "EXCEPTION"), (keys::LOG_MESSAGE, "x")].into_iter().collect();
        assert_eq!(AnnotatedBatch::new(batch, metadata).kind(), BatchKind::Data);
    }

    #[test]
    fn metadata_decides_without_rows() {
        assert_eq!(empty(&[]).kind(), BatchKind::Data);
        assert_eq!(empty(&[("application", "1")]).kind(), BatchKind::Data);
        assert_eq!(
            empty(&[(keys::LOG_LEVEL, "EXCEPTION"), (keys::LOG_MESSAGE, "x"), (keys::STREAM_STATE, "t")]).kind(),
            BatchKind::Error { message: "x".into() }
        );
        assert_eq!(
            empty(&[(keys::LOG_LEVEL, "WARN"), (keys::LOG_MESSAGE, "x")]).kind(),
            BatchKind::Log { level: "WARN".into(), message: "x".into() }
        );
        assert_eq!(
            empty(&[(keys::LOCATION, "https://x"), (keys::STREAM_STATE, "t")]).kind(),
            BatchKind::Pointer { location: "https://x".into() }
        );
        assert_eq!(empty(&[(keys::LOCATION, "https://x"), (keys::LOG_LEVEL, "INFO")]).kind(), BatchKind::Data);
        assert_eq!(empty(&[(keys::STREAM_STATE, "t")]).kind(), BatchKind::Token);
    }
}
