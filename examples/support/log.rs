//! What a program writes of what happens in it, and how: flags for its command line.

use clap::ValueEnum;
use tracing::Level;

#[derive(clap::Args, Debug)]
pub(crate) struct LogFlags {
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

impl LogFlags {
    /// Begins to write what happens, where that is wanted. Standard output is for those who start workers.
    pub(crate) fn start(&self) {
        let Some(level) = self.log else { return };
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
    }
}
