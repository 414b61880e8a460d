//! [`Protocol`] and [`Method`]: the method table, filled by `#[service]` or by hand.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{Field, Fields, Schema, SchemaRef};
use indexmap::IndexMap;

use super::context::CallContext;
use super::generation::Generation;
use super::handler::{Handler, StreamFn, UnaryFn};
use super::params::Params;
use super::result::MethodResult;
use super::stack::{CallLayer, SharedLayer};
use super::stream::{Exchange, ExchangeState, Producer, ProducerState, StreamHeader};
use super::version::ProtocolVersion;
use crate::MethodError;
use crate::value::{Record, VgiArrow};
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
        UnaryBuilder(Signature::new(name))
    }

    /// Begins a method that answers one row with batches of `output`.
    pub fn producer(name: impl Into<String>) -> ProducerBuilder {
        ProducerBuilder(Signature::new(name))
    }

    /// Begins a method that trades batches with the caller.
    pub fn exchange(name: impl Into<String>) -> ExchangeBuilder {
        ExchangeBuilder(Signature::new(name))
    }

    /// A method of the server's own without parameters, which answers every caller the same.
    pub(crate) fn constant(name: &str, answer: AnnotatedBatch) -> Self {
        let mut signature = Signature::new(name);
        let schema = WireSchema::new(answer.batch.schema()).unwrap_or_else(|error| {
            signature.mistakes.push(format!("method '{name}': its answer cannot be encoded: {error}"));
            WireSchema::empty()
        });
        signature.finish(MethodKind::Unary, None, None, Handler::Constant(schema, answer))
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

/// What a method looks like to callers.
#[derive(Debug)]
#[non_exhaustive]
pub struct MethodDescription {
    /// The wire name.
    pub name: String,
    /// What kind of method it is.
    pub kind: MethodKind,
    /// What it does, for people.
    pub doc: String,
    /// What it takes, in order.
    pub parameters: Vec<Parameter>,
    /// The schema of its result: one field `result`, or none. Namespaced form.
    pub result: SchemaRef,
    /// Whether a result of this method is a record (an IPC stream in a binary column).
    pub record_result: bool,
    /// The schema of a stream's batches, where it is the same for every call.
    pub output: Option<SchemaRef>,
    /// The schema of an exchange's input, where it is the same for every call.
    pub input: Option<SchemaRef>,
    /// The schema of a stream's header.
    pub header: Option<SchemaRef>,
    pub(crate) wire: WireSchemas,
}

impl MethodDescription {
    /// The schema of the parameters.
    pub fn parameter_schema(&self) -> &SchemaRef {
        self.wire.parameters.schema()
    }

    /// Whether the method returns a value.
    pub fn has_result(&self) -> bool {
        !self.result.fields().is_empty()
    }

    pub(crate) fn result_schema(&self, generation: Generation) -> &Arc<WireSchema> {
        if generation.nullable_record_results() { &self.wire.flat_result } else { &self.wire.result }
    }
}

/// Encoded once when the method is declared.
#[derive(Debug)]
pub(crate) struct WireSchemas {
    pub(crate) parameters: Arc<WireSchema>,
    pub(crate) result: Arc<WireSchema>,
    pub(crate) flat_result: Arc<WireSchema>,
    pub(crate) output: Option<Arc<WireSchema>>,
    pub(crate) input: Option<Arc<WireSchema>>,
    pub(crate) header: Option<Arc<WireSchema>>,
}

/// What kind of method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// One row in, one row out.
    Unary,
    /// One row in, batches out.
    Producer,
    /// One row in to open it, then batch for batch.
    Exchange,
}

impl MethodKind {
    /// Whether it is one of the two kinds of stream.
    pub fn is_stream(self) -> bool {
        self != Self::Unary
    }
}

/// One parameter of a method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// Name, Arrow type and nullability.
    pub field: Field,
    /// The default, as a column of one row.
    pub default: Option<ArrayRef>,
    /// The default as the source writes it, for people.
    pub default_text: Option<String>,
    /// What it means, for people.
    pub doc: String,
}

/// What the three builders gather.
struct Signature {
    name: String,
    doc: String,
    parameters: Vec<Parameter>,
    output: Option<SchemaRef>,
    input: Option<SchemaRef>,
    mistakes: Vec<String>,
}

impl Signature {
    fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            doc: String::new(),
            parameters: Vec::new(),
            output: None,
            input: None,
            mistakes: Vec::new(),
        }
    }

    fn parameter(&mut self, field: Field) {
        self.parameters.push(Parameter { field, default: None, default_text: None, doc: String::new() });
    }

    fn default<T: VgiArrow>(&mut self, value: &T, text: &str) {
        let Some(last) = self.parameters.last_mut() else {
            self.mistakes.push(format!("method '{}': a default has to follow its parameter", self.name));
            return;
        };
        match value.to_parameter() {
            Ok(array) => {
                last.default = Some(array);
                last.default_text = Some(text.to_owned());
            }
            Err(error) => {
                self.mistakes.push(format!("method '{}': the default of '{}': {error}", self.name, last.field.name()));
            }
        }
    }

    fn finish(
        self,
        kind: MethodKind,
        result: Option<(Field, bool)>,
        header: Option<SchemaRef>,
        handler: Handler,
    ) -> Method {
        let parameters: Fields = self.parameters.iter().map(|parameter| parameter.field.clone()).collect();
        let record_result = result.as_ref().is_some_and(|(_, record)| *record);
        let result_fields: Fields = result.into_iter().map(|(field, _)| field).collect();
        let result = Arc::new(Schema::new(result_fields));
        let flat_result = if record_result {
            Arc::new(Schema::new(
                result.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
            ))
        } else {
            result.clone()
        };
        let mut mistakes = self.mistakes;
        let mut encode = |what: &str, schema: &SchemaRef| {
            WireSchema::new(schema.clone()).unwrap_or_else(|error| {
                mistakes.push(format!("method '{}': its {what} cannot be encoded: {error}", self.name));
                WireSchema::empty()
            })
        };
        let wire = WireSchemas {
            parameters: encode("parameters", &Arc::new(Schema::new(parameters))),
            result: encode("result", &result),
            flat_result: encode("result", &flat_result),
            output: self.output.as_ref().map(|schema| encode("output schema", schema)),
            input: self.input.as_ref().map(|schema| encode("input schema", schema)),
            header: header.as_ref().map(|schema| encode("header", schema)),
        };
        Method {
            description: Arc::new(MethodDescription {
                name: self.name,
                kind,
                doc: self.doc,
                parameters: self.parameters,
                result,
                record_result,
                output: self.output,
                input: self.input,
                header,
                wire,
            }),
            handler,
            layers: Vec::new(),
            mistakes,
        }
    }
}

macro_rules! signature_methods {
    () => {
        /// Describes the method to people.
        pub fn doc(mut self, text: impl Into<String>) -> Self {
            self.0.doc = text.into();
            self
        }

        /// Adds a parameter of a Rust type.
        pub fn parameter<T: VgiArrow>(self, name: &str) -> Self {
            self.parameter_field(T::parameter_field(name))
        }

        /// Adds a parameter by its Arrow field, for types that are known at run time only.
        pub fn parameter_field(mut self, field: Field) -> Self {
            self.0.parameter(field);
            self
        }

        /// Gives the parameter just added a default: the value, and the text that people see.
        pub fn default_value<T: VgiArrow>(mut self, value: &T, text: &str) -> Self {
            self.0.default(value, text);
            self
        }

        /// Describes the parameter just added to people.
        pub fn parameter_doc(mut self, text: impl Into<String>) -> Self {
            if let Some(last) = self.0.parameters.last_mut() {
                last.doc = text.into();
            }
            self
        }
    };
}

/// Builds a unary method; see [`Method::unary`].
#[must_use = "a builder does nothing until `handler` is called"]
pub struct UnaryBuilder(Signature);

impl UnaryBuilder {
    signature_methods!();

    /// What runs it. The result's Arrow type follows from the closure's.
    pub fn handler<F, Fut, R>(self, run: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, MethodError>> + Send + 'static,
        R: MethodResult,
    {
        self.0.finish(MethodKind::Unary, R::field(), None, Handler::unary(UnaryFn::new(run)))
    }

    /// What runs it, where the result's type is known at run time only: the closure gives one array of one row.
    pub fn handler_with_result<F, Fut>(self, result: Field, run: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ArrayRef, MethodError>> + Send + 'static,
    {
        let field = result.with_name("result");
        self.0.finish(MethodKind::Unary, Some((field, false)), None, Handler::unary(UnaryFn::with_array(run)))
    }
}

/// Builds a producer; see [`Method::producer`].
#[must_use = "a builder does nothing until `handler` is called"]
pub struct ProducerBuilder(Signature);

impl ProducerBuilder {
    signature_methods!();

    /// The batches have the columns of a record.
    pub fn rows<R: Record>(self) -> Self {
        self.output(R::schema())
    }

    /// The batches have this schema. Without one, the schema comes with each call
    /// ([`Producer::with_schema`]).
    pub fn output(mut self, schema: SchemaRef) -> Self {
        self.0.output = Some(schema);
        self
    }

    /// What opens it.
    pub fn handler<F, Fut, S, H>(self, open: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Producer<S, H>, MethodError>> + Send + 'static,
        S: ProducerState,
        H: StreamHeader,
    {
        self.0.finish(MethodKind::Producer, None, H::schema(), Handler::stream(StreamFn::producer(open)))
    }
}

/// Builds an exchange; see [`Method::exchange`].
#[must_use = "a builder does nothing until `handler` is called"]
pub struct ExchangeBuilder(Signature);

impl ExchangeBuilder {
    signature_methods!();

    /// Input and output have the columns of records.
    pub fn rows<I: Record, O: Record>(self) -> Self {
        self.input(I::schema()).output(O::schema())
    }

    /// The caller's batches have this schema. Without one, it comes with each call.
    pub fn input(mut self, schema: SchemaRef) -> Self {
        self.0.input = Some(schema);
        self
    }

    /// The answers have this schema. Without one, it comes with each call.
    pub fn output(mut self, schema: SchemaRef) -> Self {
        self.0.output = Some(schema);
        self
    }

    /// What opens it.
    pub fn handler<F, Fut, S, H>(self, open: F) -> Method
    where
        F: Fn(CallContext, Params) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Exchange<S, H>, MethodError>> + Send + 'static,
        S: ExchangeState,
        H: StreamHeader,
    {
        self.0.finish(MethodKind::Exchange, None, H::schema(), Handler::stream(StreamFn::exchange(open)))
    }
}
