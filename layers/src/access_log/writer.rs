//! The thread that writes.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::TARGET;
use super::queue::{Batch, Queue};

/// How long the end of a program waits for a disk that does not answer.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// How often a loss is worth a warning.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Writes lines elsewhere. With the last clone it ends.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    queue: Arc<Queue>,
}

impl Writer {
    pub(super) fn start(sink: impl Write + Send + 'static, queue_bytes: usize) -> Self {
        let queue = Arc::new(Queue::new(queue_bytes));
        let shared = queue.clone();
        let thread = std::thread::Builder::new().name("access-log".to_owned());
        if let Err(error) = thread.spawn(move || run(sink, &shared)) {
            // As with a full disk: calls go on, and what is lost is counted.
            warn!(target: TARGET, %error, "there is no thread to write the access log");
            queue.abandon();
        }
        Self(Arc::new(Handle { queue }))
    }

    pub(super) fn set_queue_bytes(&self, bytes: usize) {
        self.0.queue.set_max_bytes(bytes);
    }

    pub(super) fn push(&self, line: &[u8], time: u64) {
        self.0.queue.push(line, time);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.0.queue.dropped()
    }

    pub(super) fn flush(&self) {
        self.0.queue.flush(None);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
        self.queue.flush(Some(Instant::now() + LAST_FLUSH));
    }
}

fn run(sink: impl Write, queue: &Queue) {
    let mut output = Output { sink, at_line_start: true };
    let mut losses = Losses::default();
    let mut unwritten = Unwritten { queue, batch: Batch::default() };
    while let Some(number) = queue.take(&mut unwritten.batch) {
        if let Err(failed) = output.write(unwritten.batch.bytes()) {
            queue.lose(failed.lost);
            losses.note(&failed.error);
        }
        unwritten.batch.clear();
        losses.report(queue.dropped());
        queue.wrote(number);
    }
}

/// What is being written. Where the sink panics, it is lost, and all that comes after it: nobody waits for a thread that
/// has ended.
struct Unwritten<'a> {
    queue: &'a Queue,
    batch: Batch,
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.queue.lose(self.batch.bytes());
            self.queue.abandon();
            warn!(target: TARGET, "what the access log is written to has panicked; from now on all lines are lost");
        }
    }
}

/// Where lines go.
struct Output<W> {
    sink: W,
    /// Where an error has left half a line behind, it is ended first, so that it does not spoil the next one.
    at_line_start: bool,
}

/// Why lines were not written, and which.
struct Failed<'a> {
    error: io::Error,
    lost: &'a [u8],
}

impl<W: Write> Output<W> {
    /// Writes all lines. After an error it tries no more: what comes meanwhile has room in the queue.
    fn write<'a>(&mut self, lines: &'a [u8]) -> Result<(), Failed<'a>> {
        let mut left = lines;
        self.try_write(&mut left).map_err(|error| {
            // A line of which only a part is written is lost, too.
            let written = &lines[..lines.len() - left.len()];
            let whole = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
            Failed { error, lost: &lines[whole..] }
        })?;
        // What a sink has taken and cannot hand on is as lost as what it has not taken.
        loop {
            match self.sink.flush() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| Failed { error, lost: lines }),
            }
        }
    }

    fn try_write(&mut self, left: &mut &[u8]) -> io::Result<()> {
        if !self.at_line_start {
            self.sink.write_all(b"\n")?;
            self.at_line_start = true;
        }
        while !left.is_empty() {
            match self.sink.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.at_line_start = left[..written].ends_with(b"\n");
                    *left = &left[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Tells the log of the program about lines that are lost, now and then.
#[derive(Default)]
struct Losses {
    reason: Option<String>,
    reported: u64,
    last: Option<Instant>,
}

impl Losses {
    fn note(&mut self, error: &io::Error) {
        self.reason = Some(error.to_string());
    }

    fn report(&mut self, dropped: u64) {
        if dropped == self.reported || self.last.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            return;
        }
        let lost = dropped - self.reported;
        let reason = self.reason.take().unwrap_or_else(|| "they come faster than they can be written".to_owned());
        warn!(target: TARGET, lost, dropped, reason, "lines of the access log are lost");
        self.reported = dropped;
        self.last = Some(Instant::now());
    }
}
