//! [`Writing`]: a sink on a thread where it may block.

use std::io;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::failure::Failure;
use crate::output::{Destination, Sink};

/// A sink that is written to where that may block: the next batch can come meanwhile, and Ctrl-C is heard.
pub(super) struct Writing(Option<Box<dyn Sink>>);

impl Writing {
    pub(super) fn open(destination: &Destination) -> Result<Self, Failure> {
        Ok(Self(Some(destination.open()?)))
    }

    /// Writes batches, and lets them go on their way.
    pub(super) async fn write(&mut self, batches: Vec<RecordBatch>) -> Result<(), Failure> {
        self.run(move |sink| {
            batches.iter().try_for_each(|batch| sink.write(batch))?;
            sink.flush()
        })
        .await
    }

    pub(super) async fn finish(&mut self, schema: Option<SchemaRef>) -> Result<(), Failure> {
        self.run(move |sink| sink.finish(schema.as_ref())).await
    }

    async fn run(
        &mut self,
        work: impl FnOnce(&mut dyn Sink) -> io::Result<()> + Send + 'static,
    ) -> Result<(), Failure> {
        let Some(mut sink) = self.0.take() else { return Err(Failure::Interrupted) };
        let written = tokio::task::spawn_blocking(move || {
            let result = work(&mut *sink);
            (sink, result)
        });
        let (sink, result) = written.await.map_err(|error| Failure::local("the output", &error))?;
        self.0 = Some(sink);
        result.map_err(|error| Failure::output(&error))
    }
}
