//! `__describe__`: the description of the flat generation, format 4 (wire specification §10.1).

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::hash::{flat_hash, method_type};
use crate::rpc::generation::Generation;
use crate::rpc::method::{MethodDescription, Protocol};
use crate::wire::{AnnotatedBatch, Metadata, keys};

/// The name of the method.
pub(crate) const DESCRIBE: &str = "__describe__";

/// One row for each method, sorted by name.
pub(crate) fn describe(protocol: &Protocol, server_id: &str) -> Result<AnnotatedBatch, ArrowError> {
    let mut methods: Vec<&MethodDescription> = protocol.methods().collect();
    methods.sort_by(|a, b| a.name.cmp(&b.name));

    let mut names = StringBuilder::new();
    let mut types = StringBuilder::new();
    let mut has_return = BooleanBuilder::new();
    let mut parameters = BinaryBuilder::new();
    let mut results = BinaryBuilder::new();
    let mut has_header = BooleanBuilder::new();
    let mut headers = BinaryBuilder::new();
    let mut is_exchange = BooleanBuilder::new();
    for method in &methods {
        names.append_value(&method.name);
        types.append_value(method_type(method.kind));
        has_return.append_value(method.has_result());
        parameters.append_value(method.wire.parameters.message());
        results.append_value(method.result_schema(Generation::Flat).message());
        has_header.append_value(method.header.is_some());
        headers.append_option(method.wire.header.as_ref().map(|header| header.message()));
        // Of which kind a stream is, this generation finds out when it is opened.
        is_exchange.append_null();
    }
    let columns: Vec<(&str, DataType, ArrayRef)> = vec![
        ("name", DataType::Utf8, Arc::new(names.finish())),
        ("method_type", DataType::Utf8, Arc::new(types.finish())),
        ("has_return", DataType::Boolean, Arc::new(has_return.finish())),
        ("params_schema_ipc", DataType::Binary, Arc::new(parameters.finish())),
        ("result_schema_ipc", DataType::Binary, Arc::new(results.finish())),
        ("has_header", DataType::Boolean, Arc::new(has_header.finish())),
        ("header_schema_ipc", DataType::Binary, Arc::new(headers.finish())),
        ("is_exchange", DataType::Boolean, Arc::new(is_exchange.finish())),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, kind, _)| Field::new(*name, kind.clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;

    let mut metadata = Metadata::new();
    metadata.insert(keys::PROTOCOL_NAME, &protocol.name);
    metadata.insert(keys::REQUEST_VERSION, "1");
    metadata.insert(keys::DESCRIBE_VERSION, "4");
    metadata.insert(keys::PROTOCOL_HASH, flat_hash(protocol, &methods));
    metadata.insert(keys::SERVER_ID, server_id);
    if let Some(version) = &protocol.version {
        metadata.insert(keys::PROTOCOL_VERSION, version);
    }
    Ok(AnnotatedBatch { batch, metadata })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rpc::Method;
    use crate::rpc::stream::{Producer, ProducerState};
    use crate::rpc::{CallContext, Output};
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Empty;

    impl ProducerState for Empty {
        async fn produce(&mut self, _: &CallContext, output: &mut Output) -> crate::Result<()> {
            output.finish()
        }
    }

    #[test]
    fn methods_are_sorted_and_the_kind_of_a_stream_is_left_open() {
        let stream = Method::producer("stream")
            .output(Arc::new(Schema::empty()))
            .handler(|_, _| async { Ok(Producer::new(Empty)) });
        let unary = Method::unary("add").handler(|_, _| async { Ok(()) });
        let batch = describe(&Protocol::new("P").method(stream).method(unary), "id").unwrap().batch;
        let column = |name| batch.column_by_name(name).unwrap();
        let texts = |name| column(name).as_string::<i32>().iter().map(Option::unwrap).collect::<Vec<_>>();
        assert_eq!(texts("name"), ["add", "stream"]);
        assert_eq!(texts("method_type"), ["unary", "stream"]);
        assert_eq!(column("is_exchange").null_count(), 2);
    }
}
