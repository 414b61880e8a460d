//! From a request for URLs to the response with them.

use std::pin::pin;
use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use futures_util::future::try_join_all;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use tower_vgi::drain::Drain;
use tower_vgi::external::{UploadUrl, UploadUrls};
use tower_vgi::rpc::{ARROW_STREAM, RequestDecoder, error_response};
use tower_vgi::wire::{AnnotatedBatch, Metadata, encode_batch, keys};
use tower_vgi::{Body, BoxError, ErrorCode, RpcError};

/// The name of the method that all servers have for it.
const METHOD: &str = "__upload_url__";

/// As many as are given out at once.
const MAX_COUNT: i64 = 100;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("upload_url", DataType::Utf8, true),
        Field::new("download_url", DataType::Utf8, true),
        Field::new("expires_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]))
});

pub(super) async fn answer<U, B>(urls: Arc<U>, decoder: RequestDecoder, request: Request<B>) -> Response<Body>
where
    U: UploadUrls,
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    let (head, body) = request.into_parts();
    let mut body = pin!(body);
    if let Err(refused) = RequestDecoder::check_head(&head.headers) {
        Drain::untouched(head.version, &head.headers, &*body).finish(body.as_mut()).await;
        return error_response(&refused, &head.headers);
    }
    let answered = async {
        let request = decoder.decode(&head, body).await?;
        let count = count(&request)?;
        let given = try_join_all((0..count).map(|_| urls.upload_url())).await.map_err(|error| not_given(&error))?;
        encoded(&given)
    };
    match answered.await {
        Ok(bytes) => {
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(ARROW_STREAM));
            response
        }
        Err(error) => error_response(&error, &head.headers),
    }
}

/// How many are asked for.
fn count(request: &AnnotatedBatch) -> Result<i64, RpcError> {
    let bad = |error: RpcError| Err(error.with_status(StatusCode::BAD_REQUEST));
    let metadata = &request.metadata;
    match metadata.get_str(keys::METHOD) {
        Some(METHOD) => {}
        sent => {
            return bad(RpcError::type_error(format!(
                "Method mismatch: the URL path has '{METHOD}', the request batch's '{}' is '{}'",
                keys::METHOD,
                sent.unwrap_or_default()
            )));
        }
    }
    if metadata.get_str(keys::REQUEST_VERSION) != Some("1") {
        let sent = metadata.get_str(keys::REQUEST_VERSION).unwrap_or_default();
        return bad(RpcError::new(
            "VersionError",
            format!("Unsupported request version '{sent}', expected '1' as '{}'", keys::REQUEST_VERSION),
        ));
    }
    let Some(column) = request.batch.column_by_name("count").filter(|column| !column.is_empty()) else { return Ok(1) };
    match column.as_primitive_opt::<Int64Type>() {
        Some(counts) if counts.is_valid(0) => Ok(counts.value(0).clamp(1, MAX_COUNT)),
        Some(_) => Ok(1),
        None => bad(RpcError::type_error(format!("'count' has to be an int64, not {}", column.data_type()))),
    }
}

fn encoded(urls: &[UploadUrl]) -> Result<bytes::Bytes, RpcError> {
    let upload = StringArray::from_iter_values(urls.iter().map(|url| &url.upload_url));
    let download = StringArray::from_iter_values(urls.iter().map(|url| &url.download_url));
    let expires = urls.iter().map(|url| url.expires_at.map(|until| until.timestamp_micros()));
    let expires = TimestampMicrosecondArray::from_iter(expires).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![Arc::new(upload), Arc::new(download), Arc::new(expires)];
    let failed = |error: &dyn std::fmt::Display| {
        RpcError::runtime_error(format!("the URLs cannot be encoded: {error}")).with_code(ErrorCode::Internal)
    };
    let batch = RecordBatch::try_new(SCHEMA.clone(), columns).map_err(|error| failed(&error))?;
    encode_batch(&batch, &Metadata::new()).map_err(|error| failed(&error))
}

fn not_given(error: &BoxError) -> RpcError {
    RpcError::runtime_error(format!("there are no upload URLs now: {error}"))
        .with_code(ErrorCode::Unavailable)
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
}
