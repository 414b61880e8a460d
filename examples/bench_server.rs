//! The `Bench` protocol, for comparing servers: each method does next to nothing, so that what is measured is the
//! transport.
//!
//! ```sh
//! cargo run --release --example bench_server -- --port 7110
//! cargo run --release --example bench_server -- --port 7110 --layers none          # the core alone
//! cargo run --release --example bench_server -- --port 7110 --layers request-id,compression
//! cargo run --release --example bench_server -- --port 7110 --with bearer,access-log   # besides the default ones
//! ```

#[allow(dead_code)]
#[path = "bench_server/additions.rs"]
mod additions;
#[path = "bench_server/layers.rs"]
mod layers;
#[path = "bench_server/service.rs"]
mod service;

use clap::Parser;
use tower_vgi::BoxError;
use tower_vgi_layers::{Stack, serve};

use additions::Addition;
use layers::Layers;

#[derive(Parser)]
struct Options {
    /// The port to listen on; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The layers around the core: `none`, `default`, `all` (configured, below /vgi), or names of places.
    #[arg(long, default_value = "default")]
    layers: Layers,
    /// What comes besides to the default layers.
    #[arg(long, value_delimiter = ',', conflicts_with = "layers")]
    with: Vec<Addition>,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    let service = service::service()?;
    if !options.with.is_empty() {
        let info = service.info();
        let mut builder = Stack::builder(service);
        for addition in options.with {
            builder = addition.add_to(builder, &info)?;
        }
        return Ok(builder.build()?.serve().port(options.port).await?);
    }
    match options.layers.around(service.clone())? {
        Some(stack) => stack.serve().port(options.port).await?,
        None => serve(service).port(options.port).await?,
    }
    Ok(())
}
