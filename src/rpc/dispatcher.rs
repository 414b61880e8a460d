//! [`Dispatcher`]: the protocols and methods of a server, as a `Service<Call>`.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::TryFutureExt as _;
use futures_util::future::Either;
use tower_service::Service;

use super::build_error::BuildError;
use super::call::Call;
use super::handler::{BoxFuture, Handler};
use super::introspection::protocol_hash;
use super::method::{MethodDescription, Protocol};
use super::reply::Reply;
use super::route::{FLAT_RESERVED, is_protocol_name, is_reserved};
use super::runner::{self, Runner};
use super::stack::{self, BoxCallService};
use super::token::Tokens;
use super::version::ProtocolVersion;
use crate::BoxError;
use crate::call_record::CalledMethod;
use crate::session::Sessions;

/// Every method of a server; runs the one that a call names.
///
/// The innermost service of the stack: cheap to clone, always ready.
#[derive(Clone)]
pub struct Dispatcher {
    hosts: Arc<Hosts>,
}

/// What the server hosts.
pub(crate) struct Hosts {
    /// In the order in which they were registered, the primary first.
    pub(crate) protocols: Vec<HostedProtocol>,
    by_name: HashMap<String, usize>,
    /// The protocol behind the flat routes.
    pub(crate) flat: HostedProtocol,
    pub(crate) runtime: Arc<Runtime>,
}

/// One protocol with its methods ready to run.
#[derive(Clone)]
pub(crate) struct HostedProtocol {
    pub(crate) protocol: Arc<Protocol>,
    methods: HashMap<String, Arc<HostedMethod>>,
}

/// One method with everything that a call of it needs.
pub(crate) struct HostedMethod {
    pub(crate) protocol: Arc<str>,
    /// `protocol/method`
    pub(crate) full_name: String,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) description: Arc<MethodDescription>,
    /// What observers are told.
    pub(crate) called: Arc<CalledMethod>,
    pub(crate) handler: Handler,
    pub(crate) runtime: Arc<Runtime>,
    /// The layers of its protocol and its own, around the runner.
    pub(crate) stack: Option<BoxCallService>,
}

/// What all methods of a server share.
pub(crate) struct Runtime {
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
}

impl Dispatcher {
    pub(crate) fn new(protocols: Vec<Protocol>, flat: Protocol, runtime: Runtime) -> Result<Self, BuildError> {
        let mut mistakes = Vec::new();
        let runtime = Arc::new(runtime);
        let mut by_name = HashMap::new();
        let mut hosted = Vec::with_capacity(protocols.len());
        for protocol in protocols {
            if by_name.insert(protocol.name.clone(), hosted.len()).is_some() {
                mistakes.push(format!("two protocols are named '{}'", protocol.name));
            }
            hosted.push(HostedProtocol::new(protocol, &runtime, &mut mistakes));
        }
        let flat = HostedProtocol::new(flat, &runtime, &mut mistakes);
        if flat.protocol.reserved {
            mistakes.push(format!(
                "'{}' cannot be the primary protocol, which the flat routes lead to: add one of your own before it",
                flat.protocol.name
            ));
        }
        let flat_names: HashSet<&str> = flat.protocol.method_names();
        for name in by_name.keys().filter(|name| flat_names.contains(name.as_str())) {
            mistakes.push(format!(
                "the protocol '{name}' has the name of a method on the flat routes, so '{name}/init' would be ambiguous"
            ));
        }
        for name in flat_names.iter().filter(|name| FLAT_RESERVED.contains(name)) {
            mistakes.push(format!("the method name '{name}' is a route of the server's own"));
        }
        if mistakes.is_empty() {
            Ok(Self { hosts: Arc::new(Hosts { protocols: hosted, by_name, flat, runtime }) })
        } else {
            Err(BuildError::new(mistakes))
        }
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }
}

/// Runs a call, without a box where its method has no layers of its own.
pub(crate) fn dispatch(call: Call) -> impl Future<Output = Result<Reply, BoxError>> + Send {
    match call.head.method.stack.clone() {
        Some(stack) => Either::Left(stack::run(stack, call)),
        None => Either::Right(runner::run(call).map_err(|failed| failed as BoxError)),
    }
}

impl Service<Call> for Dispatcher {
    type Response = Reply;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Reply, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        Box::pin(dispatch(call))
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.hosts.protocols.iter().map(|hosted| &hosted.protocol.name);
        formatter.debug_list().entries(names).finish()
    }
}

impl Hosts {
    pub(crate) fn protocol(&self, name: &str) -> Option<&HostedProtocol> {
        self.by_name.get(name).and_then(|index| self.protocols.get(*index))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.protocols.iter().map(|hosted| hosted.protocol.name.as_str())
    }
}

impl HostedProtocol {
    fn new(protocol: Protocol, runtime: &Arc<Runtime>, mistakes: &mut Vec<String>) -> Self {
        mistakes.extend(protocol.mistakes.iter().cloned());
        if !is_protocol_name(&protocol.name) {
            mistakes.push(format!(
                "'{}' is no protocol name: expected [A-Za-z_][A-Za-z0-9_.]*, at most 255 bytes",
                protocol.name
            ));
        }
        if !protocol.reserved && protocol.name.starts_with("vgi_rpc.") {
            mistakes.push(format!("the protocol name '{}' begins with 'vgi_rpc.', which is reserved", protocol.name));
        }
        let version = protocol.parsed_version().unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            None
        });
        let name: Arc<str> = protocol.name.as_str().into();
        let hash: Arc<str> = protocol_hash(&protocol).into();
        let mut methods = HashMap::with_capacity(protocol.methods.len());
        for method in protocol.methods.values() {
            mistakes.extend(method.mistakes.iter().map(|mistake| format!("protocol '{name}': {mistake}")));
            let layers: Vec<_> = protocol.layers.iter().chain(&method.layers).cloned().collect();
            let hosted = HostedMethod {
                protocol: name.clone(),
                full_name: format!("{name}/{}", method.description.name),
                // The server's own methods answer every caller.
                version: version.filter(|_| !is_reserved(&method.description.name)),
                description: method.description.clone(),
                called: Arc::new(CalledMethod {
                    protocol: name.clone(),
                    protocol_hash: hash.clone(),
                    description: method.description.clone(),
                }),
                handler: method.handler.clone(),
                runtime: runtime.clone(),
                stack: stack::wrap(Runner, &layers),
            };
            methods.insert(method.description.name.clone(), Arc::new(hosted));
        }
        Self { protocol: Arc::new(protocol), methods }
    }

    pub(crate) fn method(&self, name: &str) -> Option<&Arc<HostedMethod>> {
        self.methods.get(name)
    }
}
