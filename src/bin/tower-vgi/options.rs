//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tower_vgi::client::Generation;

use crate::output::Destination;
use crate::value::duration;

const EXIT_CODES: &str = "\
Exit codes:
  0    all went well
  1    the server answered with an error
  2    the command line is wrong, or an argument does not fit the method
  3    there was no answer: the server cannot be reached, took too long, or speaks another protocol
  4    something failed here: a file that cannot be read or written
  130  interrupted; a stream was cancelled on the server";

/// Describes vgi-rpc servers and calls their methods.
#[derive(Debug, Parser)]
#[command(name = "tower-vgi", version, after_help = EXIT_CODES)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell what a server offers
    Describe(Describe),
    /// Call a method
    Call(Call),
    /// Tell what a server says it can do
    Capabilities(Capabilities),
}

/// How the server is reached.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Server {
    /// The server: http://…, https://… or unix:/path/of/socket
    #[arg(help_heading = None, index = 1)]
    pub(crate) url: String,
    /// Header of every request, as 'Name: value'; @FILE reads them from a file, a line each; may be given again
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// Path that the server is mounted at [default: the path of the URL]
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// How long one request may take: 30, 500ms, 2m [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    pub(crate) timeout: Option<Duration>,
    /// Certificates of the authority to trust, PEM [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The form of the wire that the server speaks [default: it is asked]
    #[arg(long, value_enum)]
    pub(crate) generation: Option<Wire>,
    /// Speak HTTP/2 without asking
    #[arg(long)]
    pub(crate) http2: bool,
    /// Show neither the server's log messages nor progress
    #[arg(short, long, help_heading = None)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Wire {
    /// /{method}: releases of vgi-rpc up to 0.44
    Flat,
    /// /{protocol}/{method}: releases from 0.45 on
    Namespaced,
}

impl From<Wire> for Generation {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Flat => Self::Flat,
            Wire::Namespaced => Self::Namespaced,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Describe {
    /// Only this protocol
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Option<String>,
    /// How it is told
    #[arg(long, value_enum, default_value_t = DescribeFormat::Table)]
    pub(crate) format: DescribeFormat,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DescribeFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// A trait with #[tower_vgi::service]
    Rust,
    /// A Protocol class of the Python package vgi-rpc
    Python,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Capabilities {
    /// How it is told
    #[arg(long, value_enum, default_value_t = CapabilitiesFormat::Table)]
    pub(crate) format: CapabilitiesFormat,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CapabilitiesFormat {
    /// For people
    Table,
    /// For programs
    Json,
}

const VALUES: &str = "\
Values are typed by the method's parameters:
  number, true, text            as they are
  date, time, timestamp         2026-01-31, 12:30:00.5, 2026-01-31T12:30:00Z (UTC where no offset is given)
  duration                      PT1H30M, 1h30m, 250ms
  decimal                       12.3400
  binary                        base64, @FILE for the content of a file, or {…} for a record
  list, map, struct             JSON: [1, 2], {\"a\": 1}
A parameter that is not given has the server's default, where that is known; a nullable one without is null.

Rows of an exchange are JSON, a line each; a line with an array of rows sends them as one batch. An Arrow IPC stream or
file is sent batch for batch.

Rows and records have the types of JSON: int64, float64, bool, utf8, lists and structs. A value can say another one:
{\"$binary\": \"AQI=\"}, {\"$float32\": 1}, {\"$date32\": \"2026-01-31\"}.

";

#[derive(Args, Debug)]
#[command(after_help = format!("{VALUES}{EXIT_CODES}"))]
pub(crate) struct Call {
    /// The method, by its name or as PROTOCOL/NAME
    #[arg(index = 2)]
    pub(crate) method: String,
    /// Arguments: name=value, or name:=JSON
    #[arg(value_name = "ARGUMENT", index = 3)]
    pub(crate) arguments: Vec<String>,
    /// The protocol that has the method [default: the first one that has it]
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Option<String>,
    /// Arguments as one JSON object; - reads it from stdin
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) json: Option<String>,
    /// What an exchange is sent, - for stdin; makes a stream of unknown kind an exchange [default: stdin]
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// json, ndjson, table, arrow (a stream), or a FILE whose name ends in .json, .ndjson, .jsonl, .txt, .arrow (a file)
    /// or .arrows (a stream) [default: json for a result, ndjson for a stream]
    #[arg(short, long, value_name = "FORMAT|FILE", value_parser = Destination::from_str)]
    pub(crate) output: Option<Destination>,
    #[command(flatten)]
    pub(crate) server: Server,
}

fn timeout(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration: give seconds, or a number with a unit, such as 500ms or 2m");
    let nanoseconds = match text.parse::<f64>() {
        Ok(seconds) => return Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero()).ok_or_else(wrong),
        Err(_) => duration::nanoseconds(text).ok_or_else(wrong)?,
    };
    u64::try_from(nanoseconds).ok().filter(|n| *n > 0).map(Duration::from_nanos).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn timeouts_are_seconds_or_have_a_unit() {
        assert_eq!(timeout("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(timeout("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["0", "-1", "soon", "1x", "inf", ""] {
            assert!(timeout(wrong).unwrap_err().contains("no duration"), "{wrong}");
        }
    }
}
