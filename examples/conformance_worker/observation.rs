//! What is written about calls.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use tower_vgi::rpc::ServiceInfo;
use tower_vgi_layers::access_log::{AccessLogLayer, LogFile, LogFileError};
use tracing::Level;

/// What the command line says about observing calls.
#[derive(clap::Args, Debug)]
pub(crate) struct ObservationFlags {
    /// File to which a line is appended for every call; {pid} and {server_id} in it are replaced
    #[arg(long, value_name = "PATH")]
    access_log: Option<PathBuf>,
    /// Write what happens to standard error, from this level on: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log: Option<Level>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How events are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// For programs: one object a line
    Json,
}

impl ObservationFlags {
    /// Begins to write what happens, where that is wanted. Standard output is for those who start workers.
    pub(crate) fn start_log(&self) {
        let Some(level) = self.log else { return };
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
    }

    /// The access log, where one is wanted.
    pub(crate) fn access_log(&self, info: Arc<ServiceInfo>) -> Result<Option<AccessLogLayer>, LogFileError> {
        self.access_log.as_ref().map(|path| AccessLogLayer::to_file(info, LogFile::new(path))).transpose()
    }
}
