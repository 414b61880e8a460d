//! A file that makes room for itself: when it is large or old, it is renamed and another one begun.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::warn;

use super::TARGET;

/// How many earlier files are kept unless it is said otherwise.
const DEFAULT_KEEP: usize = 5;

/// Where a log is written, and when another file is begun.
///
/// A file that has become too large or too old is renamed, `access.jsonl` to `access.jsonl.1`, and those from before to
/// `.2`, `.3` and so on, so that whoever follows the file loses nothing. Where something else moves the file away, such as
/// `logrotate`, another one is begun as well. One process writes to one file: where there
/// are several, put `{pid}` or `{server_id}` into the path.
///
/// ```
/// use std::time::Duration;
///
/// use tower_vgi_layers::access_log::LogFile;
///
/// let file = LogFile::new("/var/log/calculator/{server_id}-{pid}.jsonl").every(Duration::from_secs(3600)).keep(48);
/// # let _ = file;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a file is opened with the log that is written to it"]
pub struct LogFile {
    path: PathBuf,
    max_bytes: Option<u64>,
    period: Option<Duration>,
    keep: usize,
}

/// Why a log cannot be written.
#[derive(Debug)]
pub struct LogFileError {
    path: PathBuf,
    kind: ErrorKind,
}

#[derive(Debug)]
enum ErrorKind {
    Placeholder(String),
    Open(io::Error),
}

impl fmt::Display for LogFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            ErrorKind::Placeholder(name) => write!(
                formatter,
                "the path of the access log, {path}, has the placeholder {{{name}}}; there are {{pid}} and {{server_id}}"
            ),
            ErrorKind::Open(error) => write!(formatter, "the access log {path} cannot be opened: {error}"),
        }
    }
}

impl std::error::Error for LogFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Placeholder(_) => None,
            ErrorKind::Open(error) => Some(error),
        }
    }
}

impl LogFile {
    /// A file that is appended to for ever. In the path, `{pid}` stands for the process's id and `{server_id}` for the
    /// server's.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: None, period: None, keep: DEFAULT_KEEP }
    }

    /// Begins another file before this one has more than so many bytes. A line that alone has more is written whole.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Begins another file with every so much time, counted in whole seconds from midnight UTC: with 3600 seconds at
    /// every full hour.
    pub fn every(mut self, period: Duration) -> Self {
        self.period = Some(period.max(Duration::from_secs(1)));
        self
    }

    /// How many earlier files are kept. Default: 5.
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = files;
        self
    }

    pub(super) fn open(mut self, server_id: &str) -> Result<RotatingFile, LogFileError> {
        self.path = expand(&self.path, server_id)?;
        let mut rotating = RotatingFile { settings: self, current: None, at_line_start: true };
        match rotating.reopen() {
            Ok(_) => Ok(rotating),
            Err(error) => Err(LogFileError { path: rotating.settings.path, kind: ErrorKind::Open(error) }),
        }
    }
}

fn expand(path: &Path, server_id: &str) -> Result<PathBuf, LogFileError> {
    let Some(text) = path.to_str().filter(|text| text.contains('{')) else { return Ok(path.to_owned()) };
    // What is one name stays one, whatever is in it.
    let server_id = server_id.replace(['/', '\\', '{'], "_");
    let expanded = text.replace("{pid}", &std::process::id().to_string()).replace("{server_id}", &server_id);
    match expanded.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        Some((name, _)) => Err(LogFileError { path: path.to_owned(), kind: ErrorKind::Placeholder(name.to_owned()) }),
        None => Ok(expanded.into()),
    }
}

/// The file as the thread that writes has it.
#[derive(Debug)]
pub(super) struct RotatingFile {
    settings: LogFile,
    /// `None` after it was renamed, until another one could be opened.
    current: Option<Current>,
    /// Only there may the file change.
    at_line_start: bool,
}

#[derive(Debug)]
struct Current {
    file: File,
    size: u64,
    /// Which period of time it belongs to.
    period: u64,
}

impl RotatingFile {
    fn reopen(&mut self) -> io::Result<&mut Current> {
        let file = OpenOptions::new().create(true).append(true).open(&self.settings.path)?;
        let metadata = file.metadata()?;
        // What an earlier process has begun goes on as long as its time has not passed.
        let begun = if metadata.len() > 0 { metadata.modified() } else { Ok(SystemTime::now()) };
        let period = self.period_of(begun.unwrap_or_else(|_| SystemTime::now()));
        Ok(self.current.insert(Current { file, size: metadata.len(), period }))
    }

    fn period_of(&self, time: SystemTime) -> u64 {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.settings.period.map_or(0, |period| seconds / period.as_secs().max(1))
    }

    /// Whether a line of this length begins another file.
    fn is_due(&self, line: usize) -> bool {
        let Some(current) = self.current.as_ref().filter(|current| current.size > 0) else { return false };
        self.settings.max_bytes.is_some_and(|max| current.size + line as u64 > max)
            || current.period != self.period_of(SystemTime::now())
    }

    /// Whether somebody else has moved the file away, or put another one in its place.
    fn is_gone(&self) -> bool {
        let Some(current) = &self.current else { return false };
        match (std::fs::metadata(&self.settings.path), current.file.metadata()) {
            (Ok(there), Ok(ours)) => !is_same_file(&there, &ours),
            (Err(error), _) => error.kind() == io::ErrorKind::NotFound,
            (Ok(_), Err(_)) => false,
        }
    }

    /// Gives this file the name of the one before it, and so on.
    fn rotate(&mut self) -> io::Result<()> {
        let path = &self.settings.path;
        if self.settings.keep == 0 {
            std::fs::remove_file(path)?;
        } else {
            for number in (1..self.settings.keep).rev() {
                match std::fs::rename(numbered(path, number), numbered(path, number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            std::fs::rename(path, numbered(path, 1))?;
        }
        self.current = None;
        Ok(())
    }
}

#[cfg(unix)]
fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

impl Write for RotatingFile {
    /// Writes the lines that have room, or the rest of one.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let line_end = |from: &[u8]| from.iter().position(|byte| *byte == b'\n').map_or(from.len(), |index| index + 1);
        let first = line_end(lines);
        if self.at_line_start && self.is_gone() {
            self.current = None;
        }
        if self.at_line_start
            && self.is_due(first)
            && let Err(error) = self.rotate()
        {
            warn!(target: TARGET, %error, path = %self.settings.path.display(), "the access log cannot be renamed");
        }
        let max = self.settings.max_bytes;
        let at_line_start = self.at_line_start;
        let current = match &mut self.current {
            Some(current) => current,
            None => self.reopen()?,
        };
        let end = match max {
            None => lines.len(),
            Some(_) if !at_line_start => first,
            Some(max) => {
                let room = usize::try_from(max.saturating_sub(current.size)).unwrap_or(usize::MAX).min(lines.len());
                lines[..room].iter().rposition(|byte| *byte == b'\n').map_or(first, |index| index + 1)
            }
        };
        let written = current.file.write(&lines[..end])?;
        current.size += written as u64;
        if let Some(last) = written.checked_sub(1) {
            self.at_line_start = lines[last] == b'\n';
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
