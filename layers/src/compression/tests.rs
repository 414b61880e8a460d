//! The layer as a whole.

use super::*;
use crate::testing::collect;
use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::convert::Infallible;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tower::{Layer, ServiceExt, service_fn};
use tower_vgi::{Advertise, Body, BoxError, Capabilities, RpcError};

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Frames that come when the test sends them; no length.
struct Coming(mpsc::UnboundedReceiver<Result<Bytes, BoxError>>);

impl HttpBody for Coming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map_ok(Frame::data)
    }
}

/// A body whose length nobody knows.
fn chunked(pieces: impl IntoIterator<Item = Bytes>) -> Body {
    let (sender, receiver) = mpsc::unbounded_channel();
    pieces.into_iter().for_each(|piece| sender.send(Ok(piece)).unwrap());
    Body::new(Coming(receiver))
}

fn text(length: usize) -> Bytes {
    let numbers: Vec<u8> = (0..400_000u32).flat_map(u32::to_le_bytes).collect();
    numbers.iter().copied().cycle().take(length).collect::<Vec<u8>>().into()
}

fn compress(encoding: Encoding, plain: &[u8]) -> Bytes {
    match encoding {
        Encoding::Zstd => zstd::bulk::compress(plain, 1).unwrap().into(),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap().into()
        }
    }
}

fn decompress(encoding: &str, compressed: &[u8]) -> Vec<u8> {
    match encoding {
        "zstd" => zstd::stream::decode_all(compressed).unwrap(),
        "gzip" => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(compressed).read_to_end(&mut plain).unwrap();
            plain
        }
        _ => compressed.to_vec(),
    }
}

/// What the service inside saw of a request.
#[derive(Clone)]
struct Seen {
    headers: HeaderMap,
    hint: SizeHint,
    body: Bytes,
}

async fn send(layer: &CompressionLayer, request: Request<Body>) -> (Response<ResponseBody<Body>>, Option<Seen>) {
    let service = layer.layer(service_fn(async |request: Request<RequestBody<Body>>| {
        let mut response = Response::new(Body::empty());
        let (head, body) = request.into_parts();
        let hint = body.size_hint();
        if let Ok(body) = collect(body).await {
            response.extensions_mut().insert(Seen { headers: head.headers, hint, body });
        }
        Ok::<_, Infallible>(response)
    }));
    let response = service.oneshot(request).await.unwrap();
    let seen = response.extensions().get::<Seen>().cloned();
    (response, seen)
}

fn encoded(coding: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/f").header("content-encoding", coding).header("content-length", "77").body(body.into()).unwrap()
}

async fn refusal(layer: &CompressionLayer, request: Request<Body>) -> (StatusCode, String) {
    let (response, seen) = send(layer, request).await;
    assert!(seen.is_none(), "the service was called");
    let status = response.status();
    assert_eq!(response.headers()["content-type"], ARROW);
    (status, String::from_utf8_lossy(&collect(response.into_body()).await.unwrap()).into_owned())
}

#[tokio::test]
async fn requests_are_decoded_to_one_piece_of_known_size() {
    for encoding in [Encoding::Zstd, Encoding::Gzip] {
        for length in [1, 5000, 3_000_000] {
            let plain = text(length);
            let compressed = compress(encoding, &plain);
            let cut: Vec<_> = compressed.chunks(64 * 1024).map(Bytes::copy_from_slice).collect();
            for body in [Body::from(compressed), Body::from_frames(cut.clone()), chunked(cut)] {
                let (_, seen) = send(&CompressionLayer::new(), encoded(encoding.name(), body)).await;
                let seen = seen.unwrap();
                assert_eq!(seen.body, plain);
                assert_eq!(seen.hint.exact(), Some(length as u64));
                assert!(!seen.headers.contains_key("content-encoding"));
                assert!(!seen.headers.contains_key("content-length"));
            }
        }
    }
}

#[tokio::test]
async fn plain_requests_pass() {
    let (_, seen) = send(&CompressionLayer::new(), Request::new(Body::from("plain"))).await;
    assert_eq!(seen.unwrap().body, "plain");
    let (_, seen) = send(&CompressionLayer::new(), encoded("", "plain")).await;
    assert_eq!(seen.unwrap().body, "plain");
}

#[tokio::test]
async fn names_of_encodings_have_no_case() {
    let (_, seen) = send(&CompressionLayer::new(), encoded(" ZStd ", compress(Encoding::Zstd, b"abc"))).await;
    assert_eq!(seen.unwrap().body, "abc");
}

#[tokio::test]
async fn unknown_encodings_are_refused() {
    let layer = CompressionLayer::new();
    for coding in ["br", "identity", "zstd, gzip", "x"] {
        let (status, text) = refusal(&layer, encoded(coding, "abc")).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{coding}");
        assert!(text.contains("TypeError") && text.contains("[zstd, gzip]"), "{text}");
    }
    let mut twice = encoded("zstd", "abc");
    twice.headers_mut().append("content-encoding", "gzip".parse().unwrap());
    assert_eq!(refusal(&layer, twice).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let layer = layer.without(Encoding::Zstd);
    let (status, text) = refusal(&layer, encoded("zstd", compress(Encoding::Zstd, b"abc"))).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(text.contains("[gzip]"), "{text}");
}

#[tokio::test]
async fn the_two_directions_are_configured_apart() {
    let layer = CompressionLayer::new().decode([Encoding::Gzip]).encode([Encoding::Zstd]);
    let (_, seen) = send(&layer, encoded("gzip", compress(Encoding::Gzip, b"abc"))).await;
    assert_eq!(seen.unwrap().body, "abc");
    let (status, text) = refusal(&layer, encoded("zstd", compress(Encoding::Zstd, b"abc"))).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(text.contains("send one of [gzip] or none"), "{text}");
    assert_eq!(answer(layer, "gzip, zstd", |_| {}).await.headers()["content-encoding"], "zstd");
    let plain = answer(layer, "gzip", |_| {}).await;
    assert!(!plain.headers().contains_key("content-encoding") && plain.headers().contains_key("vary"));

    let (status, text) = refusal(&CompressionLayer::new().decode([]), encoded("zstd", "abc")).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(text.contains("send the body as it is"), "{text}");
}

#[tokio::test]
async fn bodies_that_are_not_what_they_say_are_refused() {
    for coding in ["zstd", "gzip"] {
        for body in [Body::from("nothing of the kind"), Body::empty(), chunked([Bytes::from_static(b"no")])] {
            let (status, text) = refusal(&CompressionLayer::new(), encoded(coding, body)).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(text.contains("ArrowInvalid"), "{text}");
        }
    }
}

#[tokio::test]
async fn bodies_that_become_too_large_are_refused() {
    let layer = CompressionLayer::new().max_decoded_bytes(9_999);
    for encoding in [Encoding::Zstd, Encoding::Gzip] {
        let compressed = compress(encoding, &[0; 10_000]);
        for body in [Body::from(compressed.clone()), chunked([compressed])] {
            let (status, text) = refusal(&layer, encoded(encoding.name(), body)).await;
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
            assert!(text.contains("RequestTooLargeError") && text.contains("9999"), "{text}");
        }
        let fits = encoded(encoding.name(), compress(encoding, &[0; 9_999]));
        assert_eq!(send(&layer, fits).await.1.unwrap().body.len(), 9_999);
    }
}

#[tokio::test]
async fn a_refusal_by_an_outer_layer_is_passed_on() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let limit = RpcError::new("RequestTooLargeError", "more than 3").with_status(StatusCode::PAYLOAD_TOO_LARGE);
    sender.send(Err(limit.into())).unwrap();
    let (status, text) = refusal(&CompressionLayer::new(), encoded("zstd", Body::new(Coming(receiver)))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("more than 3"), "{text}");
}

/// A response of Arrow to a request that accepts `wishes`.
async fn answer(
    layer: CompressionLayer,
    wishes: &str,
    change: impl Fn(&mut Response<Body>) + Clone + Send + 'static,
) -> Response<ResponseBody<Body>> {
    let service = layer.layer(service_fn(move |_: Request<RequestBody<Body>>| {
        let mut response = Response::new(Body::from(text(10_000)));
        response.headers_mut().insert("content-type", ARROW.parse().unwrap());
        response.headers_mut().insert("content-length", "10000".parse().unwrap());
        change(&mut response);
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    let request = Request::post("/f").header("accept-encoding", wishes).body(Body::empty()).unwrap();
    service.oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_body_of_known_length_is_compressed_as_a_whole() {
    for encoding in ["zstd", "gzip"] {
        for frames in [vec![text(10_000)], vec![text(500), text(9_000), text(500)], vec![text(1_600_000)]] {
            let plain = frames.concat();
            let response = answer(CompressionLayer::new(), encoding, move |response| {
                *response.body_mut() = Body::from_frames(frames.clone());
            })
            .await;
            assert_eq!(response.headers()["content-encoding"], encoding);
            assert_eq!(response.headers()["vary"], "Accept-Encoding, X-VGI-Accept-Encoding");
            assert!(!response.headers().contains_key("content-length"));
            let announced = response.body().size_hint().exact();
            let compressed = collect(response.into_body()).await.unwrap();
            assert_eq!(announced, Some(compressed.len() as u64));
            assert!(compressed.len() < plain.len());
            assert!(decompress(encoding, &compressed) == plain);
            if encoding == "zstd" {
                let size = zstd::zstd_safe::get_frame_content_size(&compressed).unwrap();
                assert_eq!(size, Some(plain.len() as u64));
            }
        }
    }
}

#[tokio::test]
async fn every_level_gives_a_frame_that_browsers_read() {
    for level in [1, 3, 9, 19, 22] {
        let layer = CompressionLayer::new().zstd_level(level).unwrap();
        let response = answer(layer, "zstd", |_| {}).await;
        let compressed = collect(response.into_body()).await.unwrap();
        let mut decoder = zstd::stream::Decoder::new(&compressed[..]).unwrap();
        decoder.window_log_max(23).unwrap();
        let mut plain = Vec::new();
        decoder.read_to_end(&mut plain).unwrap();
        assert_eq!(plain, text(10_000));
    }
    assert!(CompressionLayer::new().zstd_level(0).is_err());
    assert!(CompressionLayer::new().zstd_level(23).is_err());
}

#[tokio::test]
async fn the_first_frame_can_be_read_before_the_second_exists() {
    for encoding in ["zstd", "gzip"] {
        let (sender, receiver) = mpsc::unbounded_channel();
        let body = std::sync::Mutex::new(Some(Body::new(Coming(receiver))));
        let body = Arc::new(body);
        let response = answer(CompressionLayer::new(), encoding, move |response| {
            *response.body_mut() = body.lock().unwrap().take().unwrap();
        })
        .await;
        assert_eq!(response.headers()["content-encoding"], encoding);
        assert_eq!(response.body().size_hint().exact(), None);
        let mut body = Box::pin(response.into_body());
        let mut sent = Vec::new();
        for batch in ["the first batch, ", "the second, ", "the third"] {
            sender.send(Ok(Bytes::from_static(batch.as_bytes()))).unwrap();
            let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
            sent.extend_from_slice(&frame.into_data().unwrap());
            // Decoders give what they have when the stream is cut here.
            let mut readable = Vec::new();
            let _ = match encoding {
                "zstd" => zstd::stream::read::Decoder::new(&sent[..]).unwrap().read_to_end(&mut readable),
                _ => flate2::read::GzDecoder::new(&sent[..]).read_to_end(&mut readable),
            };
            assert!(readable.ends_with(batch.as_bytes()), "{encoding} {batch}");
        }
        drop(sender);
        sent.extend_from_slice(&collect(body).await.unwrap());
        assert_eq!(decompress(encoding, &sent), b"the first batch, the second, the third");
    }
}

#[tokio::test]
async fn a_body_that_fails_fails() {
    for known in [true, false] {
        let response = answer(CompressionLayer::new(), "zstd", move |response| {
            let (sender, receiver) = mpsc::unbounded_channel();
            sender.send(Ok(text(2000))).unwrap();
            sender.send(Err("broken".into())).unwrap();
            *response.body_mut() =
                if known { Body::new(Announced(Coming(receiver))) } else { Body::new(Coming(receiver)) };
        })
        .await;
        let error = collect(response.into_body()).await.unwrap_err();
        assert_eq!(error.to_string(), "broken");
    }
}

/// A body that says to have 4,000 bytes.
struct Announced(Coming);

impl HttpBody for Announced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(4000)
    }
}

#[tokio::test]
async fn what_cannot_or_must_not_be_compressed_is_left_alone() {
    type Change = fn(&mut Response<Body>);
    let cases: [(&str, Change, bool); 10] = [
        ("br", |_| {}, true),
        ("identity", |_| {}, true),
        ("zstd", |response| *response.body_mut() = Body::from(text(1023)), true),
        ("zstd", |response| drop(response.headers_mut().insert("content-type", "text/html".parse().unwrap())), false),
        (
            "zstd",
            |response| {
                drop(response.headers_mut().insert("content-type", format!("{ARROW}-like").parse().unwrap()));
            },
            false,
        ),
        ("zstd", |response| drop(response.headers_mut().insert("content-encoding", "br".parse().unwrap())), false),
        (
            "zstd",
            |response| drop(response.headers_mut().insert("x-vgi-content-encoding", "br".parse().unwrap())),
            false,
        ),
        (
            "zstd",
            |response| drop(response.headers_mut().insert("cache-control", "private, No-Transform".parse().unwrap())),
            false,
        ),
        ("zstd", |response| *response.status_mut() = StatusCode::NO_CONTENT, false),
        ("zstd", |response| *response.status_mut() = StatusCode::NOT_MODIFIED, false),
    ];
    for (wishes, change, varies) in cases {
        let response = answer(CompressionLayer::new(), wishes, change).await;
        assert_eq!(response.headers().contains_key("vary"), varies);
        assert_eq!(response.headers()["content-length"], "10000");
        let hint = response.body().size_hint().exact();
        let body = collect(response.into_body()).await.unwrap();
        assert!(text(10_000).starts_with(&body));
        assert_eq!(hint, Some(body.len() as u64));
    }
}

#[tokio::test]
async fn a_content_type_may_have_parameters() {
    for content_type in [format!("{ARROW}; charset=x"), ARROW.to_uppercase()] {
        let response = answer(CompressionLayer::new(), "zstd", move |response| {
            response.headers_mut().insert("content-type", content_type.parse().unwrap());
        })
        .await;
        assert_eq!(response.headers()["content-encoding"], "zstd");
    }
}

#[tokio::test]
async fn errors_are_compressed_too() {
    let response =
        answer(CompressionLayer::new(), "zstd", |response| *response.status_mut() = StatusCode::BAD_REQUEST).await;
    assert_eq!(response.headers()["content-encoding"], "zstd");
}

#[tokio::test]
async fn a_head_request_is_not_answered_with_an_encoding() {
    let service = CompressionLayer::new().layer(service_fn(async |_: Request<RequestBody<Body>>| {
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("content-type", ARROW.parse().unwrap());
        response.headers_mut().insert("content-length", "10000".parse().unwrap());
        Ok::<_, Infallible>(response)
    }));
    let request =
        Request::builder().method(Method::HEAD).header("accept-encoding", "zstd").body(Body::empty()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
    assert_eq!(response.headers()["content-length"], "10000");
}

#[tokio::test]
async fn without_encoding_requests_are_still_decoded() {
    let layer = CompressionLayer::decode_only();
    let response = answer(layer, "zstd, gzip", |_| {}).await;
    assert!(!response.headers().contains_key("content-encoding"));
    assert!(!response.headers().contains_key("vary"));
    let (_, seen) = send(&layer, encoded("zstd", compress(Encoding::Zstd, b"abc"))).await;
    assert_eq!(seen.unwrap().body, "abc");
}

#[test]
fn what_is_produced_is_advertised() {
    let advertised = |layer: CompressionLayer| {
        let mut capabilities = Capabilities::new();
        layer.advertise(&mut capabilities);
        capabilities.headers()[0].clone()
    };
    let (name, value) = advertised(CompressionLayer::new());
    assert_eq!((name.as_str(), value.to_str().unwrap()), ("vgi-supported-encodings", "zstd, gzip"));
    assert_eq!(advertised(CompressionLayer::new().without(Encoding::Zstd)).1, "gzip");
    assert_eq!(advertised(CompressionLayer::decode_only()).1, "");
    // What cannot be sent both ways would lead clients into a 415, or into waiting for what does not come.
    assert_eq!(advertised(CompressionLayer::new().decode([Encoding::Gzip])).1, "gzip");
    assert_eq!(advertised(CompressionLayer::new().encode([Encoding::Zstd])).1, "zstd");
    assert_eq!(advertised(CompressionLayer::new().decode([Encoding::Gzip]).encode([Encoding::Zstd])).1, "");
    assert_eq!(advertised(CompressionLayer::new().encode([Encoding::Gzip, Encoding::Zstd])).1, "zstd, gzip");
}

/// How often another task had its turn while this one worked.
async fn turns_during(work: impl Future<Output = ()>) -> usize {
    let turns = Arc::new(AtomicUsize::new(0));
    let counter = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    work.await;
    other.abort();
    turns.load(Ordering::Relaxed)
}

#[tokio::test]
async fn large_bodies_let_others_run() {
    let turns = turns_during(async {
        let response = answer(CompressionLayer::new(), "zstd", |response| {
            *response.body_mut() = Body::from(text(8 << 20));
        })
        .await;
        assert_eq!(response.headers()["content-encoding"], "zstd");
    })
    .await;
    assert!(turns > 20, "compression: {turns}");

    let request = encoded("zstd", compress(Encoding::Zstd, &text(32 << 20)));
    let turns = turns_during(async {
        assert!(send(&CompressionLayer::new(), request).await.1.is_some());
    })
    .await;
    assert!(turns > 10, "decompression: {turns}");
}

#[tokio::test]
async fn erased_bodies_are_what_they_were() {
    let service = CompressionLayer::new().layer(service_fn(async |request: Request<RequestBody<Body>>| {
        let mut response = Response::new(Body::from(request.into_body()));
        response.headers_mut().insert("content-type", ARROW.parse().unwrap());
        Ok::<_, Infallible>(response)
    }));
    let plain = text(5000);
    let compressed = compress(Encoding::Zstd, &plain);
    for wish in ["zstd", "identity"] {
        let requests = [
            Request::new(Body::from(plain.clone())),
            Request::new(chunked([plain.clone()])),
            encoded("zstd", compressed.clone()),
        ];
        for mut request in requests {
            request.headers_mut().insert("accept-encoding", wish.parse().unwrap());
            let response = service.clone().oneshot(request).await.unwrap();
            let encoding = response.headers().get("content-encoding").cloned();
            let body = Body::from(response.into_body());
            let hint = body.size_hint().exact();
            let body = collect(body).await.unwrap();
            assert!(hint.is_none_or(|hint| hint == body.len() as u64));
            let encoding = encoding.as_ref().map_or("", |value| value.to_str().unwrap());
            assert_eq!(encoding == "zstd", wish == "zstd");
            assert_eq!(decompress(encoding, &body), plain);
        }
    }
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&CompressionLayer::new(), || Request::new(Body::from("abc"))).await;
    crate::testing::check(&CompressionLayer::new(), || encoded("zstd", compress(Encoding::Zstd, b"abc"))).await;
}
