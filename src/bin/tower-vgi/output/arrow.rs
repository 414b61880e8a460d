//! Arrow IPC files and streams.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

use super::{Sink, other};

/// An Arrow IPC file or stream, begun with the first batch.
pub(super) struct Arrow<W: Write> {
    state: State<W>,
    /// A file keeps one dictionary a column, and batches may have different ones: it gets their values.
    plain: Option<SchemaRef>,
    as_file: bool,
}

enum State<W: Write> {
    Closed(Option<W>),
    File(FileWriter<BufWriter<W>>),
    Stream(StreamWriter<W>),
}

impl<W: Write> Arrow<W> {
    pub(super) fn file(writer: W) -> Self {
        Self { state: State::Closed(Some(writer)), plain: None, as_file: true }
    }

    pub(super) fn stream(writer: W) -> Self {
        Self { state: State::Closed(Some(writer)), plain: None, as_file: false }
    }

    fn begin(&mut self, schema: &SchemaRef) -> io::Result<()> {
        let State::Closed(writer) = &mut self.state else { return Ok(()) };
        let Some(writer) = writer.take() else { return Ok(()) };
        self.state = match self.as_file {
            true => {
                let plain: Fields = schema.fields().iter().map(|field| without_dictionaries(field)).collect();
                let plain = Arc::new(Schema::new_with_metadata(plain, schema.metadata().clone()));
                let file = FileWriter::try_new_buffered(writer, &plain).map_err(other)?;
                self.plain = (plain != *schema).then_some(plain);
                State::File(file)
            }
            false => State::Stream(StreamWriter::try_new(writer, schema).map_err(other)?),
        };
        Ok(())
    }
}

impl<W: Write + Send> Sink for Arrow<W> {
    fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.begin(batch.schema_ref())?;
        match (&mut self.state, &self.plain) {
            (State::File(file), None) => file.write(batch).map_err(other),
            (State::File(file), Some(schema)) => {
                let columns = batch.columns().iter().zip(schema.fields());
                let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>();
                let plain = RecordBatch::try_new(schema.clone(), columns.map_err(other)?).map_err(other)?;
                file.write(&plain).map_err(other)
            }
            (State::Stream(stream), _) => stream.write(batch).map_err(other),
            (State::Closed(_), _) => Err(io::Error::other("nothing is open")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Stream(stream) => stream.flush().map_err(other),
            // Nobody reads a file before it has its end.
            State::File(_) | State::Closed(_) => Ok(()),
        }
    }

    fn finish(&mut self, schema: Option<&SchemaRef>) -> io::Result<()> {
        if let Some(schema) = schema {
            self.begin(schema)?;
        }
        match &mut self.state {
            State::File(file) => {
                file.finish().map_err(other)?;
                file.flush().map_err(other)
            }
            State::Stream(stream) => {
                stream.finish().map_err(other)?;
                stream.flush().map_err(other)
            }
            // There was neither a batch nor a schema.
            State::Closed(_) => Ok(()),
        }
    }
}

fn without_dictionaries(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, value) => (**value).clone(),
        DataType::List(item) => DataType::List(Arc::new(without_dictionaries(item))),
        DataType::LargeList(item) => DataType::LargeList(Arc::new(without_dictionaries(item))),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(Arc::new(without_dictionaries(item)), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| without_dictionaries(field)).collect()),
        DataType::Map(entries, sorted) => DataType::Map(Arc::new(without_dictionaries(entries)), *sorted),
        _ => return field.clone(),
    };
    field.clone().with_data_type(data_type)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use arrow_array::types::Int16Type;
    use arrow_array::{Array as _, DictionaryArray};
    use arrow_ipc::reader::{FileReader, StreamReader};

    use super::*;

    fn batch(values: &[&str]) -> RecordBatch {
        let column: DictionaryArray<Int16Type> = values.iter().copied().collect();
        let field = Field::new("x", column.data_type().clone(), false);
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(column)]).unwrap()
    }

    #[test]
    fn batches_with_different_dictionaries_go_into_one_file() {
        let mut bytes = Vec::new();
        let mut file = Arrow::file(&mut bytes);
        file.write(&batch(&["a", "b"])).unwrap();
        file.write(&batch(&["c"])).unwrap();
        file.finish(None).unwrap();
        drop(file);
        let batches: Vec<_> = FileReader::try_new(Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect();
        let rows = batches.iter().flat_map(|batch| super::super::rows_as_json(batch).unwrap());
        assert_eq!(rows.map(|row| row["x"].to_string()).collect::<String>(), r#""a""b""c""#);
        assert_eq!(batches[0].schema().field(0).data_type(), &DataType::Utf8);
    }

    #[test]
    fn a_stream_keeps_dictionaries() {
        let mut bytes = Vec::new();
        let mut stream = Arrow::stream(&mut bytes);
        stream.write(&batch(&["a"])).unwrap();
        stream.write(&batch(&["c"])).unwrap();
        stream.finish(None).unwrap();
        drop(stream);
        let read: Vec<_> = StreamReader::try_new(Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, [batch(&["a"]), batch(&["c"])]);
    }

    #[test]
    fn without_batches_there_is_still_a_file() {
        let mut bytes = Vec::new();
        let mut file = Arrow::file(&mut bytes);
        file.finish(Some(batch(&[]).schema_ref())).unwrap();
        drop(file);
        assert_eq!(FileReader::try_new(Cursor::new(bytes), None).unwrap().count(), 0);
    }
}
