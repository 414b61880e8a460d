//! What a batch of a response is to the call, and the answer of a response that has one.

use super::builder::OnLog;
use super::channel::Channel;
use super::response::{ResponseReader, error};
use super::service::HttpService;
use crate::wire::{AnnotatedBatch, BatchKind, Event, keys};
use crate::{Result, RpcError};

/// A batch that is no log.
pub(crate) enum Item {
    Data(AnnotatedBatch),
    Token(AnnotatedBatch),
    Pointer { location: String, batch: AnnotatedBatch },
}

/// Hands a log over, gives an error as such, and says what anything else is.
pub(crate) fn classify(
    batch: AnnotatedBatch,
    reader: &ResponseReader,
    on_log: Option<&OnLog>,
) -> Result<Option<Item>, RpcError> {
    let location = match batch.kind() {
        BatchKind::Data => return Ok(Some(Item::Data(batch))),
        BatchKind::Token => return Ok(Some(Item::Token(batch))),
        BatchKind::Log { level, message } => {
            if let Some(on_log) = on_log {
                on_log(&error::log_message(&batch.metadata, &level, &message));
            }
            return Ok(None);
        }
        BatchKind::Error { message } => return Err(error::rpc_error(&batch.metadata, &message, reader.status)),
        BatchKind::Pointer { location } => location.into_owned(),
    };
    Ok(Some(Item::Pointer { location, batch }))
}

/// What a pointer stands for; the pointer itself where nothing is there to fetch it.
pub(crate) async fn resolve<S: HttpService>(
    channel: &Channel<S>,
    location: String,
    pointer: AnnotatedBatch,
) -> Result<AnnotatedBatch, RpcError> {
    match &channel.shared.settings.external {
        Some(external) => external.resolve(location, pointer).await,
        None => Ok(pointer),
    }
}

/// The only batch of a response, which is read to its end so that the connection can be used again.
pub(crate) async fn only_batch<S: HttpService>(
    channel: &Channel<S>,
    reader: &mut ResponseReader,
    on_log: Option<&OnLog>,
    what: &str,
) -> Result<AnnotatedBatch, RpcError> {
    let mut outcome: Option<Result<AnnotatedBatch, RpcError>> = None;
    loop {
        let batch = match reader.event().await {
            Ok(None) => break,
            Ok(Some(Event::Batch(batch))) => batch,
            Ok(Some(_)) => continue,
            // What the server says went wrong counts for more than how its answer ended.
            Err(_) if matches!(outcome, Some(Err(_))) => break,
            Err(error) => return Err(error.into()),
        };
        if let Some(outcome) = &mut outcome {
            if let Ok(answer) = outcome {
                take_token(answer, &batch);
            }
            continue;
        }
        outcome = match classify(batch, reader, on_log) {
            Ok(None) => None,
            // On an exchange a token without rows is data as well.
            Ok(Some(Item::Data(batch) | Item::Token(batch))) => Some(Ok(batch)),
            Ok(Some(Item::Pointer { location, batch })) => Some(resolve(channel, location, batch).await),
            Err(error) => Some(Err(error)),
        };
    }
    outcome.unwrap_or_else(|| Err(reader.incomplete(what)))
}

/// An exchange whose input has no columns is a producer to published servers: its token comes behind the answer.
fn take_token(answer: &mut AnnotatedBatch, behind: &AnnotatedBatch) {
    if behind.kind() == BatchKind::Token
        && !answer.metadata.contains(keys::STREAM_STATE)
        && let Some(token) = behind.metadata.get(keys::STREAM_STATE)
    {
        answer.metadata.insert(keys::STREAM_STATE, token);
    }
}
