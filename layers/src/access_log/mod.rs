//! One line of JSON for every call and every turn of a stream.
//!
//! The form is that of the reference's access log (`vgi_rpc.access`), whose tools read it. It has who called what, how it
//! ended and how long it took, rows and bytes, the stream and the session; never what was sent: no parameter, no
//! result, no token and no query of a URL. Requests that were refused before a method was called are no calls.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::access_log::{AccessLogLayer, LogFile};
//! # fn serve(service: tower_vgi::rpc::RpcService) -> Result<(), Box<dyn std::error::Error>> {
//!
//! let file = LogFile::new("/var/log/calculator/access-{pid}.jsonl").max_bytes(64 << 20).keep(8);
//! let log = AccessLogLayer::to_file(service.info(), file)?.sample(0.1)?;
//! let stack = Stack::builder(service).access_log(log).build()?;
//! # let _ = stack;
//! # Ok(())
//! # }
//! ```
//!
//! A line is written when the last byte of the answer has been handed over, so that it says what was really sent:
//! `response_bytes` is the size after compression. A line of a caller that did not wait for that says so
//! (`status` `error`, `error_code` `CANCELLED`).
//!
//! # Writing never slows a call
//!
//! Lines go through a queue of bounded size to a thread that writes them, ten times a second or when there are enough.
//! Where it is full because the disk is slow, or where the disk is full, lines are dropped. The next line that gets through
//! has their number (`dropped_records`), and [`AccessLogLayer::dropped`] their sum; a warning goes to [`tracing`] with
//! the target [`TARGET`].
//!
//! Threads of the server have parts of the queue of their own. What was gathered is written in the order of `timestamp`; where
//! one batch ends while calls end at that very moment, some of these may come in another order.
//!
//! # Both generations
//!
//! Lines have the form of the current release. Those of flat routes say besides that they leave the payload out
//! (`truncated`, `original_request_bytes`), which earlier releases' tools expect.

mod claims;
mod decimal;
mod file;
mod json;
mod line;
mod method_text;
mod queue;
mod record;
mod sample;
#[cfg(test)]
mod tests;
mod timestamp;
mod writer;

use std::fmt;
use std::io;
use std::sync::Arc;

use http::Request;
use tower_layer::Layer;
use tower_vgi::rpc::ServiceInfo;
use tower_vgi::{Advertise, Capabilities, PeerAddr};

use crate::observe::{Observe, Observed, Outcome};
use claims::Redact;
use line::Lines;
use record::Record;
use sample::Sample;
use writer::Writer;

pub use file::{LogFile, LogFileError};
pub use sample::SampleError;

/// The target of the warnings about lines that could not be written.
pub const TARGET: &str = "tower_vgi::access_log";

/// How large a line may be unless the log says otherwise: 1 MiB.
pub const DEFAULT_MAX_RECORD_BYTES: usize = 1 << 20;

/// How much may wait to be written unless the log says otherwise: 16 MiB.
pub const DEFAULT_QUEUE_BYTES: usize = 16 << 20;

/// Writes a line of JSON for every call. See the [module](self).
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct AccessLogLayer {
    log: AccessLog,
}

impl AccessLogLayer {
    /// Appends to a file, which is opened now.
    ///
    /// # Errors
    ///
    /// When the path has a placeholder that is not known, or the file cannot be opened.
    pub fn to_file(info: Arc<ServiceInfo>, file: LogFile) -> Result<Self, LogFileError> {
        let sink = file.open(&info.server_id)?;
        Ok(Self::new(info, sink))
    }

    /// Writes to anything else, such as the standard output. It is written to from a thread of its own, and only
    /// whole lines; an error loses the lines at hand.
    pub fn to_writer(info: Arc<ServiceInfo>, writer: impl io::Write + Send + 'static) -> Self {
        Self::new(info, writer)
    }

    fn new(info: Arc<ServiceInfo>, sink: impl io::Write + Send + 'static) -> Self {
        let lines = Lines::new(&info, DEFAULT_MAX_RECORD_BYTES);
        let writer = Writer::start(sink, DEFAULT_QUEUE_BYTES);
        Self { log: AccessLog(Arc::new(Shared { lines, sample: Sample::all(), writer })) }
    }

    /// Writes only so many of the calls, of which 1 are all; errors always. All requests of a stream are written, or
    /// none, by whatever server. A line that is one of many says of how many (`sample_rate`).
    ///
    /// Which calls are written depends on their request ids, and callers may choose these, so that one can keep its good
    /// calls out of a sample. A log that has to prove who did what is not sampled.
    ///
    /// # Errors
    ///
    /// When the rate is not between 0 and 1.
    pub fn sample(mut self, rate: f64) -> Result<Self, SampleError> {
        self.shared().sample = Sample::new(rate)?;
        Ok(self)
    }

    /// Shows the value of a claim only if `show` says so of its name; what it says is remembered. Default: all but those
    /// whose names speak of credentials or of a person, such as `access_token`, `email` and `given_name`, however they are
    /// written (`givenName`, `http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname`).
    pub fn show_claims(mut self, show: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.shared().lines.redact = Redact::new(show);
        self
    }

    /// How large a line may be, in bytes: a larger one loses the claims, then all that need not be there and the
    /// ends of long texts (`truncated` says so). What every line has, and what it says of losses, may take a kibibyte
    /// nevertheless. Default: [`DEFAULT_MAX_RECORD_BYTES`].
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.shared().lines.max_bytes = bytes;
        self
    }

    /// How much may wait to be written, in bytes: all threads together have no more than that, and may have to do with a
    /// sixteenth less. What is being written comes on top, as much again and once more in order, and buffers of half a
    /// mebibyte for each thread that runs calls. A line that is longer is lost. Default: [`DEFAULT_QUEUE_BYTES`].
    pub fn queue_bytes(self, bytes: usize) -> Self {
        self.log.0.writer.set_queue_bytes(bytes);
        self
    }

    /// How many lines have been lost so far because they could not be written.
    pub fn dropped(&self) -> u64 {
        self.log.0.writer.dropped()
    }

    /// Waits until everything until now is written, or lost. It blocks: for the end of a program, and for tests.
    ///
    /// The last clone of a log does the same when it is dropped, but not for longer than a few seconds.
    pub fn flush(&self) {
        self.log.0.writer.flush();
    }

    /// Settings are made before the layer is cloned; afterwards, they are those of the clone, but for the queue's size.
    fn shared(&mut self) -> &mut Shared {
        Arc::make_mut(&mut self.log.0)
    }
}

impl fmt::Debug for AccessLogLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessLogLayer").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AccessLogLayer {
    type Service = Observed<S, AccessLog>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed::new(inner, self.log.clone())
    }
}

impl Advertise for AccessLogLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// What [`AccessLogLayer`] observes with.
#[derive(Clone)]
pub struct AccessLog(Arc<Shared>);

#[derive(Clone)]
struct Shared {
    lines: Lines,
    sample: Sample,
    writer: Writer,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

impl Observe for AccessLog {
    /// Where the request comes from.
    type Seen = Option<PeerAddr>;

    fn begin<B>(&self, request: &mut Request<B>) -> Self::Seen {
        request.extensions().get().copied()
    }

    fn end(&self, peer: Self::Seen, outcome: Outcome<'_>) {
        let Shared { lines, sample, writer } = &*self.0;
        let Some(record) = Record::of(&outcome, peer) else { return };
        if let Some(rate) = sample.take(&record) {
            lines.write(&record, rate, |line, time| writer.push(line, time));
        }
    }
}
