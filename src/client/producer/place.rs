//! [`Place`]: how far a producer's stream has been read, in terms that its server understands.

use std::sync::Arc;

use crate::client::resume::ResumeToken;
use crate::wire::{Metadata, keys};

/// The tokens of a stream, and what has been read after the newest one.
#[derive(Default)]
pub(super) struct Place {
    cursor: Option<Arc<[u8]>>,
    /// Comes once and does not change.
    call: Option<Arc<[u8]>>,
    /// Batches delivered after the cursor.
    since: u64,
    /// Batches that come again and were delivered before.
    skip: u64,
}

/// After a batch: the newest cursor then, and how many batches had been delivered after it.
pub(super) type Position = (Arc<[u8]>, u64);

/// What a batch with data is to the stream.
pub(super) struct Batch {
    /// It was delivered before.
    pub(super) again: bool,
    /// It came with the cursor to go on after it.
    pub(super) has_cursor: bool,
}

impl Place {
    pub(super) fn of(token: ResumeToken) -> Self {
        Self { cursor: Some(token.cursor), call: token.call, since: token.skip, skip: token.skip }
    }

    /// Counts a batch with data, and takes its tokens.
    pub(super) fn batch(&mut self, metadata: &mut Metadata) -> Batch {
        let has_cursor = self.keep_tokens(metadata);
        if has_cursor {
            metadata.remove(keys::STREAM_STATE);
            // What of the batches after the old cursor is still to come again was delivered after this one, too.
            self.since = self.skip.saturating_sub(1);
        }
        if !metadata.is_empty() {
            metadata.remove(keys::CALL_STATE);
        }
        let again = self.skip > 0;
        match again {
            true => self.skip -= 1,
            false if has_cursor => self.since = 0,
            false => self.since += 1,
        }
        Batch { again, has_cursor }
    }

    /// Takes the tokens of a batch that has nothing else. They may come before all batches have come again that were
    /// delivered before, where another server goes on with the stream: the rest comes after.
    pub(super) fn sentinel(&mut self, metadata: &Metadata) {
        self.keep_tokens(metadata);
        self.since = self.skip;
    }

    fn keep_tokens(&mut self, metadata: &Metadata) -> bool {
        if metadata.is_empty() {
            return false;
        }
        if self.call.is_none() {
            self.call = metadata.get(keys::CALL_STATE).map(Into::into);
        }
        let cursor = metadata.get(keys::STREAM_STATE);
        if let Some(cursor) = cursor {
            self.cursor = Some(cursor.into());
        }
        cursor.is_some()
    }

    /// Goes back to the cursor: all that was delivered after it comes again.
    pub(super) fn rewind(&mut self) {
        self.skip = self.since;
    }

    /// Whether the next batch was delivered before.
    pub(super) fn is_behind(&self) -> bool {
        self.skip > 0
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.cursor.clone().map(|cursor| (cursor, self.since))
    }

    pub(super) fn resume_token(&self, (cursor, skip): Position) -> ResumeToken {
        ResumeToken { cursor, call: self.call.clone(), skip }
    }

    pub(super) fn cursor(&self) -> Option<&[u8]> {
        self.cursor.as_deref()
    }

    pub(super) fn call(&self) -> Option<&[u8]> {
        self.call.as_deref()
    }

    /// The stream has ended: there is nothing to go on with.
    pub(super) fn end(&mut self) -> Option<Arc<[u8]>> {
        self.cursor.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(cursor: &str) -> Metadata {
        Metadata::from_iter([(keys::STREAM_STATE, cursor)])
    }

    fn data(place: &mut Place) -> bool {
        place.batch(&mut Metadata::new()).again
    }

    fn position(place: &Place) -> Option<(&[u8], u64)> {
        place.cursor().map(|cursor| (cursor, place.since))
    }

    #[test]
    fn batches_are_counted_from_the_newest_cursor() {
        let mut place = Place::default();
        assert!(!data(&mut place));
        assert_eq!(position(&place), None);
        place.sentinel(&tokens("a"));
        assert_eq!(position(&place), Some((&b"a"[..], 0)));
        data(&mut place);
        data(&mut place);
        assert_eq!(position(&place), Some((&b"a"[..], 2)));
        assert!(place.batch(&mut tokens("b")).has_cursor);
        assert_eq!(position(&place), Some((&b"b"[..], 0)));
    }

    #[test]
    fn what_comes_again_is_not_new() {
        let mut place = Place::default();
        place.sentinel(&tokens("a"));
        for _ in 0..3 {
            data(&mut place);
        }
        place.rewind();
        assert_eq!([(); 4].map(|()| data(&mut place)), [true, true, true, false]);
        assert_eq!(position(&place), Some((&b"a"[..], 4)));
    }

    #[test]
    fn a_cursor_among_what_comes_again_counts_the_rest() {
        for with_batch in [false, true] {
            let mut place = Place::default();
            place.sentinel(&tokens("a"));
            for _ in 0..3 {
                data(&mut place);
            }
            place.rewind();
            // One batch a response now, where there were several before.
            if with_batch {
                assert!(place.batch(&mut tokens("b")).again);
            } else {
                assert!(data(&mut place));
                place.sentinel(&tokens("b"));
            }
            assert_eq!(position(&place), Some((&b"b"[..], 2)), "{with_batch}");
            place.rewind();
            assert_eq!([(); 3].map(|()| data(&mut place)), [true, true, false], "{with_batch}");
        }
    }

    #[test]
    fn the_call_token_comes_once_and_none_is_left_for_the_caller() {
        let mut place = Place::default();
        let first = Metadata::from_iter([(keys::STREAM_STATE, "a"), (keys::CALL_STATE, "call")]);
        place.sentinel(&first);
        let mut later = Metadata::from_iter([(keys::STREAM_STATE, "b"), (keys::CALL_STATE, "other"), ("own", "1")]);
        place.batch(&mut later);
        assert_eq!(place.call(), Some(&b"call"[..]));
        assert_eq!(later, Metadata::from_iter([("own", "1")]));
        let token = place.resume_token(place.position().unwrap());
        assert_eq!(Place::of(token).position(), Some((b"b"[..].into(), 0)));
    }
}
