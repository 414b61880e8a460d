//! The load generator: starts servers, drives them over loopback, and makes tables of what it saw.

mod beside;
mod calm;
mod client;
mod compare;
mod measurement;
mod proc_files;
mod process;
mod server;
mod soak;
mod table;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};

use server::Server;

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure every server with every workload, in turn.
    Compare(compare::Options),
    /// Measure what servers cost more than the first one, which runs at the same time.
    Beside(beside::Options),
    /// Load one server after the other for long, and watch what they hold.
    Soak(soak::Options),
    /// Print the table of measurements made before.
    Table {
        /// The measurements.
        results: PathBuf,
    },
}

/// Which servers, and where to write.
#[derive(Args)]
struct Setup {
    /// The file with the servers.
    #[arg(long)]
    servers: PathBuf,
    /// The folder for measurements and the servers' own output.
    #[arg(long)]
    out: PathBuf,
    /// Names of servers, with commas between. Default: all; for the soak, the first.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

impl Setup {
    fn servers(&self) -> Result<Vec<Server>> {
        std::fs::create_dir_all(self.out.join("logs"))?;
        let mut servers = Server::read(&self.servers)?;
        if let Some(unknown) = self.only.iter().find(|name| !servers.iter().any(|server| server.name == **name)) {
            anyhow::bail!("--only {unknown}: {} has no such server", self.servers.display());
        }
        if !self.only.is_empty() {
            servers.retain(|server| self.only.contains(&server.name));
        }
        ensure!(!servers.is_empty(), "{} has no servers", self.servers.display());
        Ok(servers)
    }
}

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Compare(options) => compare::run(&options),
        Command::Beside(options) => beside::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Table { results } => table::print(&results),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The client has one thread, so that it takes the same from every server.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
