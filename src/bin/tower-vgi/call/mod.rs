//! `tower-vgi call`.

mod arguments;
mod exchange;
mod method;
mod producer;
mod unary;
mod writing;

use std::future::Future;
use std::time::Duration;

use arrow_schema::SchemaRef;
use tower_vgi::client::{Channel, MethodCall, MethodKind};
use tower_vgi::wire::AnnotatedBatch;

use crate::failure::Failure;
use crate::options::Call;
use crate::output::{Destination, Place, rows_as_json};
use crate::status::Status;
use crate::{connect, interrupt};
use writing::Writing;

pub(crate) async fn run(options: Call) -> Result<(), Failure> {
    let status = Status::default();
    let channel = connect::channel(&options.server, &status)?;
    let method = interrupt::or(method::find(&channel, &options)).await?;
    let kind = match method.description.kind {
        Some(kind) => kind,
        // The flat generation does not tell: who has something to send means an exchange.
        None if options.input.is_some() => MethodKind::Exchange,
        None => MethodKind::Producer,
    };
    if options.input.is_some() && kind != MethodKind::Exchange {
        return Err(Failure::usage(format!("--input is for an exchange, and '{}' is none", method.description.name)));
    }
    let parameters = interrupt::or(arguments::read(&method, &options)).await?;
    let call = method.begin(&channel);
    match kind {
        MethodKind::Unary => unary::run(call, parameters, &options).await,
        MethodKind::Producer => {
            let outcome = producer::run(call, parameters, &options, &status).await;
            if matches!(outcome, Err(Failure::Refused(_))) && method.description.kind.is_none() {
                status.say("the server does not say what kind of stream this is: for an exchange, give --input");
            }
            outcome
        }
        MethodKind::Exchange => exchange::run(call, parameters, &options, &status).await,
    }
}

impl method::Method {
    fn begin<'a>(&self, channel: &'a Channel) -> MethodCall<'a, tower_vgi::client::Connection> {
        let mut call = channel.method(&self.protocol, &self.description.name);
        if let Some(version) = &self.version {
            call = call.version(version.clone());
        }
        if self.description.header.is_some() { call.with_header() } else { call }
    }
}

/// The header of a stream goes to stderr: stdout is for its rows.
fn tell_header(header: Option<&AnnotatedBatch>, options: &Call, status: &Status) -> Result<(), Failure> {
    let Some(header) = header.filter(|_| !options.server.quiet) else { return Ok(()) };
    for row in rows_as_json(&header.batch).map_err(|error| Failure::output(&error))? {
        status.say(&format!("header: {row}"));
    }
    Ok(())
}

/// As long as what comes after the end is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells the server that a stream is over, unless that takes long: nobody waits for it.
async fn cancelling(cancel: impl Future<Output = ()>) {
    let _ = tokio::time::timeout(PATIENCE, cancel).await;
}

/// After a failure: a file gets its end, so that what came before can be read. On stdout the lack of one shows that
/// something is missing.
async fn finish_file(writing: Option<Writing>, destination: &Destination, schema: Option<SchemaRef>) {
    if let (Some(mut writing), Place::File(_)) = (writing, &destination.place) {
        // What went wrong is known already.
        let _ = tokio::time::timeout(PATIENCE, writing.finish(schema)).await;
    }
}
