//! What an exchange is sent: batches out of a file or stdin, read on a thread of their own.

mod arrow;
mod rows;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use tokio::sync::mpsc;
use tower_vgi::wire::AnnotatedBatch;

use crate::failure::Failure;

/// Batches, as they are read.
pub(crate) struct Input(mpsc::Receiver<Result<AnnotatedBatch, Failure>>);

type Batches = Box<dyn Iterator<Item = Result<AnnotatedBatch, String>>>;

impl Input {
    /// Begins to read a file; `-` is stdin.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let stdin = path.as_os_str() == "-";
        let name = if stdin { "stdin".to_owned() } else { format!("'{}'", path.display()) };
        let unreadable = {
            let name = name.clone();
            move |error: &io::Error| Failure::local(format_args!("{name} cannot be read"), error)
        };
        let source: Box<dyn Read + Send> = match stdin {
            true => Box::new(io::stdin()),
            false => Box::new(File::open(path).map_err(|error| unreadable(&error))?),
        };
        // One ahead of the exchange; no more is kept.
        let (sender, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            let batches = match batches(source) {
                Ok(batches) => batches,
                Err(error) => {
                    let _ = sender.blocking_send(Err(unreadable(&error)));
                    return;
                }
            };
            for batch in batches {
                let batch = batch.map_err(|error| Failure::usage(format!("{name}: {error}")));
                let failed = batch.is_err();
                // Nobody listens any more when the exchange has ended.
                if sender.blocking_send(batch).is_err() || failed {
                    return;
                }
            }
        });
        Ok(Self(receiver))
    }

    /// The next batch; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<AnnotatedBatch>, Failure> {
        self.0.recv().await.transpose()
    }
}

/// The first byte says what it is: `ff` begins an IPC stream, `A` an IPC file (`ARROW1`), and neither begins JSON.
fn batches(source: Box<dyn Read + Send>) -> io::Result<Batches> {
    let mut source = BufReader::with_capacity(64 << 10, source);
    Ok(match source.fill_buf()?.first() {
        Some(0xff) => Box::new(arrow::Stream::new(source)),
        Some(b'A') => arrow::file(source)?,
        _ => Box::new(rows::Rows::new(source)),
    })
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, RecordBatch};

    use super::*;
    use crate::output::rows_as_json;

    fn read(bytes: &[u8]) -> Vec<Result<String, String>> {
        let bytes = io::Cursor::new(bytes.to_vec());
        let text = |batch: AnnotatedBatch| serde_json::to_string(&rows_as_json(&batch.batch).unwrap()).unwrap();
        batches(Box::new(bytes)).unwrap().map(|batch| batch.map(text)).collect()
    }

    fn batch() -> RecordBatch {
        RecordBatch::try_from_iter([("x", std::sync::Arc::new(Int64Array::from(vec![1, 2])) as _)]).unwrap()
    }

    #[test]
    fn rows_and_arrow_are_told_apart() {
        assert_eq!(read(b"{\"x\": 1}\n"), [Ok(r#"[{"x":1}]"#.to_owned())]);
        assert_eq!(read(b""), []);

        let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch().schema()).unwrap();
        stream.write(&batch()).unwrap();
        stream.write(&batch()).unwrap();
        let both = Ok(r#"[{"x":1},{"x":2}]"#.to_owned());
        assert_eq!(read(&stream.into_inner().unwrap()), [both.clone(), both.clone()]);

        let mut file = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch().schema()).unwrap();
        file.write(&batch()).unwrap();
        file.finish().unwrap();
        assert_eq!(read(file.get_ref()), [both]);
    }

    #[test]
    fn damaged_input_is_told() {
        let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch().schema()).unwrap();
        stream.write(&batch()).unwrap();
        let bytes = stream.into_inner().unwrap();
        let read = read(&bytes[..bytes.len() - 20]);
        assert!(read.last().unwrap().is_err(), "{read:?}");
    }
}
