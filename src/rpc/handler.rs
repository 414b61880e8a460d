//! What runs a method, erased: closures of users become one of two shapes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arrow_array::ArrayRef;

use super::context::CallContext;
use super::erased_state::{ErasedState, OpenStream};
use super::params::Params;
use super::result::{Answer, MethodResult};
use super::stream::{Exchange, ExchangeState, Producer, ProducerState, StreamHeader};
use crate::MethodError;
use crate::wire::{AnnotatedBatch, WireSchema};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What runs a method.
#[derive(Clone)]
pub(crate) enum Handler {
    Unary(UnaryFn),
    Stream(StreamFn),
    /// The same answer to every call: the server's own description.
    Constant(Arc<WireSchema>, AnnotatedBatch),
}

impl Handler {
    pub(crate) fn unary(run: UnaryFn) -> Self {
        Self::Unary(run)
    }

    pub(crate) fn stream(open: StreamFn) -> Self {
        Self::Stream(open)
    }
}

type UnaryFuture = BoxFuture<'static, Result<Answer, MethodError>>;
type OpenFuture = BoxFuture<'static, Result<OpenStream, MethodError>>;

/// Runs a unary method.
#[derive(Clone)]
pub(crate) struct UnaryFn(Arc<dyn Fn(CallContext, Params) -> UnaryFuture + Send + Sync>);

impl UnaryFn {
    pub(crate) fn new<F, Fut, R>(run: F) -> Self
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, MethodError>> + Send + 'static,
        R: MethodResult,
    {
        Self(Arc::new(move |context, params| {
            let future = run(context, params);
            Box::pin(async move { Ok(future.await?.into_answer()?) })
        }))
    }

    pub(crate) fn with_array<F, Fut>(run: F) -> Self
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ArrayRef, MethodError>> + Send + 'static,
    {
        Self(Arc::new(move |context, params| {
            let future = run(context, params);
            Box::pin(async move { future.await.map(Answer::Value) })
        }))
    }

    pub(crate) fn run(&self, context: CallContext, params: Params) -> UnaryFuture {
        (self.0)(context, params)
    }
}

type RestoreFn = Arc<dyn Fn(&[u8]) -> Option<Box<dyn ErasedState>> + Send + Sync>;

/// Opens a stream, and brings its state back out of a token.
#[derive(Clone)]
pub(crate) struct StreamFn {
    open: Arc<dyn Fn(CallContext, Params) -> OpenFuture + Send + Sync>,
    restore: RestoreFn,
}

impl StreamFn {
    pub(crate) fn producer<F, Fut, S, H>(open: F) -> Self
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Producer<S, H>, MethodError>> + Send + 'static,
        S: ProducerState,
        H: StreamHeader,
    {
        Self {
            open: Arc::new(move |context, params| {
                let future = open(context, params);
                Box::pin(async move { future.await?.into_open() })
            }),
            restore: Arc::new(Producer::<S, H>::restore),
        }
    }

    pub(crate) fn exchange<F, Fut, S, H>(open: F) -> Self
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Exchange<S, H>, MethodError>> + Send + 'static,
        S: ExchangeState,
        H: StreamHeader,
    {
        Self {
            open: Arc::new(move |context, params| {
                let future = open(context, params);
                Box::pin(async move { future.await?.into_open() })
            }),
            restore: Arc::new(Exchange::<S, H>::restore),
        }
    }

    pub(crate) fn open(&self, context: CallContext, params: Params) -> OpenFuture {
        (self.open)(context, params)
    }

    /// The state, or `None` when the bytes are not one of this method's.
    pub(crate) fn restore(&self, bytes: &[u8]) -> Option<Box<dyn ErasedState>> {
        (self.restore)(bytes)
    }
}
