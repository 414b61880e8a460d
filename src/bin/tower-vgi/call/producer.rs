//! A call that is answered with batches.

use arrow_array::RecordBatch;
use futures_util::FutureExt as _;
use tower_vgi::client::{Connection, MethodCall, ProducerStream};
use tower_vgi::wire::AnnotatedBatch;

use super::writing::Writing;
use super::{cancelling, finish_file, tell_header};
use crate::failure::Failure;
use crate::interrupt;
use crate::options::Call;
use crate::output::{Destination, Format, Progress};
use crate::status::Status;

type Stream = ProducerStream<Connection, Option<AnnotatedBatch>>;

pub(super) async fn run(
    call: MethodCall<'_, Connection>,
    parameters: RecordBatch,
    options: &Call,
    status: &Status,
) -> Result<(), Failure> {
    let destination = options.output.clone().unwrap_or(Destination::stdout(Format::Ndjson));
    let mut stream = interrupt::or(async { Ok(call.producer(parameters).await?) }).await?;
    // Rows on the same terminal would stand across it.
    let mut progress = Progress::new(status, options.server.quiet || destination.is_terminal());
    let mut writing = None;
    let copied = interrupt::or(async {
        tell_header(stream.header().as_ref(), options, status)?;
        // Only now: a call that fails leaves a file as it was.
        let writing = writing.insert(Writing::open(&destination)?);
        copy(&mut stream, writing, &mut progress).await
    })
    .await;
    progress.end();
    if copied.is_err() {
        // Whoever reads no more, the server need not go on.
        cancelling(stream.cancel()).await;
        finish_file(writing, &destination, stream.schema().cloned()).await;
    }
    copied
}

/// As many batches as are written at once at most.
const TOGETHER: usize = 64;

async fn copy(stream: &mut Stream, writing: &mut Writing, progress: &mut Progress) -> Result<(), Failure> {
    let mut ended = Ok(false);
    while let Ok(false) = ended {
        let mut batches = Vec::new();
        // What has come already is written together, and what has not is not waited for.
        let mut next = Some(stream.next().await);
        while let Some(outcome) = next.take() {
            match outcome {
                Ok(Some(batch)) => {
                    progress.count(&batch.batch);
                    batches.push(batch.batch);
                    if batches.len() < TOGETHER {
                        next = stream.next().now_or_never();
                    }
                }
                Ok(None) => ended = Ok(true),
                Err(error) => ended = Err(error),
            }
        }
        if !batches.is_empty() {
            writing.write(batches).await?;
        }
    }
    ended?;
    writing.finish(stream.schema().cloned()).await
}
