//! [`ResolveLocation`]: where batches come from that a server keeps elsewhere.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::RpcError;
use crate::wire::AnnotatedBatch;

/// Fetches the batch that a pointer stands for.
///
/// Without one, a pointer reaches the caller as it is: a batch without rows whose metadata names the location.
pub trait ResolveLocation: fmt::Debug + Send + Sync + 'static {
    /// Fetches what `location` holds; `pointer` is the batch that named it.
    fn resolve(
        &self,
        location: String,
        pointer: AnnotatedBatch,
    ) -> Pin<Box<dyn Future<Output = Result<AnnotatedBatch, RpcError>> + Send>>;
}
