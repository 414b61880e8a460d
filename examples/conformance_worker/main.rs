//! Serves the conformance protocols, with which implementations of vgi-rpc in other languages are tested against this one.
//!
//! `--help` lists the flags. Once the socket is bound, a line `PORT:<n>` on standard output says where.

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Runtime;
use tower_vgi::BoxError;
use tower_vgi::rpc::{Protocol, RpcService, TokenKeys};
use tower_vgi_layers::Stack;
use tower_vgi_layers::compression::CompressionLayer;
use tower_vgi_layers::cors::AllowOrigin;
use tower_vgi_layers::external::ExternalLayer;

use crate::external::ExternalFlags;
use crate::flags::Flags;
use crate::implementation::Conformance;
use crate::protocol::{ConformanceServiceServer, FLAT_VERSION, NOT_FLAT};
use crate::secondary::{SecondaryServer, SecondaryService};
use crate::storage::WorkerStorage;

mod authentication;
mod exchanges;
mod external;
mod fake_storage;
mod flags;
mod identity;
mod implementation;
#[path = "../support/log.rs"]
mod log;
mod observation;
mod probe;
mod producers;
mod protocol;
mod published;
mod rows;
mod secondary;
mod sessions;
mod start;
mod sticky;
mod storage;
mod test_drain;
mod types;
mod whoami;

/// Those who start workers want them gone 5 seconds after SIGTERM, whatever is under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let flags = Flags::read();
    flags.observation.log.start();
    let outcome = Runtime::new().map_err(BoxError::from).and_then(|runtime| {
        let outcome = runtime.block_on(run(flags));
        // Methods that block, if there are any, are not waited for.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance_worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), BoxError> {
    let stack = stack(&flags)?;
    stack.serve().host(flags.host).port(flags.port).drain_timeout(DRAIN_TIMEOUT).await?;
    Ok(())
}

fn stack(flags: &Flags) -> Result<Stack, BoxError> {
    let keys = flags.token_key.map_or_else(TokenKeys::random, TokenKeys::new);
    let storage = flags.external.storage(&keys)?;
    let external = storage.as_ref().map(|storage| flags.external.layer(storage)).transpose()?;
    let service = rpc_service(flags, keys, external.as_ref())?;
    let drain_handle = service.sessions().drain_handle();
    let access_log = flags.observation.access_log(service.info())?;
    let mut builder = Stack::builder(service).prefix(flags.prefix.as_str());
    if let Some(log) = access_log {
        builder = builder.access_log(log);
    }
    if flags.fail_serve_start_once {
        builder = start::fails_once(builder);
    }
    if let Some(bytes) = flags.max_request_bytes.or(flags.external.max_request_bytes()) {
        builder = builder.max_request_bytes(bytes);
    }
    if let Some(external) = &external {
        builder = builder.advertise(external);
    }
    if let Some(upload_urls) = flags.external.upload_urls(storage.as_ref())? {
        builder = builder.upload_urls(upload_urls);
    }
    if let Some(WorkerStorage::Local(storage)) = storage {
        builder = builder.local_storage(storage);
    }
    if let Some(bytes) = flags.max_response_bytes {
        builder = builder.max_response_bytes(bytes);
    }
    if flags.no_compression {
        builder = builder.compression(CompressionLayer::decode_only());
    }
    if !flags.cors_origins.is_empty() {
        builder = builder.cors(AllowOrigin::list(&flags.cors_origins)?);
    }
    if let Some(auth) = flags.authentication.layer(&flags.identity)? {
        builder = builder.auth(auth);
    }
    builder = flags.identity.add_to(builder)?;
    builder = flags.sticky.add_to(builder, drain_handle);
    Ok(builder.build()?)
}

fn rpc_service(
    flags: &Flags,
    keys: TokenKeys,
    external: Option<&ExternalLayer<WorkerStorage>>,
) -> Result<RpcService, BoxError> {
    let conformance = Conformance { published: ExternalFlags::published(external) };
    let mut builder = RpcService::builder()
        .protocol(primary(conformance.clone()))
        .flat_protocol(flat(conformance))
        .protocol(SecondaryServer::new(SecondaryService))
        .generations(flags.generation)
        .describe(!flags.no_describe)
        .token_keys(keys)
        .token_time_to_live(Duration::from_secs(flags.token_ttl));
    builder = flags.identity.host_on(builder)?;
    if let Some(external) = external {
        builder = builder.layer(external.clone());
    }
    if let Some(id) = &flags.server_id {
        builder = builder.server_id(id);
    }
    Ok(builder.build()?)
}

fn primary(conformance: Conformance) -> Protocol {
    ConformanceServiceServer::new(conformance).into()
}

/// The primary protocol as the flat generation knows it.
fn flat(conformance: Conformance) -> Protocol {
    NOT_FLAT.into_iter().fold(primary(conformance), Protocol::without_method).version(FLAT_VERSION)
}

#[cfg(test)]
mod tests {
    use tower_vgi::rpc::protocol_hash;

    use super::*;

    #[test]
    fn protocols_are_those_of_the_reference() {
        let secondary = Protocol::from(SecondaryServer::new(SecondaryService));
        let (primary, flat) = (primary(Conformance::default()), flat(Conformance::default()));
        assert_eq!((primary.methods().count(), flat.methods().count()), (90, 81));
        let expected = "05479410c96f34410a2b10a4f6a49d59dcfd9d6d1d45ce9a9807d060a3bd6014";
        assert_eq!(protocol_hash(&primary), expected);
        let expected = "58557cf1611546ad22d1c379bc3ce1b04166082f78375e9fc959f0086347eab6";
        assert_eq!(protocol_hash(&secondary), expected);
    }
}
