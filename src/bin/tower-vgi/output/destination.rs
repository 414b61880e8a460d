//! [`Destination`]: what `--output` says.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::json::Json;
use super::{Sink, arrow, table};
use crate::failure::Failure;

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Ndjson,
    Table,
    /// An Arrow IPC file.
    ArrowFile,
    /// An Arrow IPC stream.
    ArrowStream,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Stdout,
    File(PathBuf),
}

/// Where to, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) format: Format,
    pub(crate) place: Place,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let format = match text {
            "json" => Format::Json,
            "ndjson" => Format::Ndjson,
            "table" => Format::Table,
            "arrow" => Format::ArrowStream,
            _ => {
                let format = match Path::new(text).extension().and_then(|extension| extension.to_str()) {
                    Some("json") => Format::Json,
                    Some("ndjson" | "jsonl") => Format::Ndjson,
                    Some("txt") => Format::Table,
                    Some("arrow") => Format::ArrowFile,
                    Some("arrows") => Format::ArrowStream,
                    _ => {
                        return Err(
                            "one of json, ndjson, table and arrow, or a file whose name ends in .json, .ndjson, \
                                    .jsonl, .txt, .arrow or .arrows"
                                .to_owned(),
                        );
                    }
                };
                return Ok(Self { format, place: Place::File(text.into()) });
            }
        };
        Ok(Self { format, place: Place::Stdout })
    }
}

impl Destination {
    /// To stdout.
    pub(crate) fn stdout(format: Format) -> Self {
        Self { format, place: Place::Stdout }
    }

    /// Whether what is written stands on the terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.place == Place::Stdout && io::stdout().is_terminal()
    }

    /// Opens it.
    pub(crate) fn open(&self) -> Result<Box<dyn Sink>, Failure> {
        if self.format == Format::ArrowStream && self.is_terminal() {
            return Err(Failure::usage(
                "Arrow is not for the terminal: redirect stdout, or name a file after --output",
            ));
        }
        let writer = self.writer()?;
        Ok(match self.format {
            Format::Json => Box::new(Json::array(writer)),
            Format::Ndjson => Box::new(Json::lines(writer)),
            Format::Table => Box::new(table::Table::new(writer)),
            Format::ArrowFile => Box::new(arrow::Arrow::file(writer)),
            Format::ArrowStream => Box::new(arrow::Arrow::stream(writer)),
        })
    }

    /// What takes bytes.
    pub(crate) fn writer(&self) -> Result<Box<dyn Write + Send>, Failure> {
        Ok(match &self.place {
            Place::Stdout => Box::new(BufWriter::with_capacity(BUFFER, io::stdout())),
            Place::File(path) => {
                let file = File::create(path)
                    .map_err(|error| Failure::local(format_args!("'{}' cannot be written", path.display()), &error))?;
                Box::new(BufWriter::with_capacity(BUFFER, file))
            }
        })
    }
}

const BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_for_stdout_and_a_file_has_the_format_of_its_name() {
        let read = |text: &str| text.parse::<Destination>();
        assert_eq!(read("table"), Ok(Destination::stdout(Format::Table)));
        assert_eq!(read("arrow"), Ok(Destination::stdout(Format::ArrowStream)));
        let file = read("out/ticks.arrow").unwrap();
        assert_eq!((file.format, file.place), (Format::ArrowFile, Place::File("out/ticks.arrow".into())));
        assert_eq!(read("x.jsonl").unwrap().format, Format::Ndjson);
        for wrong in ["", "csv", "x.csv", "arrows"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
