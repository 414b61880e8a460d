//! [`RowStream`] and [`RowExchange`]: streams of typed rows.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow_schema::SchemaRef;
use futures_util::Stream;

use super::connect::Connection;
use super::exchange::ExchangeStream;
use super::producer::ProducerStream;
use super::resume::ResumeToken;
use super::service::HttpService;
use super::typed::value_error;
use crate::value::Record;
use crate::wire::AnnotatedBatch;
use crate::{Result, RpcError};

/// The rows of a producer: a `futures::Stream` of `R`, over a [`ProducerStream`] of batches.
#[must_use = "a stream does nothing unless it is read"]
pub struct RowStream<R, S: HttpService = Connection, H = ()> {
    batches: ProducerStream<S, H>,
    /// Rows of the last batch.
    rows: VecDeque<R>,
    failed: bool,
}

impl<R: Record, S: HttpService, H> RowStream<R, S, H> {
    pub(crate) fn new(batches: ProducerStream<S, H>) -> Self {
        Self { batches, rows: VecDeque::new(), failed: false }
    }

    /// What came before the rows.
    pub fn header(&self) -> &H {
        self.batches.header()
    }

    /// The columns, as soon as they are known.
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.batches.schema()
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    ///
    /// What the server answers, why it could not be asked, or that a row is none of `R`. The stream has ended then.
    pub async fn next(&mut self) -> Result<Option<R>, RpcError>
    where
        H: Unpin,
        R: Unpin,
    {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await.transpose()
    }

    /// All rows that are still to come.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Vec<R>, RpcError> {
        let mut rows: Vec<R> = self.rows.into();
        while let Some(batch) = self.batches.next().await? {
            rows.extend(R::rows(&batch.batch).map_err(|error| value_error(&error))?);
        }
        Ok(rows)
    }

    /// The batches in place of rows. Rows of a batch that was begun are lost.
    pub fn into_batches(self) -> ProducerStream<S, H> {
        self.batches
    }

    /// The place after the last batch of which all rows were taken; see [`ProducerStream::resume_token`].
    pub fn resume_token(&self) -> Option<ResumeToken> {
        self.batches.resume_token().filter(|_| self.rows.is_empty())
    }

    /// Gives up, and tells the server; see [`ProducerStream::cancel`].
    pub async fn cancel(&mut self) {
        self.rows.clear();
        self.batches.cancel().await;
    }
}

impl<R: Record + Unpin, S: HttpService, H: Unpin> Stream for RowStream<R, S, H> {
    type Item = Result<R, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(row) = this.rows.pop_front() {
                return Poll::Ready(Some(Ok(row)));
            }
            if this.failed {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.batches).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(batch)) => match R::rows(&batch.batch) {
                    Ok(rows) => this.rows = rows.into(),
                    Err(error) => {
                        this.failed = true;
                        return Poll::Ready(Some(Err(value_error(&error))));
                    }
                },
            }
        }
    }
}

impl<R, S: HttpService, H: fmt::Debug> fmt::Debug for RowStream<R, S, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RowStream").field(&self.batches).finish()
    }
}

/// An exchange of typed rows, over an [`ExchangeStream`] of batches.
pub struct RowExchange<I, O, S: HttpService = Connection, H = ()> {
    batches: ExchangeStream<S, H>,
    rows: PhantomData<fn(I) -> O>,
}

impl<I: Record, O: Record, S: HttpService, H> RowExchange<I, O, S, H> {
    pub(crate) fn new(batches: ExchangeStream<S, H>) -> Self {
        Self { batches, rows: PhantomData }
    }

    /// What came when the exchange was opened.
    pub fn header(&self) -> &H {
        self.batches.header()
    }

    /// Sends rows, gives the rows of the answer.
    ///
    /// # Errors
    ///
    /// As [`ExchangeStream::exchange`]; and when a value does not fit its Arrow type, either way.
    pub async fn exchange<'a>(
        &mut self,
        rows: impl IntoIterator<Item = &'a I, IntoIter: Clone>,
    ) -> Result<Vec<O>, RpcError> {
        let input = I::to_batch(rows.into_iter()).map_err(|error| value_error(&error))?;
        let output = self.batches.exchange(input).await?;
        O::rows(&output.batch).map_err(|error| value_error(&error))
    }

    /// Sends a batch of these rows, perhaps with metadata, gives the answer as it is.
    ///
    /// # Errors
    ///
    /// As [`ExchangeStream::exchange`].
    pub async fn exchange_batch(&mut self, input: impl Into<AnnotatedBatch>) -> Result<AnnotatedBatch, RpcError> {
        self.batches.exchange(input).await
    }

    /// Gives up, and tells the server; see [`ExchangeStream::cancel`].
    pub async fn cancel(&mut self) {
        self.batches.cancel().await;
    }
}

impl<I, O, S: HttpService, H: fmt::Debug> fmt::Debug for RowExchange<I, O, S, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RowExchange").field(&self.batches).finish()
    }
}
