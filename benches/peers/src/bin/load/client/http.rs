//! [`Http`]: a kept connection of HTTP/1.1.

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use peers::{ARROW_STREAM, Scan, Template, data, keys};
use tokio::net::TcpStream;

use super::Style;
use crate::server::Target;

/// A producer of more requests does not end.
const MAX_REQUESTS: u64 = 10_000;

pub(crate) struct Http {
    sender: SendRequest<Full<Bytes>>,
    /// Of every request.
    headers: HeaderMap,
    target: Target,
    style: Style,
}

impl Http {
    pub(crate) async fn connect(target: &Target, style: Style) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its error shows in the request that it breaks.
        tokio::spawn(async { _ = connection.await });
        let mut headers = HeaderMap::new();
        headers.insert(HOST, target.address.to_string().parse()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(ARROW_STREAM));
        if let Some(authorization) = &target.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if style.zstd {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("zstd"));
        }
        if style.streamed {
            headers.insert("vgi-accept-producer-stream", HeaderValue::from_static("true"));
        }
        Ok(Self { sender, headers, target: target.clone(), style })
    }

    /// Counts the bytes of the answer.
    pub(crate) async fn count(&mut self, path: &str, body: Bytes) -> Result<usize> {
        let mut body = self.post(path, body).await?.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(bytes)
    }

    /// The answer, decompressed, and how long it was on the wire.
    pub(crate) async fn gather(&mut self, path: &str, body: Bytes) -> Result<(Bytes, usize)> {
        let body = self.post(path, body).await?.into_body().collect().await?.to_bytes();
        let wire = body.len();
        let plain = if self.style.zstd { zstd::stream::decode_all(&body[..])?.into() } else { body };
        Ok((plain, wire))
    }

    /// How many rows came in how many requests, and when the first batch was there.
    pub(crate) async fn produce(&mut self, batches: i64, rows: i64) -> Result<(i64, u64, Instant)> {
        let (init, next) = (self.target.path("produce/init"), self.target.path("produce/exchange"));
        let parameters = self.target.body("produce", &data::integers([("batches", batches), ("rows", rows)])?)?;
        let tick = Template::new(&data::tick()?)?;
        let mut first = None;
        let mut scan = self.scan(&init, parameters, &mut first).await?;
        let call = scan.call.take();
        let (mut received, mut requests) = (scan.rows, 1);
        while let Some(state) = if self.style.streamed { scan.continuation.take() } else { scan.state.take() } {
            let body = tick.stream(&tokens(&state, call.as_deref()))?;
            scan = self.scan(&next, body.into(), &mut first).await?;
            received += scan.rows;
            requests += 1;
            ensure!(requests < MAX_REQUESTS, "the producer does not end");
        }
        Ok((received, requests, first.context("a producer without a batch")?))
    }

    /// Opens an exchange.
    pub(crate) async fn exchange(&mut self, turn: Template, rows: usize) -> Result<HttpExchange<'_>> {
        let parameters = self.target.body("scale", &data::floats([("factor", data::FACTOR)])?)?;
        let mut scan = self.scan(&self.target.path("scale/init"), parameters, &mut None).await?;
        let state = scan.state.take().context("no state token at the opening")?;
        let path = self.target.path("scale/exchange");
        Ok(HttpExchange { http: self, path, turn, rows: i64::try_from(rows)?, state, call: scan.call.take() })
    }

    /// Follows the answer as it arrives.
    async fn scan(&mut self, path: &str, body: Bytes, first: &mut Option<Instant>) -> Result<Scan> {
        let mut body = self.post(path, body).await?.into_body();
        let mut scan = Scan::new();
        while let Some(frame) = body.frame().await {
            if let Some(bytes) = frame?.data_ref() {
                scan.feed(bytes)?;
            }
            if first.is_none() && scan.batches > 0 {
                *first = Some(Instant::now());
            }
        }
        scan.finish()?;
        Ok(scan)
    }

    /// Sends a request; an answer that is an error is one.
    async fn post(&mut self, path: &str, body: Bytes) -> Result<Response<Incoming>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse()?;
        *request.headers_mut() = self.headers.clone();
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status() != StatusCode::OK || response.headers().contains_key("x-vgi-rpc-error") {
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            let start = &body[..body.len().min(600)];
            bail!("{path}: {} {:?} {}", parts.status, parts.headers, String::from_utf8_lossy(start));
        }
        let encoding = response.headers().get(CONTENT_ENCODING);
        ensure!(
            !self.style.zstd || encoding.is_some_and(|name| name == "zstd"),
            "{path}: the answer is not compressed"
        );
        Ok(response)
    }
}

/// An exchange over requests of their own.
pub(crate) struct HttpExchange<'a> {
    http: &'a mut Http,
    path: String,
    turn: Template,
    rows: i64,
    state: String,
    call: Option<String>,
}

impl HttpExchange<'_> {
    pub(crate) async fn turn(&mut self) -> Result<()> {
        let body = self.body()?;
        let mut scan = self.http.scan(&self.path, body, &mut None).await?;
        ensure!(scan.rows == self.rows, "{} rows back, not {}", scan.rows, self.rows);
        self.state = scan.state.take().context("no state token in a turn")?;
        Ok(())
    }

    pub(crate) async fn turn_decoded(&mut self) -> Result<f64> {
        let body = self.body()?;
        let (body, _) = self.http.gather(&self.path, body).await?;
        let batch = Scan::first_batch(&body)?;
        let mut scan = Scan::new();
        scan.feed(&body)?;
        self.state = scan.state.take().context("no state token in a turn")?;
        let column = batch.columns().first().and_then(|column| column.as_primitive_opt::<Float64Type>());
        column.and_then(|column| column.values().last().copied()).context("no column of float64")
    }

    fn body(&self) -> Result<Bytes> {
        Ok(self.turn.stream(&tokens(&self.state, self.call.as_deref()))?.into())
    }
}

fn tokens<'a>(state: &'a str, call: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    std::iter::once((keys::STREAM_STATE, state)).chain(call.map(|call| (keys::CALL_STATE, call))).collect()
}
