//! The command line.

use std::ffi::OsString;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, Args as _, Command, FromArgMatches as _, value_parser};
use tower_vgi::rpc::{Generation, Generations};
use tower_vgi_layers::limit::MAX_LIMIT;
use tower_vgi_layers::mount::MountLayer;

use crate::authentication::AuthenticationFlags;
use crate::external::ExternalFlags;
use crate::identity::IdentityFlags;
use crate::observation::ObservationFlags;
use crate::sticky::StickyFlags;

/// What the command line says about features that exist.
#[derive(clap::Args, Debug)]
pub(crate) struct Flags {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Port to listen on; 0 lets the system choose
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Path under which everything is served, such as /vgi
    #[arg(long, default_value = "", value_parser = mount)]
    pub(crate) prefix: String,
    /// Which generations of the wire are served
    #[arg(long, default_value = "both", value_parser = generations())]
    pub(crate) generation: Generations,
    /// Do not describe the service to callers
    #[arg(long)]
    pub(crate) no_describe: bool,
    /// Id of this server; random unless given
    #[arg(long)]
    pub(crate) server_id: Option<String>,
    /// Key that seals tokens, 64 hexadecimal digits; random unless given
    #[arg(long, value_name = "HEX", value_parser = key)]
    pub(crate) token_key: Option<[u8; 32]>,
    /// Lifetime of stream tokens
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) token_ttl: u64,
    /// Largest request body, in bytes
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..=MAX_LIMIT))]
    pub(crate) max_request_bytes: Option<u64>,
    /// Largest response body, in bytes
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..=MAX_LIMIT))]
    pub(crate) max_response_bytes: Option<u64>,
    /// Answer uncompressed
    #[arg(long)]
    pub(crate) no_compression: bool,
    /// Origin whose pages may call; may be given again
    #[arg(long = "cors-origin", alias = "cors-origins", value_name = "ORIGIN")]
    pub(crate) cors_origins: Vec<String>,
    /// Fail the start of the service, which the first request begins, once
    #[arg(long)]
    pub(crate) fail_serve_start_once: bool,
    #[command(flatten)]
    pub(crate) observation: ObservationFlags,
    #[command(flatten)]
    pub(crate) authentication: AuthenticationFlags,
    #[command(flatten)]
    pub(crate) identity: IdentityFlags,
    #[command(flatten)]
    pub(crate) sticky: StickyFlags,
    #[command(flatten)]
    pub(crate) external: ExternalFlags,
}

impl Flags {
    /// Reads the command line; ends the process where it is wrong.
    pub(crate) fn read() -> Self {
        Self::parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn parse<T: Into<OsString> + Clone>(words: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(words)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

fn command() -> Command {
    // Those who start workers put flags of a test behind flags of all tests.
    let command = Command::new("conformance_worker").args_override_self(true);
    Flags::augment_args(command).about("Serves the conformance protocols over HTTP").args(without_effect())
}

/// Flags that state what this server does anyway.
fn without_effect() -> [Arg; 4] {
    let switch =
        |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    [
        switch("describe", "Describe the service to callers, unless told otherwise later")
            .overrides_with("no_describe"),
        switch("http", "Serve over HTTP, as always"),
        switch("no-call-state-cache", "Open the tokens of every turn, as always"),
        Arg::new("call-state-cache-entries")
            .long("call-state-cache-entries")
            .value_parser(value_parser!(u64))
            .help("Size of a cache that this server does not need: a cursor holds everything"),
    ]
}

fn generations() -> impl TypedValueParser<Value = Generations> {
    PossibleValuesParser::new(["both", "flat", "namespaced"]).map(|word| match word.as_str() {
        "flat" => Generations::Only(Generation::Flat),
        "namespaced" => Generations::Only(Generation::Namespaced),
        _ => Generations::Both,
    })
}

fn mount(prefix: &str) -> Result<String, String> {
    MountLayer::new(prefix).map(|mount| mount.prefix().to_owned()).map_err(|error| error.to_string())
}

fn key(text: &str) -> Result<[u8; 32], String> {
    let bytes = hex::decode(text).map_err(|error| error.to_string())?;
    bytes.try_into().map_err(|bytes: Vec<u8>| format!("expected 32 bytes, got {}", bytes.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags, clap::Error> {
        Flags::parse(std::iter::once("worker").chain(line.split_whitespace()))
    }

    #[test]
    fn without_flags_everything_has_its_default() {
        let flags = Flags::parse(["worker"]).unwrap();
        assert_eq!((flags.host.as_str(), flags.port, flags.prefix.as_str()), ("127.0.0.1", 0, ""));
        assert_eq!((flags.generation, flags.no_describe, flags.token_ttl), (Generations::Both, false, 3600));
        assert_eq!((flags.token_key, flags.server_id, flags.max_request_bytes), (None, None, None));
    }

    #[test]
    fn what_asks_for_nothing_is_taken_in_silence() {
        let line = "--http --describe --no-sticky --no-sticky-echo --no-call-state-cache --call-state-cache-entries 0 \
                    --auth none --identity off --proof-mode off --upload-urls auto --compression none";
        assert!(parse(line).is_ok());
    }

    #[test]
    fn what_is_wrong_ends_with_status_2() {
        let key = format!("--token-key {}", "0".repeat(63));
        for line in [
            "--unknown",
            "--port 65536",
            "--prefix vgi",
            "--prefix /vgi/",
            "--generation neither",
            "--max-request-bytes 0",
            "--max-response-bytes many",
            "--proof-skew soon",
            "--sticky-ttl -1",
            "--auth maybe",
            "--auth-token nobody",
            "--proof-mode maybe",
            "--proof-secrets k:00",
            "--identity maybe",
            key.as_str(),
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_last_of_two_counts_and_aliases_are_known() {
        assert_eq!(parse("--port 1 --port 2").unwrap().port, 2);
        assert!(!parse("--no-describe --describe").unwrap().no_describe);
        assert_eq!(parse("--cors-origins https://a").unwrap().cors_origins, ["https://a"]);
    }
}
