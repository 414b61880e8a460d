//! Spans and events of every request.
