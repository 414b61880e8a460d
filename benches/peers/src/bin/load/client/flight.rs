//! [`Flight`]: a connection of HTTP/2 under Arrow Flight.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, FlightData, FlightDescriptor, Ticket};
use arrow_ipc::root_as_message;
use bytes::Bytes;
use peers::{Template, data};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

use super::Style;
use crate::server::Target;

/// As much as the largest echo needs; tonic's own limit is 4 MiB.
const MAX_MESSAGE: usize = 64 << 20;

pub(crate) struct Flight(FlightServiceClient<Channel>);

impl Flight {
    pub(crate) async fn connect(target: &Target, style: Style) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{}", target.address))?.connect().await?;
        let mut client = FlightServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        if style.zstd {
            client = client.send_compressed(CompressionEncoding::Zstd).accept_compressed(CompressionEncoding::Zstd);
        }
        Ok(Self(client))
    }

    /// A unary call; its answer.
    pub(crate) async fn action(&mut self, method: &str, body: Bytes) -> Result<Bytes> {
        let mut results = self.0.do_action(Action { r#type: method.to_owned(), body }).await?.into_inner();
        let result = results.message().await?.context("no result")?;
        while results.message().await?.is_some() {}
        Ok(result.body)
    }

    /// How many rows came in how many requests, and when the first batch was there.
    pub(crate) async fn produce(&mut self, batches: i64, rows: i64) -> Result<(i64, u64, Instant)> {
        let ticket = [batches.to_le_bytes(), rows.to_le_bytes()].concat().into();
        let mut messages = self.0.do_get(Ticket { ticket }).await?.into_inner();
        let (mut received, mut first) = (0, None);
        while let Some(data) = messages.message().await? {
            let message = root_as_message(&data.data_header)?;
            let Some(batch) = message.header_as_record_batch() else { continue };
            ensure!(data.data_body.len() as i64 == message.bodyLength(), "a batch is cut short");
            received += batch.length();
            first.get_or_insert_with(Instant::now);
        }
        Ok((received, 1, first.context("a producer without a batch")?))
    }

    /// Opens an exchange.
    pub(crate) async fn exchange(&mut self, turn: &Template, rows: usize) -> Result<FlightExchange> {
        let (schema, header, body) = turn.parts();
        let message = |header: &[u8], body: &[u8]| FlightData {
            data_header: Bytes::copy_from_slice(header),
            data_body: Bytes::copy_from_slice(body),
            ..Default::default()
        };
        let (sender, receiver) = mpsc::channel(4);
        let descriptor = FlightDescriptor::new_cmd(data::FACTOR.to_le_bytes().to_vec());
        sender.send(FlightData { flight_descriptor: Some(descriptor), ..Default::default() }).await?;
        sender.send(message(schema, &[])).await?;
        let answers = self.0.do_exchange(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(FlightExchange { sender, answers, turn: message(header, body), rows })
    }
}

/// An exchange on one stream.
pub(crate) struct FlightExchange {
    sender: mpsc::Sender<FlightData>,
    answers: Streaming<FlightData>,
    turn: FlightData,
    rows: usize,
}

impl FlightExchange {
    /// The last value of the answer.
    pub(crate) async fn turn(&mut self) -> Result<f64> {
        self.sender.send(self.turn.clone()).await?;
        loop {
            let data = self.answers.message().await?.context("the exchange ended")?;
            let message = root_as_message(&data.data_header)?;
            let Some(batch) = message.header_as_record_batch() else { continue };
            ensure!(batch.length() == self.rows as i64, "{} rows back, not {}", batch.length(), self.rows);
            // The column's bitmap and its values.
            let buffers = batch.buffers().filter(|buffers| buffers.len() == 2).context("not one column of float64")?;
            let last = usize::try_from(buffers.get(1).offset())? + (self.rows - 1) * 8;
            let value = data.data_body.get(last..).and_then(|bytes| bytes.first_chunk()).context("a short batch")?;
            return Ok(f64::from_le_bytes(*value));
        }
    }
}
