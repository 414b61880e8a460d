//! From a configuration to a stack.

use std::sync::Arc;

use tower_layer::Identity;
use tower_vgi::rpc::RpcService;
use tower_vgi::{Advertise, Capabilities};

use super::builder::{CorsSettings, LimitSettings, StackBuilder, StickySettings};
use super::error::{Mistakes, StackError};
use super::layer::BoxHttpService;
use super::place::Place;
use super::slot::Change;
use super::{About, Stack};
use crate::auth::oauth::ResourceMetadataLayer;
use crate::capabilities::CapabilitiesLayer;
use crate::catch_panic::CatchPanicLayer;
use crate::cors::CorsLayer;
use crate::health::HealthLayer;
use crate::limit::{RequestLimitLayer, ResponseLimitLayer};
use crate::memory::RequestMemoryLayer;
use crate::mount::MountLayer;
use crate::request_id::RequestIdLayer;
use crate::sticky::StickyLayer;
use crate::trace::TraceLayer;

/// The smallest response limit that callers of the namespaced generation understand.
const MIN_NAMESPACED_RESPONSE_LIMIT: u64 = 65_536;

pub(super) fn assemble(mut settings: StackBuilder) -> Result<Stack, StackError> {
    let mut mistakes = std::mem::take(&mut settings.mistakes);
    let info = settings.service.info();
    let mount = mistakes.keep(MountLayer::new(&settings.prefix)).filter(|mount| !mount.prefix().is_empty());
    let request_limit = request_limit(&settings.limits, &mut mistakes);
    let response_limit = response_limit(&settings, &mut mistakes);
    let (service, compression) = match request_limit {
        Some(limit) => {
            let max = usize::try_from(limit.max()).unwrap_or(usize::MAX);
            (settings.service.clone().with_max_request_bytes(max), limit.max())
        }
        None => (settings.service.clone(), settings.service.max_request_bytes() as u64),
    };
    let compression = settings.compression.max_decoded_bytes(compression);
    let compression = match settings.compression_level {
        Some(level) => mistakes.keep(compression.zstd_level(level)).unwrap_or(compression),
        None => compression,
    };
    let pages = match settings.repository.take() {
        Some(url) => mistakes.keep(settings.pages.clone().repository(url)).unwrap_or(settings.pages.clone()),
        None => settings.pages.clone(),
    };
    if let Some(mistake) = settings.auth.as_ref().and_then(|auth| auth.mistake()) {
        mistakes.add(mistake);
    }
    let memory = settings.limits.max_request_memory.map(RequestMemoryLayer::new);
    let sticky = sticky(std::mem::take(&mut settings.sticky), &service);
    let metadata = settings.oauth.as_ref().and_then(|metadata| mistakes.keep(ResourceMetadataLayer::new(metadata)));
    let prefix = mount.as_ref().map_or("", MountLayer::prefix).to_owned();
    // What is wrong with it has been said.
    if let Some(challenge) = settings.oauth.as_ref().and_then(|metadata| metadata.challenge(&prefix).ok()) {
        settings.auth = settings.auth.map(|auth| auth.challenge(challenge));
    }
    let request_id = RequestIdLayer::new();
    let (access_log, start_hook) = (settings.access_log.take(), settings.start_hook.take());
    let health = settings.health.then(|| HealthLayer::new(info.clone()).readiness(settings.readiness.clone()));

    let mut capabilities = Capabilities::new().with(&service);
    let mut offer = |place, part: Option<&dyn Advertise>| {
        if let Some(part) = part.filter(|_| settings.is_own(place)) {
            part.advertise(&mut capabilities);
        }
    };
    offer(Place::RequestId, Some(&request_id));
    offer(Place::Auth, settings.auth.as_ref().map(|layer| layer as _));
    offer(Place::Compression, Some(&compression));
    offer(Place::RequestLimit, request_limit.as_ref().map(|layer| layer as _));
    offer(Place::ResponseLimit, response_limit.as_ref().map(|layer| layer as _));
    offer(Place::Sticky, sticky.as_ref().map(|layer| layer as _));
    for (name, value) in settings.advertised.headers() {
        capabilities.set(name.clone(), value.clone());
    }
    for name in settings.advertised.exposed() {
        capabilities.expose(name.clone());
    }
    mistakes.into_result()?;
    // Around everything, where more than our own layers stands outside of the other net.
    let guests = settings.has_guests_outside(Place::CatchPanic);
    let last_net = (guests && settings.is_own(Place::CatchPanic)).then(CatchPanicLayer::new);
    // The last to be made: it exposes what all others send.
    let cors = cors(std::mem::take(&mut settings.cors), &capabilities);
    // Pages put objects, too.
    #[cfg(feature = "local-storage")]
    let cors = match settings.local_storage.is_some() {
        true => cors.map(|layer| layer.allow_method(http::Method::PUT)),
        false => cors,
    };

    #[cfg(feature = "local-storage")]
    let local_storage = settings.local_storage.as_ref().map(crate::local_storage::LocalStorage::layer);
    #[cfg(not(feature = "local-storage"))]
    let local_storage = None::<Identity>;
    let drain_handle = service.sessions().drain_handle();
    let stack = settings.take(Place::Sticky).fill(sticky, service);
    let stack = settings.take(Place::ResponseLimit).fill(response_limit, stack);
    let stack = settings.take(Place::UploadUrls).fill(None::<Identity>, stack);
    let stack = settings.take(Place::TokenIntrospection).fill(None::<Identity>, stack);
    let stack = settings.take(Place::Pages).fill(Some(pages), stack);
    let stack = settings.take(Place::Compression).fill(Some(compression), stack);
    let stack = settings.take(Place::RequestMemory).fill(memory, stack);
    let stack = settings.take(Place::RequestLimit).fill(request_limit, stack);
    let stack = settings.take(Place::BodyTimeout).fill(Some(settings.body_timeout), stack);
    let stack = settings.take(Place::Auth).fill(settings.auth.take(), stack);
    let stack = settings.take(Place::LocalStorage).fill(local_storage, stack);
    let stack = settings.take(Place::ResourceMetadata).fill(metadata, stack);
    let stack = settings.take(Place::Health).fill(health, stack);
    let stack = settings.take(Place::StartHook).fill(start_hook, stack);
    let stack = settings.take(Place::CatchPanic).fill(Some(CatchPanicLayer::new()), stack);
    let stack = settings.take(Place::Cors).fill(cors, stack);
    let stack = settings.take(Place::Capabilities).fill(Some(CapabilitiesLayer::new(capabilities.clone())), stack);
    let stack = settings.take(Place::AccessLog).fill(access_log, stack);
    let stack = settings.take(Place::Trace).fill(Some(TraceLayer::new()), stack);
    let stack = settings.take(Place::Otel).fill(settings.otel.take(), stack);
    let stack = settings.take(Place::RequestId).fill(Some(request_id), stack);
    let stack = settings.take(Place::Mount).fill(mount, stack);
    let stack = Change::default().fill(last_net, stack);
    let about = About {
        info,
        capabilities,
        readiness: settings.readiness,
        drain_handle,
        #[cfg(all(feature = "local-storage", feature = "serve"))]
        local_storage: settings.local_storage.take().map(|storage| (storage, prefix)),
    };
    Ok(Stack { service: BoxHttpService::new(stack), about: Arc::new(about) })
}

fn request_limit(limits: &LimitSettings, mistakes: &mut Mistakes) -> Option<RequestLimitLayer> {
    let limit = tightest(limits.max_request_bytes, limits.hosting_max_request_bytes)?;
    mistakes.keep(RequestLimitLayer::new(limit))
}

fn response_limit(settings: &StackBuilder, mistakes: &mut Mistakes) -> Option<ResponseLimitLayer> {
    let limits = &settings.limits;
    let limit = tightest(limits.max_response_bytes, limits.hosting_max_response_bytes);
    let layer = match limit {
        Some(limit) => Some(mistakes.keep(ResponseLimitLayer::new(limit))?),
        None => None,
    };
    if let Some(limit) = limit.filter(|limit| *limit < MIN_NAMESPACED_RESPONSE_LIMIT)
        && !settings.service.info().protocols.is_empty()
    {
        mistakes.add(format!(
            "a response limit of {limit} bytes is under the {MIN_NAMESPACED_RESPONSE_LIMIT} that callers of the \
             namespaced routes understand; raise it, or serve the flat routes only"
        ));
    }
    match limits.preferred_response_bytes {
        Some(bytes) => Some(layer.unwrap_or_else(ResponseLimitLayer::unlimited).preferred(bytes)),
        None => layer,
    }
}

fn cors(settings: CorsSettings, capabilities: &Capabilities) -> Option<CorsLayer> {
    let layer = CorsLayer::new(settings.origins?, capabilities);
    let layer = settings.max_age.map_or(layer.clone(), |max_age| layer.max_age(max_age));
    Some(settings.resource_policy.map_or(layer.clone(), |policy| layer.resource_policy(policy)))
}

fn sticky(settings: StickySettings, service: &RpcService) -> Option<StickyLayer> {
    let layer = settings.enabled.then(|| StickyLayer::new(service).echo_headers(&settings.echo_headers))?;
    Some(settings.default_time_to_live.map_or(layer.clone(), |time| layer.default_time_to_live(time)))
}

fn tightest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}
