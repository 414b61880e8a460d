use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use http::{HeaderMap, Request, Response, StatusCode};
use tower::{ServiceExt as _, service_fn};
use tower_layer::Layer as _;
use tower_vgi::external::{UploadUrl, UploadUrls};
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi::wire::{AnnotatedBatch, Limits, Metadata, decode_batch, encode_batch, keys};
use tower_vgi::{Advertise as _, Body, BoxError, Capabilities};

use super::UploadUrlLayer;
use crate::testing::collect;

#[derive(Default)]
struct Numbered {
    given: AtomicUsize,
    fails: bool,
}

impl UploadUrls for Numbered {
    async fn upload_url(&self) -> Result<UploadUrl, BoxError> {
        if self.fails {
            return Err("no bucket".into());
        }
        let number = self.given.fetch_add(1, Ordering::SeqCst);
        Ok(UploadUrl::new(format!("https://put/{number}"), format!("https://get/{number}"), None))
    }
}

fn body(column: Option<ArrayRef>, metadata: &[(&str, &str)]) -> Body {
    let column = column.unwrap_or_else(|| std::sync::Arc::new(Int64Array::from(vec![1])));
    let batch = RecordBatch::try_from_iter([("count", column)]).unwrap();
    Body::from(encode_batch(&batch, &metadata.iter().copied().collect::<Metadata>()).unwrap())
}

const ENVELOPE: [(&str, &str); 2] = [(keys::METHOD, "__upload_url__"), (keys::REQUEST_VERSION, "1")];

async fn answer(urls: Numbered, request: Request<Body>) -> (StatusCode, HeaderMap, AnnotatedBatch) {
    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("inner"))));
    let response = UploadUrlLayer::new(urls).layer(inner).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let batch = decode_batch(collect(body).await.unwrap().into(), Limits::default()).unwrap();
    (head.status, head.headers, batch)
}

fn post(body: Body) -> Request<Body> {
    Request::post("/__upload_url__/init").header("content-type", ARROW_STREAM).body(body).unwrap()
}

#[tokio::test]
async fn as_many_are_given_as_are_asked_for_up_to_a_hundred() {
    for (asked, given) in [(-5, 1), (0, 1), (1, 1), (7, 7), (100, 100), (1_000_000, 100)] {
        let column: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![asked]));
        let (status, headers, batch) = answer(Numbered::default(), post(body(Some(column), &ENVELOPE))).await;
        assert_eq!((status, batch.batch.num_rows()), (StatusCode::OK, given), "{asked}");
        assert_eq!(headers["content-type"], ARROW_STREAM);
        let uploads: &StringArray = batch.batch.column(0).as_string();
        assert!(uploads.iter().all(|url| url.unwrap().starts_with("https://put/")));
    }
    let none: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![None]));
    let (_, _, batch) = answer(Numbered::default(), post(body(Some(none), &ENVELOPE))).await;
    assert_eq!(batch.batch.num_rows(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let text: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["many"]));
    for (request, status, error) in [
        (post(Body::from("no Arrow")), 400, "ArrowInvalid"),
        (post(Body::empty()), 400, "ArrowInvalid"),
        (post(body(None, &[])), 400, "TypeError"),
        (post(body(None, &ENVELOPE[..1])), 400, "VersionError"),
        (post(body(None, &[(keys::METHOD, "other"), ENVELOPE[1]])), 400, "TypeError"),
        (post(body(Some(text), &ENVELOPE)), 400, "TypeError"),
        (post(Body::from(vec![0; 100_000])), 413, "RequestTooLargeError"),
        (Request::post("/__upload_url__/init").body(body(None, &ENVELOPE)).unwrap(), 415, "TypeError"),
    ] {
        let (found, _, batch) = answer(Numbered::default(), request).await;
        let message = batch.metadata.get_str(keys::LOG_MESSAGE).unwrap().to_owned();
        assert_eq!(found.as_u16(), status, "{message}");
        assert!(message.starts_with(error), "{error}: {message}");
    }
}

#[tokio::test]
async fn without_urls_callers_may_try_again() {
    let (status, _, batch) = answer(Numbered { fails: true, ..Numbered::default() }, post(body(None, &ENVELOPE))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(batch.metadata.get_str(keys::ERROR_CODE), Some("UNAVAILABLE"));
    assert!(batch.metadata.get_str(keys::LOG_MESSAGE).unwrap().contains("no bucket"));
}

#[tokio::test]
async fn everything_else_goes_to_the_service_inside() {
    for request in [
        Request::get("/__upload_url__/init").body(Body::empty()).unwrap(),
        Request::post("/__upload_url__").body(Body::empty()).unwrap(),
        Request::post("/P/__upload_url__/init").body(Body::empty()).unwrap(),
    ] {
        let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("inner"))));
        let response = UploadUrlLayer::new(Numbered::default()).layer(inner).oneshot(request).await.unwrap();
        assert_eq!(collect(response.into_body()).await.unwrap(), "inner");
    }
}

#[test]
fn callers_are_told() {
    let capabilities = Capabilities::new().with(&UploadUrlLayer::new(Numbered::default()).max_upload_bytes(5));
    let told: Vec<_> =
        capabilities.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(told, [("vgi-upload-url-support", "true"), ("vgi-max-upload-bytes", "5")]);
    UploadUrlLayer::new(Numbered::default()).advertise(&mut Capabilities::new());
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&UploadUrlLayer::new(Numbered::default()), || Request::new(Body::empty())).await;
}
