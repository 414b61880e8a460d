//! Strings that are published once, and answered with by reference from then on.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use tokio::sync::Mutex;
use tower_vgi::{Reference, Result, RpcError};

type Publish = dyn Fn(RecordBatch) -> Pin<Box<dyn Future<Output = Result<Reference, RpcError>> + Send>> + Send + Sync;

/// What was published, and how more is.
#[derive(Clone, Default)]
pub(crate) struct PublishedStrings {
    publish: Option<Arc<Publish>>,
    known: Arc<Mutex<HashMap<String, Reference>>>,
}

impl PublishedStrings {
    #[allow(dead_code)]
    pub(crate) fn new<F, Fut>(publish: F) -> Self
    where
        F: Fn(RecordBatch) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reference, RpcError>> + Send + 'static,
    {
        Self { publish: Some(Arc::new(move |batch| Box::pin(publish(batch)))), known: Arc::default() }
    }

    pub(crate) async fn get(&self, value: String, with_digest: bool) -> Result<Reference> {
        let publish = self
            .publish
            .as_ref()
            .ok_or_else(|| RpcError::runtime_error("published_string requires external storage"))?;
        let mut known = self.known.lock().await;
        let reference = match known.get(&value) {
            Some(reference) => reference.clone(),
            None => {
                let schema = Schema::new(vec![Field::new("result", DataType::Utf8, false)]);
                let column: ArrayRef = Arc::new(StringArray::from(vec![value.as_str()]));
                let reference = publish(RecordBatch::try_new(Arc::new(schema), vec![column])?).await?;
                known.insert(value, reference.clone());
                reference
            }
        };
        Ok(if with_digest { reference } else { reference.without_sha256() })
    }
}
