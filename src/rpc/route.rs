//! From a path to a method: both generations on one port (wire specification §1.1, §1.2, §16).

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use percent_encoding::percent_decode_str;

use super::call::Operation;
use super::dispatcher::{HostedMethod, Hosts};
use super::generation::{Generation, Generations};
use super::method::MethodKind;
use crate::{ErrorCode, RpcError};

/// The kind of the error for a method that is not there.
pub const METHOD_NOT_IMPLEMENTED: &str = "method_not_implemented";
/// The kind of the error for a protocol that is not there.
pub const PROTOCOL_NOT_SUPPORTED: &str = "protocol_not_supported";
/// The kind of the error for a protocol that cannot be read from the path.
pub const PROTOCOL_NOT_SPECIFIED: &str = "protocol_not_specified";

/// Names of one segment that are not for methods on the flat routes.
pub(crate) const FLAT_RESERVED: [&str; 1] = ["_oauth"];

/// What a path asks for, by its shape alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    /// `{method}`
    FlatUnary { method: Cow<'a, str> },
    /// `{method}/init` or `{method}/exchange`, where the first segment is not a hosted protocol with such a method.
    FlatStream { method: Cow<'a, str>, endpoint: Endpoint },
    /// `{protocol}/{method}`
    Unary { protocol: &'a str, method: &'a str },
    /// `{protocol}/{method}/init` or `…/exchange`
    Stream { protocol: &'a str, method: &'a str, endpoint: Endpoint },
    /// `__name__` on a server that has no flat routes: the names of one segment that the namespaced generation keeps.
    Reserved { method: &'a str },
    /// Nothing of ours.
    Other,
}

/// The last segment of a stream's routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Init,
    Exchange,
}

impl Endpoint {
    fn parse(segment: &str) -> Option<Self> {
        match segment {
            "init" => Some(Self::Init),
            "exchange" => Some(Self::Exchange),
            _ => None,
        }
    }

    fn operation(self) -> Operation {
        match self {
            Self::Init => Operation::Init,
            // Whether it is a cancel stands in the batch.
            Self::Exchange => Operation::Turn,
        }
    }
}

/// Reads a path that begins with `/`, below the mount prefix.
pub(crate) fn shape<'a>(path: &'a str, hosts: &Hosts, generations: Generations) -> Shape<'a> {
    let flat = generations.contains(Generation::Flat);
    let namespaced = generations.contains(Generation::Namespaced);
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    match (segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some(method), None, ..) if flat && !method.is_empty() => Shape::FlatUnary { method: decode(method) },
        (Some(method), None, ..) if is_reserved(method) => Shape::Reserved { method },
        (Some(first), Some(second), None, _) if !first.is_empty() && !second.is_empty() => {
            match Endpoint::parse(second) {
                Some(endpoint) if flat && !(namespaced && belongs_to_protocol(first, second, hosts)) => {
                    Shape::FlatStream { method: decode(first), endpoint }
                }
                _ if namespaced => Shape::Unary { protocol: first, method: second },
                _ => Shape::Other,
            }
        }
        (Some(protocol), Some(method), Some(third), None)
            if namespaced && !protocol.is_empty() && !method.is_empty() =>
        {
            Endpoint::parse(third).map_or(Shape::Other, |endpoint| Shape::Stream { protocol, method, endpoint })
        }
        _ => Shape::Other,
    }
}

/// `{a}/init`: a unary method `init` of the protocol `a`, or the opening of a flat stream `a`? Protocol and flat
/// method never share a name, so whoever is hosted under that name decides.
fn belongs_to_protocol(first: &str, second: &str, hosts: &Hosts) -> bool {
    hosts.protocol(first).is_some_and(|hosted| hosted.method(second).is_some() || hosts.flat.method(first).is_none())
}

fn decode(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

/// Whether a segment may be the last one of a stream's routes. It may be the name of a method all the same.
pub(crate) fn is_endpoint(segment: &str) -> bool {
    Endpoint::parse(segment).is_some()
}

pub(crate) fn is_reserved(segment: &str) -> bool {
    segment.len() > 4 && segment.starts_with("__") && segment.ends_with("__")
}

/// Whether a text may be the name of a protocol: `[A-Za-z_][A-Za-z0-9_.]*`, at most 255 bytes.
pub(crate) fn is_protocol_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 255
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

impl Shape<'_> {
    pub(crate) fn generation(&self) -> Option<Generation> {
        match self {
            Self::FlatUnary { .. } | Self::FlatStream { .. } => Some(Generation::Flat),
            Self::Unary { .. } | Self::Stream { .. } | Self::Reserved { .. } => Some(Generation::Namespaced),
            Self::Other => None,
        }
    }

    /// The HTTP methods that the path takes, as `Allow` says them; `None` when a `GET` of it finds nothing.
    pub(crate) fn allow(&self, hosts: &Hosts) -> Option<&'static str> {
        match self {
            Self::FlatUnary { .. } | Self::FlatStream { .. } | Self::Stream { .. } | Self::Reserved { .. } => {
                Some("POST, OPTIONS")
            }
            Self::Unary { protocol, .. } => hosts.protocol(protocol).map(|_| "POST"),
            Self::Other => None,
        }
    }

    /// Whether there is a method at the path, of whatever kind.
    pub(crate) fn leads_to_a_method(&self, hosts: &Hosts) -> bool {
        match self {
            Self::FlatUnary { method } | Self::FlatStream { method, .. } => hosts.flat.method(method).is_some(),
            Self::Unary { protocol, method } | Self::Stream { protocol, method, .. } => {
                hosts.protocol(protocol).is_some_and(|hosted| hosted.method(method).is_some())
            }
            Self::Reserved { .. } | Self::Other => false,
        }
    }

    /// The method that a `POST` runs.
    pub(crate) fn resolve(&self, hosts: &Hosts) -> Result<(Arc<HostedMethod>, Operation), RpcError> {
        match self {
            Self::FlatUnary { method } => {
                let hosted = hosts.flat.method(method).ok_or_else(|| match is_reserved(method) {
                    true => unknown_reserved(method),
                    false => unknown_flat(hosts, method),
                })?;
                check_kind(hosted, Operation::Unary)
            }
            Self::FlatStream { method, endpoint } => {
                let hosted = hosts.flat.method(method).ok_or_else(|| unknown_flat(hosts, method))?;
                check_kind(hosted, endpoint.operation())
            }
            Self::Unary { protocol, method } => check_kind(find(hosts, protocol, method)?, Operation::Unary),
            Self::Stream { protocol, method, endpoint } => {
                check_kind(find(hosts, protocol, method)?, endpoint.operation())
            }
            Self::Reserved { method } => Err(unknown_reserved(method)),
            Self::Other => Err(not_implemented(
                "There is no method at this path. Methods are at '/{protocol}/{method}' or '/{method}', streams one \
                 segment deeper at '/init' and '/exchange'."
                    .to_owned(),
            )),
        }
    }
}

fn find<'a>(hosts: &'a Hosts, protocol: &str, method: &str) -> Result<&'a Arc<HostedMethod>, RpcError> {
    // Compared byte by byte and never decoded, so that a proxy that decodes cannot make two names out of one.
    if protocol.contains('%') || method.contains('%') {
        return Err(RpcError::new(
            "ProtocolNotSpecifiedError",
            "the path has a percent-encoded protocol or method; names are compared byte by byte, send them as they are",
        )
        .with_kind(PROTOCOL_NOT_SPECIFIED)
        .with_code(ErrorCode::InvalidArgument)
        .with_status(StatusCode::NOT_FOUND));
    }
    let hosted = hosts.protocol(protocol).ok_or_else(|| {
        let names: Vec<&str> = hosts.names().collect();
        protocol_not_supported(format!(
            "This server does not host protocol '{protocol}'. Hosted: {}.",
            names.join(", ")
        ))
        .with_status(StatusCode::NOT_FOUND)
    })?;
    hosted.method(method).ok_or_else(|| {
        let names: Vec<&str> = hosted.protocol.methods.keys().map(String::as_str).collect();
        not_implemented(format!(
            "Protocol '{protocol}' has no method '{method}'. Available methods: {}.",
            names.join(", ")
        ))
    })
}

fn unknown_flat(hosts: &Hosts, method: &str) -> RpcError {
    let names: Vec<&str> = hosts.flat.protocol.methods.keys().map(String::as_str).collect();
    not_implemented(format!("Unknown method: '{method}'. Available methods: {}.", names.join(", ")))
}

fn unknown_reserved(method: &str) -> RpcError {
    not_implemented(format!("This server does not implement the reserved method '{method}'."))
}

fn not_implemented(message: String) -> RpcError {
    RpcError::new("MethodNotImplementedError", message)
        .with_kind(METHOD_NOT_IMPLEMENTED)
        .with_code(ErrorCode::Unimplemented)
        .with_status(StatusCode::NOT_FOUND)
}

/// The error for a protocol that the server does not have; without a status of its own.
pub(crate) fn protocol_not_supported(message: String) -> RpcError {
    RpcError::new("ProtocolNotSupportedError", message)
        .with_kind(PROTOCOL_NOT_SUPPORTED)
        .with_code(ErrorCode::Unimplemented)
}

fn check_kind(method: &Arc<HostedMethod>, operation: Operation) -> Result<(Arc<HostedMethod>, Operation), RpcError> {
    let name = &method.description.name;
    let is_stream = method.description.kind != MethodKind::Unary;
    let message = match operation {
        Operation::Unary if is_stream => format!("Stream method '{name}' requires /init and /exchange endpoints"),
        Operation::Init if !is_stream => format!("Method '{name}' is not a stream"),
        Operation::Turn | Operation::Cancel if !is_stream => format!("Method '{name}' does not support /exchange"),
        _ => return Ok((method.clone(), operation)),
    };
    Err(RpcError::type_error(message).with_status(StatusCode::BAD_REQUEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Method, Protocol, RpcService};

    fn service() -> RpcService {
        let method = |name: &str| Method::unary(name).handler(|_, _| async { Ok(()) });
        RpcService::builder()
            .protocol(Protocol::new("First").method(method("add")).method(method("other")))
            .protocol(Protocol::new("Second").method(method("init")))
            .build()
            .unwrap()
    }

    fn shape_of(path: &str, generations: Generations) -> String {
        let service = service();
        match shape(path, service.dispatcher().hosts(), generations) {
            Shape::FlatUnary { method } => format!("flat {method}"),
            Shape::FlatStream { method, endpoint } => format!("flat {method} {endpoint:?}"),
            Shape::Unary { protocol, method } => format!("{protocol} {method}"),
            Shape::Stream { protocol, method, endpoint } => format!("{protocol} {method} {endpoint:?}"),
            Shape::Reserved { method } => format!("reserved {method}"),
            Shape::Other => "other".to_owned(),
        }
    }

    #[test]
    fn the_shape_of_a_path_decides_the_generation() {
        for (path, expected) in [
            ("/add", "flat add"),
            ("/a%20b", "flat a b"),
            ("/add/init", "flat add Init"),
            ("/nowhere/exchange", "flat nowhere Exchange"),
            ("/First/add", "First add"),
            ("/unhosted/add", "unhosted add"),
            ("/First/add/init", "First add Init"),
            ("/First/add/other", "other"),
            ("/", "other"),
            ("", "other"),
            ("/a/", "other"),
            ("//a", "other"),
            ("/a/b/init/d", "other"),
        ] {
            assert_eq!(shape_of(path, Generations::Both), expected, "{path}");
        }
    }

    #[test]
    fn a_method_named_init_belongs_to_its_protocol() {
        assert_eq!(shape_of("/Second/init", Generations::Both), "Second init");
        // Hosted, without a method of that name, and no flat method either: the protocol's own "no such method".
        assert_eq!(shape_of("/First/exchange", Generations::Both), "First exchange");
    }

    #[test]
    fn a_server_of_one_generation_does_not_know_the_other_routes() {
        let flat = Generations::Only(Generation::Flat);
        let namespaced = Generations::Only(Generation::Namespaced);
        assert_eq!(shape_of("/First/add", flat), "other");
        assert_eq!(shape_of("/Second/init", flat), "flat Second Init");
        assert_eq!(shape_of("/add", namespaced), "other");
        assert_eq!(shape_of("/__describe__", namespaced), "reserved __describe__");
        assert_eq!(shape_of("/add/init", namespaced), "add init");
    }

    #[test]
    fn names_of_protocols_follow_the_grammar() {
        for good in ["a", "_a", "A.b_1.v1"] {
            assert!(is_protocol_name(good), "{good}");
        }
        for bad in ["", "1a", ".a", "a-b", "a b", "ä", &"a".repeat(256)] {
            assert!(!is_protocol_name(bad), "{bad}");
        }
    }
}
