//! The core of a server: [`RpcService`] over HTTP, [`Dispatcher`] over decoded calls, and what a method sees.

mod budget;
mod build_error;
mod builder;
pub(crate) mod call;
mod cast;
mod context;
mod dispatcher;
mod erased_state;
mod failed_call;
mod handler;
pub(crate) mod identity;
mod info;
mod introspection;
mod live_stream;
mod mapped_steps;
mod method;
mod params;
mod part_encoder;
mod plain;
mod reply;
mod request;
mod response;
mod result;
mod route;
mod runner;
mod service;
mod stack;
mod stream;
pub(crate) mod token;
mod version;

use crate::{generation, log};

pub use build_error::BuildError;
pub use builder::{DEFAULT_MAX_REQUEST_BYTES, DEFAULT_TOKEN_TIME_TO_LIVE, RpcServiceBuilder};
pub use call::{Call, MethodName, Operation};
pub use context::CallContext;
pub use dispatcher::Dispatcher;
pub use failed_call::rpc_error;
pub use generation::{Generation, Generations};
pub(crate) use handler::BoxFuture;
pub use identity::{new_request_id, new_server_id};
pub use info::ServiceInfo;
pub use introspection::{protocol_hash, type_name};
pub use live_stream::LiveStream;
pub use log::{LogLevel, LogMessage};
pub use method::{
    ExchangeBuilder, Method, MethodDescription, MethodKind, Parameter, ProducerBuilder, Protocol, UnaryBuilder,
};
pub use params::Params;
pub use part_encoder::PartEncoder;
pub use plain::NotFound;
pub use reply::{Part, PartPlace, Reply, Step};
pub use request::{ARROW_STREAM, RequestDecoder};
pub use response::{ResponseFuture, error_response};
pub use result::{Answer, MethodResult};
pub use route::{METHOD_NOT_IMPLEMENTED, PROTOCOL_NOT_SPECIFIED, PROTOCOL_NOT_SUPPORTED};
pub use service::RpcService;
pub use stack::{BoxCallService, CallLayer, middleware_error};
pub use stream::{Exchange, ExchangeState, Output, Producer, ProducerState, StreamHeader};
pub use token::{KeyError, Sealer, TokenKeys};
pub use version::{PROTOCOL_VERSION_MISMATCH, ProtocolVersion};
