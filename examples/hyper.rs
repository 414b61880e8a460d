//! A stack under hyper alone: your own accept loop, your own connection settings.
//!
//! ```sh
//! cargo run --example hyper                 # or `-- 9000` for another port
//! curl http://127.0.0.1:8080/health
//! ```
//!
//! [`tower_vgi_layers::serve`] does this with a drain, timeouts and TLS; here is what it is made of.

use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
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

/// What is served.
pub fn app() -> Result<Stack, BoxError> {
    let service = RpcService::builder().protocol(GreeterServer::new(Friendly)).build()?;
    Ok(Stack::new(service)?)
}

/// Serves each connection in a task of its own, in whichever version of HTTP it speaks.
pub async fn accept(listener: TcpListener, app: Stack) -> Result<(), BoxError> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        let service = TowerToHyperService::new(app.clone());
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("a connection broke: {error}");
            }
        });
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    accept(listener, app()?).await
}
