//! What the servers of the comparison and its load generator share: the data that all of them send, Arrow IPC with
//! metadata on its batches, and a scanner that follows IPC without decoding it.

pub mod data;
pub mod scan;
pub mod template;

pub use scan::Scan;
pub use template::Template;

/// The content type of every request and response over HTTP.
pub const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// The name of the protocol that every server hosts.
pub const PROTOCOL: &str = "Bench";

/// Metadata keys of the wire.
pub mod keys {
    pub const METHOD: &str = "vgi_rpc.method";
    pub const REQUEST_VERSION: &str = "vgi_rpc.request_version";
    pub const PROTOCOL: &str = "vgi_rpc.protocol";
    pub const STREAM_STATE: &str = "vgi_rpc.stream_state#b64";
    pub const CALL_STATE: &str = "vgi_rpc.call_state#b64";
    pub const LOG_LEVEL: &str = "vgi_rpc.log_level";
}

/// The port that a server is told to listen on: its only argument.
pub fn port_argument() -> anyhow::Result<u16> {
    match std::env::args().nth(1).map(|port| port.parse()) {
        Some(Ok(port)) => Ok(port),
        _ => anyhow::bail!("the one argument is the port of 127.0.0.1 to listen on"),
    }
}
