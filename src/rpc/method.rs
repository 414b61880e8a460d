//! [`Protocol`] and [`Method`]: the method table, filled by `#[service]` or by hand.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{Field, SchemaRef};
use indexmap::IndexMap;

use super::context::CallContext;
use super::handler::{Handler, StreamFn, UnaryFn};
use super::params::Params;
use super::result::MethodResult;
use super::stack::{CallLayer, SharedLayer};
use super::stream::{Exchange, ExchangeState, Producer, ProducerState, StreamHeader};
use super::version::ProtocolVersion;
use crate::MethodError;
use crate::method::Signature;
pub use crate::method::{ExchangeBuilder, MethodDescription, MethodKind, Parameter, ProducerBuilder, UnaryBuilder};
use crate::wire::{AnnotatedBatch, WireSchema};

/// A named set of methods, with an optional version.
///
/// `#[service]` writes one for a trait; by hand it looks like this:
///
/// ```
/// use tower_vgi::rpc::{Method, Protocol};
///
/// let protocol = Protocol::new("Greeter").method(
///     Method::unary("greet")
///         .parameter::<String>("name")
///         .handler(|_ctx, params| async move { Ok(format!("Hello, {}!", params.get::<String>(0)?)) }),
/// );
/// assert_eq!(protocol.name(), "Greeter");
/// ```
#[derive(Clone)]
pub struct Protocol {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) doc: String,
    pub(crate) methods: IndexMap<String, Method>,
    pub(crate) layers: Vec<SharedLayer>,
    /// Names given twice, or layers for methods that are not there: reported when the service is built.
    pub(crate) mistakes: Vec<String>,
    pub(crate) reserved: bool,
}

impl Protocol {
    /// A protocol without methods. The name is the wire name: `[A-Za-z_][A-Za-z0-9_.]*`, at most 255 bytes.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: None,
            doc: String::new(),
            methods: IndexMap::new(),
            layers: Vec::new(),
            mistakes: Vec::new(),
            reserved: false,
        }
    }

    /// Declares a version `major.minor.patch`: callers whose major or minor differs are refused.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Describes the protocol to people.
    #[must_use]
    pub fn doc(mut self, text: impl Into<String>) -> Self {
        self.doc = text.into();
        self
    }

    /// Adds a method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        let name = method.description.name.clone();
        if self.methods.insert(name.clone(), method).is_some() {
            self.mistakes.push(format!("protocol '{}' has two methods named '{name}'", self.name));
        }
        self
    }

    /// Takes a method away, for hosting only a part of a protocol, such as what an earlier version of it had.
    ///
    /// ```
    /// use tower_vgi::rpc::{Method, Protocol};
    ///
    /// let method = |name: &str| Method::unary(name).handler(|_ctx, _params| async { Ok(()) });
    /// let current = Protocol::new("Jobs").version("2.0.0").method(method("start")).method(method("pause"));
    /// let earlier = current.clone().without_method("pause").version("1.0.0");
    /// assert_eq!(earlier.methods().map(|method| method.name.as_str()).collect::<Vec<_>>(), ["start"]);
    /// ```
    #[must_use]
    pub fn without_method(mut self, name: &str) -> Self {
        if self.methods.shift_remove(name).is_none() {
            self.mistakes.push(format!("protocol '{}' has no method '{name}' to take away", self.name));
        }
        self
    }

    /// Puts a layer around every method of this protocol; inside the layers of the whole service.
    #[must_use]
    pub fn layer(mut self, layer: impl CallLayer) -> Self {
        self.layers.push(SharedLayer::new(layer));
        self
    }

    /// Puts a layer around one method; inside the layers of the protocol.
    #[must_use]
    pub fn method_layer(mut self, method: &str, layer: impl CallLayer) -> Self {
        match self.methods.get_mut(method) {
            Some(method) => method.layers.push(SharedLayer::new(layer)),
            None => {
                self.mistakes.push(format!("protocol '{}' has no method '{method}' to put a layer around", self.name))
            }
        }
        self
    }

    /// The wire name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if it declares one.
    pub fn declared_version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What it is for, as told to people.
    pub fn documentation(&self) -> &str {
        &self.doc
    }

    /// What each method looks like, in the order in which they were added.
    pub fn methods(&self) -> impl Iterator<Item = &MethodDescription> {
        self.methods.values().map(|method| &*method.description)
    }

    pub(crate) fn parsed_version(&self) -> Result<Option<ProtocolVersion>, String> {
        let Some(text) = &self.version else { return Ok(None) };
        text.parse().map(Some).map_err(|()| {
            format!("protocol '{}' has the version '{text}'; expected MAJOR.MINOR.PATCH, such as 1.0.0", self.name)
        })
    }

    pub(crate) fn method_names(&self) -> HashSet<&str> {
        self.methods.keys().map(String::as_str).collect()
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Protocol")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("methods", &self.methods.keys())
            .finish_non_exhaustive()
    }
}

/// One method: its description and what runs it.
#[derive(Clone)]
pub struct Method {
    pub(crate) description: Arc<MethodDescription>,
    pub(crate) handler: Handler,
    pub(crate) layers: Vec<SharedLayer>,
    pub(crate) mistakes: Vec<String>,
}

impl Method {
    /// Begins a method that answers one row with one row.
    pub fn unary(name: impl Into<String>) -> UnaryBuilder {
        UnaryBuilder::new(name)
    }

    /// Begins a method that answers one row with batches of `output`.
    pub fn producer(name: impl Into<String>) -> ProducerBuilder {
        ProducerBuilder::new(name)
    }

    /// Begins a method that trades batches with the caller.
    pub fn exchange(name: impl Into<String>) -> ExchangeBuilder {
        ExchangeBuilder::new(name)
    }

    /// A method of the server's own without parameters, which answers every caller the same.
    pub(crate) fn constant(name: &str, answer: AnnotatedBatch) -> Self {
        let mut signature = Signature::new(name);
        let schema = WireSchema::new(answer.batch.schema()).unwrap_or_else(|error| {
            signature.mistakes.push(format!("method '{name}': its answer cannot be encoded: {error}"));
            WireSchema::empty()
        });
        Self::of(signature, MethodKind::Unary, None, None, Handler::Constant(schema, answer))
    }

    fn of(
        signature: Signature,
        kind: MethodKind,
        result: Option<(Field, bool)>,
        header: Option<SchemaRef>,
        handler: Handler,
    ) -> Self {
        let (description, mistakes) = signature.describe(kind, result, header);
        Self { description: Arc::new(description), handler, layers: Vec::new(), mistakes }
    }

    /// What the method looks like.
    pub fn description(&self) -> &MethodDescription {
        &self.description
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Method").field(&self.description.name).finish()
    }
}

impl UnaryBuilder {
    /// What runs it. The result's Arrow type follows from the closure's.
    pub fn handler<F, Fut, R>(self, run: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, MethodError>> + Send + 'static,
        R: MethodResult,
    {
        Method::of(self.0, MethodKind::Unary, R::field(), None, Handler::unary(UnaryFn::new(run)))
    }

    /// What runs it, where the result's type is known at run time only: the closure gives one array of one row.
    pub fn handler_with_result<F, Fut>(self, result: Field, run: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ArrayRef, MethodError>> + Send + 'static,
    {
        let field = result.with_name("result");
        Method::of(self.0, MethodKind::Unary, Some((field, false)), None, Handler::unary(UnaryFn::with_array(run)))
    }
}

impl ProducerBuilder {
    /// What opens it.
    pub fn handler<F, Fut, S, H>(self, open: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Producer<S, H>, MethodError>> + Send + 'static,
        S: ProducerState,
        H: StreamHeader,
    {
        Method::of(self.0, MethodKind::Producer, None, H::schema(), Handler::stream(StreamFn::producer(open)))
    }
}

impl ExchangeBuilder {
    /// What opens it.
    pub fn handler<F, Fut, S, H>(self, open: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Exchange<S, H>, MethodError>> + Send + 'static,
        S: ExchangeState,
        H: StreamHeader,
    {
        Method::of(self.0, MethodKind::Exchange, None, H::schema(), Handler::stream(StreamFn::exchange(open)))
    }
}
