//! The floor: hyper alone. It drains each request and answers with bytes that were there before; no server of this work
//! on hyper can do less.

mod answers;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use answers::{Answer, Answers};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use peers::{ARROW_STREAM, PROTOCOL, data};

async fn answer(answers: &Answers, turn: &AtomicI64, request: Request<Incoming>) -> Response<Answer> {
    let size = usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX);
    let (parts, mut body) = request.into_parts();
    while let Some(Ok(_)) = body.frame().await {}
    let compressed = parts.headers.contains_key(CONTENT_ENCODING);
    let streamed = parts.headers.contains_key("vgi-accept-producer-stream");
    let method = parts.uri.path().strip_prefix('/').and_then(|path| path.strip_prefix(PROTOCOL)).unwrap_or_default();
    let whole = |bytes: &Bytes| Some(Either::Left(Full::new(bytes.clone())));
    let body = match method {
        "/add" => whole(&answers.add),
        "/echo_bytes" if compressed => whole(&answers.echo_compressed),
        "/echo_bytes" => answers.echo(size).and_then(whole),
        "/produce/init" if streamed => Some(Either::Right(answers.produce_streamed())),
        "/produce/init" => {
            turn.store(1, Ordering::Relaxed);
            whole(&answers.produce_first)
        }
        "/produce/exchange" if turn.fetch_add(1, Ordering::Relaxed) + 1 < data::PRODUCED_BATCHES => {
            whole(&answers.produce_next)
        }
        "/produce/exchange" => whole(&answers.produce_last),
        "/scale/init" => whole(&answers.scale_init),
        "/scale/exchange" => answers.scale(size).and_then(whole),
        _ => None,
    };
    let Some(body) = body else {
        let mut response = Response::new(Either::Left(Full::default()));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(ARROW_STREAM));
    if compressed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    }
    response
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = peers::port_argument()?;
    let answers = Arc::new(Answers::new()?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = answers.clone();
        tokio::spawn(async move {
            // The state that the others put into a token.
            let turn = Arc::new(AtomicI64::new(0));
            let service = service_fn(|request| {
                let (answers, turn) = (answers.clone(), turn.clone());
                async move { Ok::<_, Infallible>(answer(&answers, &turn, request).await) }
            });
            // A client that goes away is no error.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
