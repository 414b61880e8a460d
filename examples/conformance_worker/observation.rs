//! What is written about calls.

use std::path::PathBuf;
use std::sync::Arc;

use tower_vgi::rpc::ServiceInfo;
use tower_vgi_layers::access_log::{AccessLogLayer, LogFile, LogFileError};

use crate::log::LogFlags;

/// What the command line says about observing calls.
#[derive(clap::Args, Debug)]
pub(crate) struct ObservationFlags {
    /// File to which a line is appended for every call; {pid} and {server_id} in it are replaced
    #[arg(long, value_name = "PATH")]
    access_log: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}

impl ObservationFlags {
    /// The access log, where one is wanted.
    pub(crate) fn access_log(&self, info: Arc<ServiceInfo>) -> Result<Option<AccessLogLayer>, LogFileError> {
        self.access_log.as_ref().map(|path| AccessLogLayer::to_file(info, LogFile::new(path))).transpose()
    }
}
