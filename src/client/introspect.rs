//! [`introspect`]: what a server offers, told alike for both generations.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use tower_vgi_macros::VgiArrow;

use super::channel::Channel;
use super::details::MethodDetails;
use super::service::HttpService;
use super::typed::{read, value_error};
use crate::generation::Generation;
use crate::method::MethodKind;
use crate::reflection::{self, MethodInfo, ProtocolList, REFLECTION};
use crate::type_name::type_name;
use crate::value::Record;
use crate::wire::{WireSchema, keys};
use crate::{Result, RpcError};

/// What a server offers. Printed, it is a table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServiceDescription {
    /// The server's id.
    pub server_id: String,
    /// The version of the server's software, where it says one.
    pub server_version: String,
    /// The form of the wire that it was asked in.
    pub generation: Generation,
    /// The protocols, the primary first.
    pub protocols: Vec<DescribedProtocol>,
}

/// One protocol.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DescribedProtocol {
    /// Its name on the wire.
    pub name: String,
    /// Its version, if it declares one.
    pub version: Option<String>,
    /// A hash of its methods. In the flat generation it can be compared with itself only.
    pub hash: String,
    /// What it is for, where the server says so.
    pub doc: String,
    /// Its methods, sorted by name.
    pub methods: Vec<DescribedMethod>,
}

/// One method.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DescribedMethod {
    /// Its name on the wire.
    pub name: String,
    /// Whether it is a stream; of which kind, the flat generation may not say.
    pub is_stream: bool,
    /// Its kind, as far as that is known.
    pub kind: Option<MethodKind>,
    /// Its parameters.
    pub parameters: SchemaRef,
    /// Its result; no column where it has none.
    pub result: SchemaRef,
    /// The header of a stream, if it has one.
    pub header: Option<SchemaRef>,
    /// What some servers tell besides.
    pub details: MethodDetails,
}

/// Asks the server what it offers.
///
/// # Errors
///
/// What the server answers (not implemented, where it does not describe itself), or why it could not be asked.
pub async fn introspect<S: HttpService>(channel: &Channel<S>) -> Result<ServiceDescription, RpcError> {
    match channel.generation().await? {
        Generation::Flat => flat(channel).await,
        Generation::Namespaced => namespaced(channel).await,
    }
}

#[derive(VgiArrow)]
struct DescribeArguments {
    protocol: String,
}

async fn namespaced<S: HttpService>(channel: &Channel<S>) -> Result<ServiceDescription, RpcError> {
    let call = |method| channel.method(REFLECTION, method).idempotent();
    let list = call("list_protocols").unary(RecordBatch::new_empty(Arc::new(Schema::empty()))).await?;
    let list: ProtocolList = read(&list)?;
    let mut protocols = Vec::with_capacity(list.protocols.len());
    for summary in list.protocols.iter().filter(|summary| summary.protocol != REFLECTION) {
        let arguments = DescribeArguments { protocol: summary.protocol.clone() };
        let arguments = DescribeArguments::to_batch([arguments].iter()).map_err(|error| value_error(&error))?;
        let service: reflection::ServiceDescription = read(&call("describe").unary(arguments).await?)?;
        protocols.push(DescribedProtocol {
            name: service.protocol,
            version: Some(service.protocol_version).filter(|version| !version.is_empty()),
            hash: service.protocol_hash,
            doc: service.tower_vgi_doc,
            methods: service.methods.into_iter().map(method).collect::<Result<_, _>>()?,
        });
    }
    Ok(ServiceDescription {
        server_id: list.server_id,
        server_version: list.server_version,
        generation: Generation::Namespaced,
        protocols,
    })
}

fn method(info: MethodInfo) -> Result<DescribedMethod, RpcError> {
    let is_stream = info.method_type != "unary";
    Ok(DescribedMethod {
        name: info.name,
        is_stream,
        kind: match (is_stream, info.stream_kind.as_str()) {
            (false, _) => Some(MethodKind::Unary),
            (true, "producer") => Some(MethodKind::Producer),
            (true, "exchange") => Some(MethodKind::Exchange),
            (true, _) => None,
        },
        parameters: schema(&info.params_schema_ipc)?,
        result: schema(&info.result_schema_ipc)?,
        header: (!info.header_schema_ipc.is_empty()).then(|| schema(&info.header_schema_ipc)).transpose()?,
        details: MethodDetails::read(info.tower_vgi_details)?,
    })
}

pub(super) fn schema(message: &[u8]) -> Result<SchemaRef, RpcError> {
    if message.is_empty() {
        return Ok(Arc::new(Schema::empty()));
    }
    let schema = WireSchema::from_message(message)
        .map_err(|error| RpcError::new("HttpError", format!("a schema of the description is damaged: {error}")))?;
    Ok(schema.schema().clone())
}

/// A row of the flat description.
#[derive(VgiArrow)]
struct Row {
    name: String,
    method_type: String,
    params_schema_ipc: Option<Vec<u8>>,
    result_schema_ipc: Option<Vec<u8>>,
    header_schema_ipc: Option<Vec<u8>>,
    #[vgi(default)]
    is_exchange: Option<bool>,
}

async fn flat<S: HttpService>(channel: &Channel<S>) -> Result<ServiceDescription, RpcError> {
    let parameters = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let answer = channel.method("", "__describe__").idempotent().unary(parameters).await?;
    let rows = Row::rows(&answer.batch).map_err(|error| value_error(&error))?;
    let methods = rows.into_iter().map(|row| {
        let is_stream = row.method_type != "unary";
        Ok(DescribedMethod {
            name: row.name,
            is_stream,
            kind: match (is_stream, row.is_exchange) {
                (false, _) => Some(MethodKind::Unary),
                (true, Some(true)) => Some(MethodKind::Exchange),
                (true, Some(false)) => Some(MethodKind::Producer),
                (true, None) => None,
            },
            parameters: schema(row.params_schema_ipc.as_deref().unwrap_or_default())?,
            result: schema(row.result_schema_ipc.as_deref().unwrap_or_default())?,
            header: row.header_schema_ipc.as_deref().filter(|bytes| !bytes.is_empty()).map(schema).transpose()?,
            details: MethodDetails::default(),
        })
    });
    let text = |key| answer.metadata.get_str(key).unwrap_or_default().to_owned();
    let protocol = DescribedProtocol {
        name: text(keys::PROTOCOL_NAME),
        version: answer.metadata.get_str(keys::PROTOCOL_VERSION).map(str::to_owned),
        hash: text(keys::PROTOCOL_HASH),
        doc: String::new(),
        methods: methods.collect::<Result<_, RpcError>>()?,
    };
    Ok(ServiceDescription {
        server_id: text(keys::SERVER_ID),
        server_version: String::new(),
        generation: Generation::Flat,
        protocols: vec![protocol],
    })
}

impl DescribedMethod {
    fn kind_name(&self) -> &'static str {
        match self.kind {
            Some(MethodKind::Unary) => "unary",
            Some(MethodKind::Producer) => "producer",
            Some(MethodKind::Exchange) => "exchange",
            None => "stream",
        }
    }
}

impl fmt::Display for ServiceDescription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, protocol) in self.protocols.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            protocol.fmt(formatter)?;
        }
        Ok(())
    }
}

impl fmt::Display for DescribedProtocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.name)?;
        if let Some(version) = &self.version {
            write!(formatter, " {version}")?;
        }
        writeln!(formatter)?;
        let head = ["method", "kind", "parameters", "result"].map(str::to_owned);
        let rows = self.methods.iter().map(|method| {
            let result = match (&method.header, method.is_stream) {
                (Some(header), _) => format!("header: {}", columns(header)),
                (None, true) => String::new(),
                (None, false) => method.result.fields().iter().map(|field| nullable(field)).collect(),
            };
            [method.name.clone(), method.kind_name().to_owned(), columns(&method.parameters), result]
        });
        let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
        // A few long rows do not push everything else to the far right.
        let width = |column: usize| {
            let lengths = rows.iter().map(|row| row[column].chars().count());
            lengths.filter(|length| *length <= WIDEST).max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        for [name, kind, parameters, result] in &rows {
            let line = format!("  {name:0$}  {kind:1$}  {parameters:2$}  {result}", widths[0], widths[1], widths[2]);
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The widest column that others are lined up behind.
const WIDEST: usize = 60;

fn columns(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|field| format!("{}: {}", field.name(), nullable(field)));
    columns.collect::<Vec<_>>().join(", ")
}

fn nullable(field: &arrow_schema::Field) -> String {
    format!("{}{}", type_name(field), if field.is_nullable() { "?" } else { "" })
}
