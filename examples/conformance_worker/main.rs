//! Serves the conformance protocols, with which implementations of vgi-rpc in other languages are tested against this one.
//!
//! `--help` lists the flags. Once the socket is bound, a line `PORT:<n>` on standard output says where.

use std::process::ExitCode;
use std::time::Duration;

use tower::ServiceBuilder;
use tower_vgi::Capabilities;
use tower_vgi::rpc::{BuildError, DEFAULT_MAX_REQUEST_BYTES, Protocol, RpcService, TokenKeys};
use tower_vgi_layers::capabilities::CapabilitiesLayer;
use tower_vgi_layers::compression::CompressionLayer;
use tower_vgi_layers::health::HealthLayer;
use tower_vgi_layers::limit::{MAX_LIMIT, RequestLimitLayer, ResponseLimitLayer};
use tower_vgi_layers::request_id::RequestIdLayer;

use crate::flags::{Authentication, Flags};
use crate::implementation::Conformance;
use crate::protocol::{ConformanceServiceServer, FLAT_VERSION, NOT_FLAT};
use crate::refuse::RefuseAll;
use crate::secondary::{SecondaryServer, SecondaryService};

mod exchanges;
mod flags;
mod implementation;
mod later;
mod probe;
mod producers;
mod protocol;
mod refuse;
mod rows;
mod secondary;
mod types;

/// Those who start workers want them gone 5 seconds after SIGTERM, whatever is under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::read();
    match run(flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance_worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), Box<dyn std::error::Error>> {
    let rpc = rpc_service(&flags)?;
    let request_id = RequestIdLayer::new();
    let request_limit = RequestLimitLayer::new(flags.max_request_bytes.unwrap_or(MAX_LIMIT))?;
    let response_limit = flags.max_response_bytes.map(ResponseLimitLayer::new).transpose()?;
    let compression = if flags.no_compression { CompressionLayer::decode_only() } else { CompressionLayer::new() };
    let compression = compression.max_decoded_bytes(max_decoded_bytes(&flags));

    let mut capabilities = Capabilities::new().with(&request_id).with(&compression).with(&rpc);
    if flags.max_request_bytes.is_some() {
        capabilities = capabilities.with(&request_limit);
    }
    if let Some(limit) = &response_limit {
        capabilities = capabilities.with(limit);
    }
    let service = ServiceBuilder::new()
        .layer(flags.prefix)
        .layer(request_id)
        .layer(CapabilitiesLayer::new(capabilities))
        .layer(HealthLayer::new(rpc.info()))
        .layer(request_limit)
        .layer(compression)
        .option_layer(response_limit)
        .option_layer((flags.auth == Authentication::Reject).then(RefuseAll::layer))
        .service(rpc);
    tower_vgi_layers::serve(service).host(flags.host).port(flags.port).drain_timeout(DRAIN_TIMEOUT).await?;
    Ok(())
}

fn rpc_service(flags: &Flags) -> Result<RpcService, BuildError> {
    let mut builder = RpcService::builder()
        .protocol(primary())
        .flat_protocol(flat())
        .protocol(SecondaryServer::new(SecondaryService))
        .generations(flags.generation)
        .describe(!flags.no_describe)
        .max_request_bytes(usize::try_from(max_decoded_bytes(flags)).unwrap_or(usize::MAX))
        .token_time_to_live(Duration::from_secs(flags.token_ttl));
    if let Some(key) = flags.token_key {
        builder = builder.token_keys(TokenKeys::new(key));
    }
    if let Some(id) = &flags.server_id {
        builder = builder.server_id(id);
    }
    builder.build()
}

fn primary() -> Protocol {
    ConformanceServiceServer::new(Conformance).into()
}

/// The primary protocol as the flat generation knows it.
fn flat() -> Protocol {
    NOT_FLAT.into_iter().fold(primary(), Protocol::without_method).version(FLAT_VERSION)
}

/// The cap on a request counts for what is sent and for what it becomes.
fn max_decoded_bytes(flags: &Flags) -> u64 {
    flags.max_request_bytes.unwrap_or(DEFAULT_MAX_REQUEST_BYTES as u64)
}

#[cfg(test)]
mod tests {
    use tower_vgi::rpc::protocol_hash;

    use super::*;

    #[test]
    fn protocols_are_those_of_the_reference() {
        let secondary = Protocol::from(SecondaryServer::new(SecondaryService));
        assert_eq!((primary().methods().count(), flat().methods().count()), (90, 81));
        let expected = "05479410c96f34410a2b10a4f6a49d59dcfd9d6d1d45ce9a9807d060a3bd6014";
        assert_eq!(protocol_hash(&primary()), expected);
        let expected = "58557cf1611546ad22d1c379bc3ce1b04166082f78375e9fc959f0086347eab6";
        assert_eq!(protocol_hash(&secondary), expected);
    }
}
