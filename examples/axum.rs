//! A stack nested in an axum router, beside routes of your own.
//!
//! ```sh
//! cargo run --example axum                  # or `-- 9000` for another port
//! curl http://127.0.0.1:8080/               # axum's
//! curl http://127.0.0.1:8080/vgi/health     # the stack's
//! ```
//!
//! `nest_service` takes the prefix off the path, so the stack is built without one. Pages link with it all the same:
//! an extension says where they are mounted.

use axum::extract::Path;
use axum::http::Request;
use axum::routing::get;
use axum::{Json, Router, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_vgi::rpc::RpcService;
use tower_vgi::{BoxError, MountPrefix, Result};
use tower_vgi_layers::Stack;

/// Says hello.
#[tower_vgi::service]
pub trait Greeter {
    /// Greet somebody.
    async fn greet(&self, name: String) -> Result<String>;
}

struct Friendly;

impl Greeter for Friendly {
    async fn greet(&self, name: String) -> Result<String> {
        Ok(format!("Hello, {name}!"))
    }
}

/// Arrow RPC at `/vgi`, everything else as the application has it.
pub fn app() -> Result<Router, BoxError> {
    let service = RpcService::builder().protocol(GreeterServer::new(Friendly)).build()?;
    let mounted = ServiceBuilder::new()
        .map_request(|mut request: Request<axum::body::Body>| {
            request.extensions_mut().insert(MountPrefix("/vgi".into()));
            request
        })
        .service(Stack::new(service)?);
    Ok(Router::new()
        .route("/", get(|| async { "The Arrow RPC is at /vgi/." }))
        .route("/greet/{name}", get(|Path(name): Path<String>| async move { Json(json!({ "hello": name })) }))
        // Documents of this kind stand at the root of the host, whatever is mounted where.
        .route("/.well-known/oauth-protected-resource/vgi", get(protected_resource))
        .nest_service("/vgi", mounted))
}

async fn protected_resource() -> Json<Value> {
    Json(json!({ "resource": "http://127.0.0.1:8080/vgi", "authorization_servers": [] }))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    serve(listener, app()?).await?;
    Ok(())
}
