//! gRPC and Arrow RPC on one port: tonic's services and a stack in one router.
//!
//! ```sh
//! cargo run --example tonic                 # or `-- 9000` for another port
//! curl http://127.0.0.1:8080/vgi/health                                   # the stack, over HTTP/1.1 or HTTP/2
//! grpcurl -plaintext -proto health.proto 127.0.0.1:8080 grpc.health.v1.Health/Check      # gRPC, over HTTP/2
//! ```

use axum::{Router, serve};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tower_vgi::rpc::RpcService;
use tower_vgi::{BoxError, Result};
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

/// gRPC's own health service at its usual path, Arrow RPC at `/vgi`.
pub async fn app() -> Result<Router, BoxError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("greeter", tonic_health::ServingStatus::Serving).await;

    let service = RpcService::builder().protocol(GreeterServer::new(Friendly)).build()?;
    Ok(Routes::new(health).into_axum_router().nest_service("/vgi", Stack::new(service)?))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    serve(listener, app().await?).await?;
    Ok(())
}
