//! What a method looks like, known alike to the server that runs it and to the client that calls it.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{Field, Fields, Schema, SchemaRef};

#[cfg(feature = "server")]
use crate::generation::Generation;
use crate::value::{Record, VgiArrow};
use crate::wire::WireSchema;

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

    #[cfg(feature = "server")]
    pub(crate) fn result_schema(&self, generation: Generation) -> &Arc<WireSchema> {
        if generation.nullable_record_results() { &self.wire.flat_result } else { &self.wire.result }
    }
}

/// Encoded once when the method is declared.
#[derive(Debug)]
#[cfg_attr(not(feature = "server"), allow(dead_code))]
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
pub(crate) struct Signature {
    name: String,
    doc: String,
    parameters: Vec<Parameter>,
    output: Option<SchemaRef>,
    input: Option<SchemaRef>,
    pub(crate) mistakes: Vec<String>,
}

impl Signature {
    pub(crate) fn new(name: impl Into<String>) -> Self {
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

    pub(crate) fn describe(
        self,
        kind: MethodKind,
        result: Option<(Field, bool)>,
        header: Option<SchemaRef>,
    ) -> (MethodDescription, Vec<String>) {
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
        let description = MethodDescription {
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
        };
        (description, mistakes)
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

/// Describes a unary method.
#[must_use = "a builder does nothing by itself"]
pub struct UnaryBuilder(pub(crate) Signature);

impl UnaryBuilder {
    /// Begins with the name on the wire.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Signature::new(name))
    }

    // What a caller needs to know, for generated proxies.
    #[doc(hidden)]
    pub fn describe(self) -> MethodDescription {
        self.0.describe(MethodKind::Unary, None, None).0
    }

    signature_methods!();
}

/// Describes a producer.
#[must_use = "a builder does nothing by itself"]
pub struct ProducerBuilder(pub(crate) Signature);

impl ProducerBuilder {
    /// Begins with the name on the wire.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Signature::new(name))
    }

    // What a caller needs to know, for generated proxies.
    #[doc(hidden)]
    pub fn describe(self) -> MethodDescription {
        self.0.describe(MethodKind::Producer, None, None).0
    }

    signature_methods!();

    /// The batches have the columns of a record.
    pub fn rows<R: Record>(self) -> Self {
        self.output(R::schema())
    }

    /// The batches have this schema. Without one, the schema comes with each call
    /// (`Producer::with_schema`).
    pub fn output(mut self, schema: SchemaRef) -> Self {
        self.0.output = Some(schema);
        self
    }
}

/// Describes an exchange.
#[must_use = "a builder does nothing by itself"]
pub struct ExchangeBuilder(pub(crate) Signature);

impl ExchangeBuilder {
    /// Begins with the name on the wire.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Signature::new(name))
    }

    // What a caller needs to know, for generated proxies.
    #[doc(hidden)]
    pub fn describe(self) -> MethodDescription {
        self.0.describe(MethodKind::Exchange, None, None).0
    }

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
}
