//! One layer of ours over somebody else's service: an axum application that takes and sends zstd.
//!
//! ```sh
//! cargo run --example one_layer             # or `-- 9000` for another port
//! curl -H 'accept-encoding: zstd' -o numbers.zst http://127.0.0.1:8080/numbers && zstd -d numbers.zst
//! ```
//!
//! No core is needed: every layer works over any service of HTTP. This one compresses what calls itself an Arrow stream
//! and decodes whatever comes encoded, under a limit.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Router, serve};
use tokio::net::TcpListener;
use tower_vgi::BoxError;
use tower_vgi_layers::compression::{CompressionLayer, RequestBody};
use tower_vgi_layers::limit::RequestLimitLayer;

const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// An application as its authors wrote it, with two layers around it.
pub fn app() -> Result<Router, BoxError> {
    let application = Router::new()
        .route("/numbers", get(numbers))
        .route("/count", post(|body: Bytes| async move { body.len().to_string() }));
    let limited = RequestLimitLayer::new(1 << 20)?;
    let compression = CompressionLayer::new().max_decoded_bytes(16 << 20);
    Ok(Router::new().fallback_service(
        tower::ServiceBuilder::new()
            .layer(limited)
            .layer(compression)
            // axum takes its own body; what it was decoded to is one.
            .map_request(|request: axum::http::Request<RequestBody<_>>| request.map(Body::new))
            .service(application),
    ))
}

async fn numbers() -> impl IntoResponse {
    let text: String = (0..100_000).map(|number| format!("{number}\n")).collect();
    ([(CONTENT_TYPE, ARROW_STREAM)], text)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    serve(listener, app()?).await?;
    Ok(())
}
