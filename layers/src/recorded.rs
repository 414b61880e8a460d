//! For tests: the spans and events of [`tracing`] that a thread makes.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

thread_local! {
    /// Up to which level this thread records, and where.
    static RECORDING: RefCell<Option<(Level, Recorded)>> = const { RefCell::new(None) };
}

/// What was recorded, in the order in which it happened.
#[derive(Clone, Default)]
pub(crate) struct Recorded(Arc<Mutex<Vec<Record>>>);

/// A span or an event, with its fields; `message` is one of them.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) fields: Vec<(&'static str, String)>,
    /// The name of the span that an event is in.
    pub(crate) span: Option<&'static str>,
}

impl Recorded {
    /// Records up to this level, on this thread, until the guard is dropped.
    pub(crate) fn start(level: Level) -> (Self, Guard) {
        // One for the whole process: subscribers that come and go beside each other lose events of callsites that are
        // met for the first time meanwhile.
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::registry().with(Recorder);
            tracing::subscriber::set_global_default(subscriber).unwrap();
        });
        let recorded = Self::default();
        RECORDING.set(Some((level, recorded.clone())));
        (recorded, Guard)
    }

    /// What has been recorded with this target since it was last asked for.
    pub(crate) fn take(&self, target: &str) -> Vec<Record> {
        let mut records = std::mem::take(&mut *self.0.lock().unwrap());
        records.retain(|record| record.metadata.target() == target);
        records
    }
}

impl Record {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|(name, _)| *name).collect()
    }

    pub(crate) fn level(&self) -> Level {
        *self.metadata.level()
    }
}

/// Ends the recording when it is dropped.
pub(crate) struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        RECORDING.set(None);
    }
}

/// Hands everything to the thread's own recording.
struct Recorder;

fn record(record: Record) {
    RECORDING.with_borrow(|recording| {
        if let Some((_, recorded)) = recording {
            recorded.0.lock().unwrap().push(record);
        }
    });
}

impl<S> Layer<S> for Recorder
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        RECORDING.with_borrow(|recording| recording.as_ref().is_some_and(|(level, _)| metadata.level() <= level))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _id: &Id, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        record(Record { metadata: attributes.metadata(), fields: fields.0, span: None });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = context.event_span(event).map(|span| span.metadata().name());
        record(Record { metadata: event.metadata(), fields: fields.0, span });
    }
}

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }
}
