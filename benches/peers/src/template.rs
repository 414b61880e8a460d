//! [`Template`]: a batch encoded once and sent with other metadata each time.

use anyhow::{Context as _, Result};
use arrow_array::RecordBatch;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_ipc::{KeyValue, KeyValueArgs, MessageBuilder, MessageHeader, RecordBatchBuilder, root_as_message};
use flatbuffers::FlatBufferBuilder;

/// The key and the value of each piece of metadata.
pub type Metadata<'a> = [(&'a str, &'a str)];

/// One batch, encoded; only its metadata is put in anew for each message.
pub struct Template {
    schema: Vec<u8>,
    batch: Vec<u8>,
    body: Vec<u8>,
}

impl Template {
    pub fn new(batch: &RecordBatch) -> Result<Self> {
        let options = IpcWriteOptions::default();
        let generator = IpcDataGenerator::default();
        let mut tracker = DictionaryTracker::new(false);
        let schema = generator.schema_to_bytes_with_dictionary_tracker(&batch.schema(), &mut tracker, &options);
        let (_, data) = generator.encode(batch, &mut tracker, &options, &mut IpcWriteContext::default())?;
        let mut body = data.arrow_data;
        body.resize(usize::try_from(root_as_message(&data.ipc_message)?.bodyLength())?, 0);
        Ok(Self { schema: schema.ipc_message, batch: data.ipc_message, body })
    }

    /// A whole stream: the schema, this batch, the end.
    pub fn stream(&self, metadata: &Metadata<'_>) -> Result<Vec<u8>> {
        let mut stream = Vec::with_capacity(self.body.len() + 2048);
        self.write_schema(&mut stream);
        self.write_batch(&mut stream, metadata)?;
        write_end(&mut stream);
        Ok(stream)
    }

    pub fn write_schema(&self, stream: &mut Vec<u8>) {
        write_message(stream, &self.schema, &[]);
    }

    pub fn write_batch(&self, stream: &mut Vec<u8>, metadata: &Metadata<'_>) -> Result<()> {
        write_message(stream, &self.header(metadata)?, &self.body);
        Ok(())
    }

    /// For Flight, which frames by itself: the schema's header, the batch's header and body.
    pub fn parts(&self) -> (&[u8], &[u8], &[u8]) {
        (&self.schema, &self.batch, &self.body)
    }

    fn header(&self, metadata: &Metadata<'_>) -> Result<Vec<u8>> {
        if metadata.is_empty() {
            return Ok(self.batch.clone());
        }
        let message = root_as_message(&self.batch)?;
        let batch = message.header_as_record_batch().context("not a record batch")?;
        let mut builder = FlatBufferBuilder::with_capacity(1024);
        let nodes = builder.create_vector_from_iter(batch.nodes().context("no nodes")?.iter());
        let buffers = builder.create_vector_from_iter(batch.buffers().context("no buffers")?.iter());
        let header = {
            let mut header = RecordBatchBuilder::new(&mut builder);
            header.add_length(batch.length());
            header.add_nodes(nodes);
            header.add_buffers(buffers);
            header.finish()
        };
        let pairs: Vec<_> = metadata
            .iter()
            .map(|(key, value)| {
                let key = Some(builder.create_string(key));
                let value = Some(builder.create_string(value));
                KeyValue::create(&mut builder, &KeyValueArgs { key, value })
            })
            .collect();
        let pairs = builder.create_vector(&pairs);
        let root = {
            let mut root = MessageBuilder::new(&mut builder);
            root.add_version(message.version());
            root.add_header_type(MessageHeader::RecordBatch);
            root.add_header(header.as_union_value());
            root.add_bodyLength(message.bodyLength());
            root.add_custom_metadata(pairs);
            root.finish()
        };
        builder.finish(root, None);
        Ok(builder.finished_data().to_vec())
    }
}

/// The mark that ends a stream.
pub fn write_end(stream: &mut Vec<u8>) {
    stream.extend_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
}

/// The header is padded so that the body starts at a multiple of 64, as arrow-rs has it.
fn write_message(stream: &mut Vec<u8>, header: &[u8], body: &[u8]) {
    let padded = (header.len() + 8).next_multiple_of(64) - 8;
    stream.extend_from_slice(&[0xFF; 4]);
    stream.extend_from_slice(&(padded as u32).to_le_bytes());
    stream.extend_from_slice(header);
    stream.resize(stream.len() + padded - header.len(), 0);
    stream.extend_from_slice(body);
}
