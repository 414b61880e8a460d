//! A connection that calls methods of two numbers.

use std::net::SocketAddr;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi::wire::{Metadata, encode_batch, keys};

pub(crate) struct Caller {
    sender: SendRequest<Full<Bytes>>,
    schema: Arc<Schema>,
}

impl Caller {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let field = |name| Field::new(name, DataType::Float64, false);
        Self { sender, schema: Arc::new(Schema::new(vec![field("a"), field("b")])) }
    }

    /// Calls `method(argument, 2)`; `opens` where a session is to be opened.
    pub(crate) async fn call(&mut self, method: &str, argument: f64, opens: bool) {
        let columns = [argument, 2.0].map(|value| Arc::new(Float64Array::from(vec![value])) as ArrayRef);
        let batch = RecordBatch::try_new(self.schema.clone(), columns.to_vec()).unwrap();
        let metadata = [(keys::METHOD, method), (keys::REQUEST_VERSION, "1"), (keys::PROTOCOL, "Bench")];
        let body = encode_batch(&batch, &Metadata::from_iter(metadata)).unwrap();
        let mut request = Request::post(format!("/Bench/{method}")).header("host", "localhost");
        request = request.header("content-type", ARROW_STREAM);
        if opens {
            request = request.header("vgi-session-accept", "true");
        }
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
        assert_eq!(response.headers().contains_key("vgi-session"), opens, "{:?}", response.headers());
        response.into_body().collect().await.unwrap();
    }
}
