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
    Pointer(AnnotatedBatch),
}

/// Hands a log over, gives an error as such, and says what anything else is.
pub(crate) fn classify(
    batch: AnnotatedBatch,
    reader: &ResponseReader,
    on_log: Option<&OnLog>,
) -> Result<Option<Item>, RpcError> {
    match batch.kind() {
        BatchKind::Data => Ok(Some(Item::Data(batch))),
        BatchKind::Token => Ok(Some(Item::Token(batch))),
        BatchKind::Log { level, message } => {
            if let Some(on_log) = on_log {
                on_log(&error::log_message(&batch.metadata, &level, &message));
            }
            Ok(None)
        }
        BatchKind::Error { message } => Err(error::rpc_error(&batch.metadata, &message, reader.status)),
        BatchKind::Pointer { .. } => Ok(Some(Item::Pointer(batch))),
    }
}

/// The only batch of a response, which is read to its end: whether it is whole is only known there. An error is told
/// without waiting for that.
pub(crate) async fn only_batch<S: HttpService>(
    channel: &Channel<S>,
    mut reader: Box<ResponseReader>,
    on_log: Option<&OnLog>,
    what: &str,
) -> Result<AnnotatedBatch, RpcError> {
    let mut answer: Option<AnnotatedBatch> = None;
    while let Some(event) = reader.event().await? {
        let Event::Batch(batch) = event else { continue };
        if let Some(answer) = &mut answer {
            take_token(answer, &batch);
            continue;
        }
        let item = match classify(batch, &reader, on_log) {
            Ok(item) => item,
            Err(error) => {
                reader.let_go();
                return Err(error);
            }
        };
        answer = match item {
            None => None,
            // On an exchange a token without rows is data as well.
            Some(Item::Data(batch) | Item::Token(batch)) => Some(batch),
            Some(Item::Pointer(batch)) => Some(channel.shared.settings.external.resolve(batch, on_log).await?),
        };
    }
    answer.ok_or_else(|| reader.incomplete(what))
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
