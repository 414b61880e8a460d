use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use arrow_ipc::convert::{IpcSchemaEncoder, try_fb_to_schema};
use arrow_ipc::writer::DictionaryTracker;
use arrow_ipc::{MessageBuilder, MessageHeader, MetadataVersion, root_as_message_with_opts};
use arrow_schema::{DataType, Schema, SchemaRef};
use bytes::Bytes;
use flatbuffers::{FlatBufferBuilder, VerifierOptions};

use super::message::{CONTINUATION, Prefix};
use super::plan::{DictionarySpec, FieldPlan, Shape, dictionary_specs};
use super::{Limits, WireError};

/// A schema with its encoded message: made once, used for any number of streams.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use tower_vgi::wire::WireSchema;
///
/// let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
/// let encoded = WireSchema::new(schema.clone())?;
/// let decoded = WireSchema::from_message(encoded.message())?;
/// assert_eq!(decoded.schema(), &schema);
/// # Ok::<(), tower_vgi::wire::WireError>(())
/// ```
pub struct WireSchema {
    schema: SchemaRef,
    message: Bytes,
    /// One for each column; empty without a dictionary anywhere.
    plans: Vec<FieldPlan>,
    /// The dictionaries, inner ones before those that contain them.
    dictionaries: Vec<DictionarySpec>,
    shape: Shape,
}

impl WireSchema {
    /// Encodes the schema message once.
    ///
    /// # Errors
    ///
    /// If IPC cannot express the schema: dictionaries directly of dictionaries, nesting deeper
    /// than 64 levels, sizes that are not allowed.
    pub fn new(schema: SchemaRef) -> Result<Arc<Self>, WireError> {
        let limits = Limits::default().with_max_fields(usize::MAX / 16).with_max_depth(64);
        Shape::of_schema(&schema)?.check(&limits)?;
        let message = encode(&schema)?;
        let mut wire = parse(&message, &limits)?;
        wire.schema = schema;
        Ok(Arc::new(wire))
    }

    /// The schema without columns.
    #[must_use]
    pub fn empty() -> Arc<Self> {
        static EMPTY: LazyLock<Arc<WireSchema>> = LazyLock::new(|| {
            let schema = Arc::new(Schema::empty());
            let message = encode(&schema).unwrap_or_default();
            let shape = Shape::default();
            Arc::new(WireSchema { schema, message, plans: Vec::new(), dictionaries: Vec::new(), shape })
        });
        EMPTY.clone()
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The whole framed message: continuation mark, length and header, padded to 8 bytes. This is
    /// what pyarrow's `schema.serialize()` gives and `pa.ipc.read_schema` takes.
    #[must_use]
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// Parses such a message, within the default [`Limits`]. Bytes behind it are not looked at.
    ///
    /// # Errors
    ///
    /// If there is no schema message at the start of the bytes.
    pub fn from_message(bytes: &[u8]) -> Result<Arc<Self>, WireError> {
        Self::from_message_with_limits(bytes, &Limits::default())
    }

    /// Parses such a message.
    ///
    /// # Errors
    ///
    /// If there is no schema message at the start of the bytes, or it exceeds a limit.
    pub fn from_message_with_limits(bytes: &[u8], limits: &Limits) -> Result<Arc<Self>, WireError> {
        parse(bytes, limits).map(Arc::new)
    }

    pub(super) fn check_limits(&self, limits: &Limits) -> Result<(), WireError> {
        self.shape.check(limits)
    }

    pub(super) fn plan(&self, column: usize) -> &FieldPlan {
        self.plans.get(column).unwrap_or(FieldPlan::NONE)
    }

    pub(super) fn dictionaries(&self) -> &[DictionarySpec] {
        &self.dictionaries
    }

    pub(super) fn dictionary(&self, id: i64) -> Option<&DictionarySpec> {
        self.dictionaries.iter().find(|dictionary| dictionary.id == id)
    }
}

impl fmt::Debug for WireSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("WireSchema").field(&self.schema).finish()
    }
}

/// Encodes a schema as a framed message: what [`WireSchema::message`] gives.
///
/// # Errors
///
/// As [`WireSchema::new`].
pub fn encode_schema(schema: &Schema) -> Result<Bytes, WireError> {
    Shape::of_schema(schema)?.check(&Limits::default().with_max_fields(usize::MAX / 16).with_max_depth(64))?;
    encode(schema)
}

fn encode(schema: &Schema) -> Result<Bytes, WireError> {
    let mut tracker = DictionaryTracker::new(false);
    let mut builder = FlatBufferBuilder::new();
    let header = IpcSchemaEncoder::new()
        .with_dictionary_tracker(&mut tracker)
        .schema_to_fb_offset(&mut builder, schema)
        .as_union_value();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::Schema);
    message.add_bodyLength(0);
    message.add_header(header);
    let root = message.finish();
    builder.finish(root, None);
    frame(builder.finished_data())
}

/// Puts the prefix before a header and pads it to 8 bytes.
fn frame(header: &[u8]) -> Result<Bytes, WireError> {
    let padded = header.len().next_multiple_of(8);
    let length = i32::try_from(padded).map_err(|_| WireError::too_large("bytes of a schema", padded, i32::MAX))?;
    let mut message = Vec::with_capacity(8 + padded);
    message.extend_from_slice(&CONTINUATION);
    message.extend_from_slice(&length.to_le_bytes());
    message.extend_from_slice(header);
    message.resize(8 + padded, 0);
    Ok(message.into())
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<WireSchema, WireError> {
    let Prefix::Header { start, length } = Prefix::read(bytes, limits)? else {
        return Err(WireError::malformed("expected a schema message, found no message"));
    };
    let header =
        bytes.get(start..start + length).ok_or_else(|| WireError::malformed("the schema message is cut off"))?;
    // The conversion is not ours: should it panic on something that the verifier and the checks
    // before it let through, the input is at fault and not this process.
    let parsed = catch_unwind(AssertUnwindSafe(|| parse_header(header, limits)));
    let mut schema = parsed.unwrap_or_else(|_| Err(WireError::malformed("the schema message is damaged")))?;
    schema.message = match bytes.len() {
        complete if complete == start + length && start == 8 && length % 8 == 0 => Bytes::copy_from_slice(bytes),
        _ => frame(header)?,
    };
    Ok(schema)
}

fn parse_header(header: &[u8], limits: &Limits) -> Result<WireSchema, WireError> {
    // The verifier visits shared tables each time, so these bounds also hold for headers whose
    // tables refer to each other many times over. A field takes three tables and its metadata.
    let options = VerifierOptions {
        max_depth: limits.max_depth + 8,
        max_tables: limits.max_fields.saturating_mul(16).saturating_add(64),
        max_apparent_size: limits.max_header_bytes.saturating_mul(2).min(1 << 31),
        ..VerifierOptions::default()
    };
    let message = root_as_message_with_opts(&options, header)
        .map_err(|error| WireError::malformed(format!("expected an IPC schema message: {error}")))?;
    if message.version() < MetadataVersion::V4 {
        return Err(WireError::unsupported("IPC metadata before version V4 is not supported, write V5"));
    }
    let encoded = message.header_as_schema().ok_or_else(|| WireError::malformed("expected a schema message first"))?;
    if encoded.endianness() != arrow_ipc::Endianness::Little {
        return Err(WireError::unsupported("big-endian streams are not supported"));
    }
    let mut shape = Shape::default();
    let fields = encoded.fields().unwrap_or_default();
    for field in fields {
        shape.add_encoded(field, 1, limits)?;
    }
    let schema = try_fb_to_schema(encoded).map_err(|error| WireError::arrow("the schema is not valid", error))?;
    Shape::of_schema(&schema)?;

    let mut plans = Vec::new();
    let mut dictionaries = Vec::new();
    if shape.dictionaries > 0 {
        for (field, encoded) in schema.fields().iter().zip(fields) {
            plans.push(FieldPlan::read(encoded, field.data_type())?);
        }
        for (field, plan) in schema.fields().iter().zip(&plans) {
            dictionary_specs(field.data_type(), plan, &mut dictionaries)?;
        }
    }
    Ok(WireSchema { schema: Arc::new(schema), message: Bytes::new(), plans, dictionaries, shape })
}

/// Whether two types have the same layout on the wire and the same meaning: names and metadata
/// of nested fields do not count.
pub(super) fn same_layout(left: &DataType, right: &DataType) -> bool {
    left == right || left.equals_datatype(right)
}
