//! Arrow Flight: `DoAction` carries the unary calls, with the same Arrow IPC streams as body and result that the HTTP
//! servers get; `DoGet` produces and `DoExchange` exchanges, through arrow-flight's own encoder and decoder.

use std::io::Cursor;
use std::net::Ipv4Addr;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use peers::data;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status, Streaming};

/// As much as a message of the largest echo needs; tonic's own limit is 4 MiB.
const MAX_MESSAGE: usize = 64 << 20;

struct Bench {
    samples: RecordBatch,
}

fn unary(method: &str, body: &[u8]) -> Result<Vec<u8>, ArrowError> {
    let missing = || ArrowError::SchemaError(format!("{method} lacks a parameter"));
    let batch = StreamReader::try_new(Cursor::new(body), None)?.next().ok_or_else(missing)??;
    let result = match method {
        "add" => {
            let number = |index: usize| match batch.columns().get(index)?.as_primitive_opt::<Float64Type>()?.values()[..]
            {
                [value] => Some(value),
                _ => None,
            };
            let sum = number(0).zip(number(1)).map(|(a, b)| a + b).ok_or_else(missing)?;
            data::floats([("result", sum)])?
        }
        "echo_bytes" => {
            let column = batch.columns().first().and_then(|column| column.as_binary_opt::<i32>());
            // Through owned bytes, as in the handlers of the others.
            let bytes = column.and_then(|column| column.iter().next().flatten()).ok_or_else(missing)?.to_vec();
            data::binary("result", &bytes)?
        }
        _ => return Err(ArrowError::NotYetImplemented(method.to_owned())),
    };
    let mut writer = StreamWriter::try_new(Vec::new(), result.schema_ref())?;
    writer.write(&result)?;
    writer.into_inner()
}

fn bad(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}

/// The two whole numbers of a ticket, or the factor of a descriptor.
fn words<const N: usize>(bytes: &[u8]) -> Result<[[u8; 8]; N], Status> {
    let (words, _) = bytes.as_chunks::<8>();
    words.try_into().map_err(|_| bad(format_args!("{} bytes, not {}", bytes.len(), N * 8)))
}

type Answer<T> = BoxStream<'static, Result<T, Status>>;
type Answered<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl FlightService for Bench {
    type HandshakeStream = Answer<HandshakeResponse>;
    type ListFlightsStream = Answer<FlightInfo>;
    type DoGetStream = Answer<FlightData>;
    type DoPutStream = Answer<PutResult>;
    type DoActionStream = Answer<arrow_flight::Result>;
    type ListActionsStream = Answer<ActionType>;
    type DoExchangeStream = Answer<FlightData>;

    async fn do_action(&self, request: Request<Action>) -> Answered<Self::DoActionStream> {
        let action = request.into_inner();
        let body = unary(&action.r#type, &action.body).map_err(bad)?;
        Ok(Response::new(stream::iter([Ok(arrow_flight::Result { body: body.into() })]).boxed()))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answered<Self::DoGetStream> {
        let [batches, rows] = words::<2>(&request.into_inner().ticket)?.map(i64::from_le_bytes);
        if rows != self.samples.num_rows() as i64 {
            return Err(bad(format_args!("there are batches of {} rows only", self.samples.num_rows())));
        }
        let samples = self.samples.clone();
        let batches = stream::iter((0..batches).map(move |_| Ok(samples.clone())));
        let encoded = FlightDataEncoderBuilder::new().with_schema(data::sample_schema()).build(batches);
        Ok(Response::new(encoded.map_err(Status::from).boxed()))
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Answered<Self::DoExchangeStream> {
        let mut input = request.into_inner();
        // The first message carries the factor and nothing else.
        let first = input.message().await?.and_then(|first| first.flight_descriptor).unwrap_or_default();
        let [factor] = words::<1>(&first.cmd)?.map(f64::from_le_bytes);
        let input = FlightRecordBatchStream::new_from_flight_data(input.map_err(|e| FlightError::Tonic(e.into())));
        let output = input.map(move |batch| Ok(data::scaled(&batch?, factor)?));
        let encoded = FlightDataEncoderBuilder::new().with_schema(data::value_schema()).build(output);
        Ok(Response::new(encoded.map_err(Status::from).boxed()))
    }

    async fn handshake(&self, _: Request<Streaming<HandshakeRequest>>) -> Answered<Self::HandshakeStream> {
        Err(Status::unimplemented("handshake"))
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Answered<Self::ListFlightsStream> {
        Err(Status::unimplemented("list_flights"))
    }

    async fn get_flight_info(&self, _: Request<FlightDescriptor>) -> Answered<FlightInfo> {
        Err(Status::unimplemented("get_flight_info"))
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Answered<PollInfo> {
        Err(Status::unimplemented("poll_flight_info"))
    }

    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Answered<SchemaResult> {
        Err(Status::unimplemented("get_schema"))
    }

    async fn do_put(&self, _: Request<Streaming<FlightData>>) -> Answered<Self::DoPutStream> {
        Err(Status::unimplemented("do_put"))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Answered<Self::ListActionsStream> {
        Err(Status::unimplemented("list_actions"))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = (Ipv4Addr::LOCALHOST, peers::port_argument()?).into();
    let service = FlightServiceServer::new(Bench { samples: data::samples(data::PRODUCED_ROWS)? })
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
        .accept_compressed(CompressionEncoding::Zstd)
        .send_compressed(CompressionEncoding::Zstd);
    tonic::transport::Server::builder().add_service(service).serve(address).await?;
    Ok(())
}
