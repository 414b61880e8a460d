//! Bodies that hold no request (§1.4): the answer is Arrow, and the connection goes on.

use bytes::Bytes;
use tower_vgi::rpc::Generation;
use tower_vgi::wire::{Frames, StreamEncoder, WireSchema};

use crate::support::{Ask, Case, Expected, Server, Tokens, both, check, column, row, service};

const NOT_ARROW: Expected = Expected::refused(400, "ArrowInvalid", "");
const NO_BATCH: Expected = Expected::refused(400, "StopIteration", "no batch");
const TOO_LARGE: Expected = Expected::Refused {
    status: 413,
    exception: "RequestTooLargeError",
    kind: None,
    code: "RESOURCE_EXHAUSTED",
    text: "max_request_bytes",
};

fn cut(generation: Generation, from_the_end: usize) -> Ask {
    let ask = Ask::add(generation);
    let bytes = ask.bytes();
    ask.body(bytes.slice(..bytes.len() - from_the_end))
}

fn large(generation: Generation, bytes: usize) -> Ask {
    Ask::unary(generation, "add", row([("a", column("x".repeat(bytes)))]))
}

fn without_batches(ask: Ask) -> Ask {
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(WireSchema::new(ask.batch.schema()).unwrap());
    encoder.write_schema(&mut frames);
    encoder.write_end(&mut frames);
    ask.body(frames.into_bytes())
}

#[tokio::test]
async fn what_is_no_arrow_stream_is_refused() {
    check(&[
        Case::same("empty", |g| Ask::add(g).body(""), NOT_ARROW),
        Case::same("text", |g| Ask::add(g).body("this is no Arrow IPC stream at all"), NOT_ARROW),
        Case::same("zeros", |g| Ask::add(g).body(vec![0; 64]), NOT_ARROW),
        Case::same("one byte", |g| Ask::add(g).body(vec![0xff]), NOT_ARROW),
        Case::same("a huge length", |g| Ask::add(g).body(&b"\xff\xff\xff\xff\xff\xff\xff\x7f"[..]), NOT_ARROW),
        Case::same("the end mark alone", |g| Ask::add(g).body(&b"\xff\xff\xff\xff\0\0\0\0"[..]), NOT_ARROW),
        Case::same("cut in the batch's columns", |g| cut(g, 12), NOT_ARROW),
        Case::same("cut in the batch's header", |g| cut(g, 100), NOT_ARROW),
        Case::same("cut in the schema", |g| cut(g, Ask::add(g).bytes().len() - 40), NOT_ARROW),
        Case::same("a body in chunks that is empty", |g| Ask::add(g).body(""), NOT_ARROW).chunked(),
        Case::same("compressed, without a word", compressed, NOT_ARROW),
        Case::same("on a stream's init", |g| Ask::init(g, "count", Ask::add(g).batch).body("x"), NOT_ARROW),
        Case::same("on a stream's turn", |g| Ask::tick(g, "count", &Tokens::default()).body("x"), NOT_ARROW),
    ])
    .await;
}

fn compressed(generation: Generation) -> Ask {
    let ask = Ask::add(generation);
    let bytes = zstd::bulk::compress(&ask.bytes(), 1).unwrap();
    ask.body(bytes)
}

#[tokio::test]
async fn a_stream_without_a_batch_is_refused_on_every_route() {
    check(&[
        Case::same("unary", |g| without_batches(Ask::add(g)), NO_BATCH),
        Case::same("init", |g| without_batches(Ask::init(g, "count", Ask::add(g).batch)), NO_BATCH),
        Case::same("turn", |g| without_batches(Ask::tick(g, "count", &Tokens::default())), NO_BATCH),
    ])
    .await;
}

#[tokio::test]
async fn further_batches_are_ignored() {
    fn twice(ask: Ask) -> Ask {
        let mut frames = Frames::new();
        let mut encoder = StreamEncoder::new(WireSchema::new(ask.batch.schema()).unwrap());
        encoder.write_schema(&mut frames);
        encoder.write_batch(&ask.batch, &ask.metadata, &mut frames).unwrap();
        encoder.write_batch(&ask.batch, &ask.metadata, &mut frames).unwrap();
        encoder.write_end(&mut frames);
        ask.body(frames.into_bytes())
    }
    check(&[
        Case::same("two batches", |g| twice(Ask::add(g)), Expected::Good),
        Case::same("in chunks", Ask::add, Expected::Good).chunked(),
    ])
    .await;
}

#[tokio::test]
async fn what_exceeds_the_cap_is_refused_however_it_is_sent() {
    const MIB: usize = 1 << 20;
    check(&[
        // At the cap it is taken, and fails for what it is.
        Case::same("below the cap", |g| large(g, MIB - 4096), Expected::type_error("")),
        Case::same("announced", |g| large(g, MIB), TOO_LARGE),
        Case::same("in chunks", |g| large(g, MIB), TOO_LARGE).chunked(),
        Case::same("no Arrow at all", |g| Ask::add(g).body(vec![b'x'; MIB + 1]), TOO_LARGE),
        Case::same("exactly the cap", |g| Ask::add(g).body(vec![b'x'; MIB]), NOT_ARROW),
    ])
    .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_its_connection_and_no_other() {
    use tokio::io::AsyncWriteExt as _;

    let server = Server::start(service()).await;
    for generation in both() {
        let bytes: Bytes = Ask::add(generation).bytes();
        let path = Ask::add(generation).path;
        let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.apache.arrow.stream\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&bytes[..bytes.len() / 2]).await.unwrap();
        drop(stream);
        let answer = server.connect().await.send(Ask::add(generation)).await;
        assert_eq!(answer.result::<f64>(), 3.0);
    }
}

#[tokio::test]
async fn a_caller_that_asks_first_is_not_told_to_send_what_will_be_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let server = Server::start(service()).await;
    for (path, status) in [("/add", "413"), ("/nonesuch", "404")] {
        let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.apache.arrow.stream\r\n\
             Content-Length: 1100000\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer[..12]), format!("HTTP/1.1 {status}"));
    }
}
