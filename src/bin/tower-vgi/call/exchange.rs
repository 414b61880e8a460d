//! A call that trades batches.

use std::path::Path;

use arrow_array::RecordBatch;
use tower_vgi::client::{Connection, ExchangeStream, MethodCall};
use tower_vgi::wire::AnnotatedBatch;

use super::writing::Writing;
use super::{cancelling, finish_file, tell_header};
use crate::failure::Failure;
use crate::input::Input;
use crate::interrupt;
use crate::options::Call;
use crate::output::{Destination, Format, Progress};
use crate::status::Status;

type Stream = ExchangeStream<Connection, Option<AnnotatedBatch>>;

pub(super) async fn run(
    call: MethodCall<'_, Connection>,
    parameters: RecordBatch,
    options: &Call,
    status: &Status,
) -> Result<(), Failure> {
    let path = options.input.as_deref().unwrap_or(Path::new("-"));
    if path.as_os_str() == "-" && options.json.as_deref() == Some("-") {
        return Err(Failure::usage("stdin cannot have both the arguments (--json -) and what the exchange is sent"));
    }
    let destination = options.output.clone().unwrap_or(Destination::stdout(Format::Ndjson));
    let mut input = Input::open(path)?;
    let mut stream = interrupt::or(async { Ok(call.exchange(parameters).await?) }).await?;
    let mut progress = Progress::new(status, options.server.quiet || destination.is_terminal());
    let mut writing = None;
    let traded = interrupt::or(async {
        tell_header(stream.header().as_ref(), options, status)?;
        // Only now: a call that fails leaves a file as it was.
        let writing = writing.insert(Writing::open(&destination)?);
        trade(&mut stream, &mut input, writing, &mut progress).await
    })
    .await;
    progress.end();
    // An exchange has no end of its own: the server is told of it in any case.
    cancelling(stream.cancel()).await;
    if traded.is_err() {
        finish_file(writing, &destination, None).await;
    }
    traded
}

async fn trade(
    stream: &mut Stream,
    input: &mut Input,
    writing: &mut Writing,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut schema = None;
    while let Some(batch) = input.next().await? {
        let answer = stream.exchange(batch).await?;
        progress.count(&answer.batch);
        schema.get_or_insert_with(|| answer.batch.schema());
        writing.write(vec![answer.batch]).await?;
    }
    writing.finish(schema).await
}
