//! `tower-vgi`: describes vgi-rpc servers and calls their methods, from the command line.
//!
//! ```sh
//! tower-vgi describe http://127.0.0.1:8080
//! tower-vgi call http://127.0.0.1:8080 add a=1.5 b=2.25
//! tower-vgi call http://127.0.0.1:8080 countdown n=1000000 --output ticks.arrow
//! echo '{"value": 2.0}' | tower-vgi call http://127.0.0.1:8080 scale factor=10
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod call;
mod capabilities;
mod connect;
mod describe;
mod failure;
mod input;
mod interrupt;
mod introspection;
mod options;
mod output;
mod schema;
mod status;
mod value;

use std::process::ExitCode;

use clap::Parser as _;

use failure::Failure;
use options::{Command, Options};

fn main() -> ExitCode {
    // Ends the process itself where the command line is wrong, or asks for help.
    let options = Options::parse();
    let outcome = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(options));
            // A thread that still waits for input or output is not waited for.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::local("the runtime cannot be started", &error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    match options.command {
        Command::Describe(options) => interrupt::or(describe::run(options)).await,
        Command::Call(options) => call::run(options).await,
        Command::Capabilities(options) => interrupt::or(capabilities::run(options)).await,
    }
}
