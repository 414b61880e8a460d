//! For tests: the spans and events of [`tracing`] that a thread makes.

use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

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
    pub(crate) fn start(level: Level) -> (Self, DefaultGuard) {
        let recorded = Self::default();
        let subscriber = tracing_subscriber::registry().with(LevelFilter::from(level)).with(recorded.clone());
        (recorded, tracing::subscriber::set_default(subscriber))
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

impl<S> Layer<S> for Recorded
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, _id: &Id, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        self.0.lock().unwrap().push(Record { metadata: attributes.metadata(), fields: fields.0, span: None });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = context.event_span(event).map(|span| span.metadata().name());
        self.0.lock().unwrap().push(Record { metadata: event.metadata(), fields: fields.0, span });
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
