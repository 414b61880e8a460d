//! The server. `cargo run -- --help` lists its flags.

use std::path::PathBuf;

use clap::Parser as _;
use query_cursor::data;
use query_cursor::service::{Database, QueryServer};
use tower_vgi::BoxError;
use tower_vgi::rpc::RpcService;
use tower_vgi_layers::Stack;

/// The command line.
#[derive(clap::Parser)]
struct Flags {
    /// The port to listen on; 0 lets the system choose
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The SQLite file to query; without one, some data are made
    #[arg(long)]
    database: Option<PathBuf>,
    /// How many trips the data that are made have
    #[arg(long, default_value_t = 100_000)]
    trips: u32,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let flags = Flags::parse();
    let file = match flags.database {
        Some(file) => file,
        None => {
            let file = std::env::temp_dir().join(format!("query-cursor-{}.db", std::process::id()));
            data::make(&file, flags.trips)?;
            file
        }
    };
    let service = RpcService::builder().protocol(QueryServer::new(Database { file })).build()?;
    Stack::builder(service).sticky(true).build()?.serve().port(flags.port).await?;
    Ok(())
}
