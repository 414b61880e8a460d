//! What hangs on a response until it has been sent: things that are kept, and those who want to know.

use std::any::Any;

/// Wants to know whether what was made of a response reaches whoever reads it.
///
/// A layer that has done something elsewhere of which only the response tells undoes it when this is dropped and
/// [`delivered`](Self::delivered) was not called since.
///
/// A layer that gathers a body before it sends it, as one that compresses a complete one, takes it as well: what becomes
/// of its own is not told. Nor is that of a response without a body, of which nothing is taken.
pub trait Delivery: Send + 'static {
    /// A piece of the body with so many bytes was taken. What is made of the response may be more than that.
    fn taken(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// All that has been made of the response so far was taken, to be sent. Called any number of times; last when the
    /// body has ended.
    fn delivered(&mut self);
}

/// What a response keeps: most often nothing or one thing, which is why there is no list.
#[derive(Default)]
pub(crate) struct Guards(Option<Box<dyn Delivery>>);

impl Guards {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Keeps something, and no more.
    pub(crate) fn hold(&mut self, guard: impl Any + Send) {
        self.add(Held(guard));
    }

    pub(crate) fn add(&mut self, delivery: impl Delivery) {
        self.append(Self(Some(Box::new(delivery))));
    }

    /// Keeps what others kept. It is told, and dropped, after what is there.
    pub(crate) fn append(&mut self, others: Self) {
        self.0 = match (self.0.take(), others.0) {
            (Some(first), Some(then)) => Some(Box::new(Both(first, then))),
            (one, other) => one.or(other),
        };
    }

    pub(crate) fn taken(&mut self, bytes: u64) {
        if let Some(guard) = &mut self.0 {
            guard.taken(bytes);
        }
    }

    pub(crate) fn delivered(&mut self) {
        if let Some(guard) = &mut self.0 {
            guard.delivered();
        }
    }
}

/// Something that is only kept.
struct Held<T>(#[allow(dead_code)] T);

impl<T: Send + 'static> Delivery for Held<T> {
    fn delivered(&mut self) {}
}

// In the order in which they are dropped.
struct Both(Box<dyn Delivery>, Box<dyn Delivery>);

impl Delivery for Both {
    fn taken(&mut self, bytes: u64) {
        self.0.taken(bytes);
        self.1.taken(bytes);
    }

    fn delivered(&mut self) {
        self.0.delivered();
        self.1.delivered();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    type Notes = Arc<Mutex<Vec<String>>>;

    struct Notices(&'static str, Notes);

    impl Notices {
        fn note(&self, what: &str) {
            self.1.lock().unwrap().push(format!("{what} {}", self.0));
        }
    }

    impl Delivery for Notices {
        fn taken(&mut self, bytes: u64) {
            self.note(&bytes.to_string());
        }

        fn delivered(&mut self) {
            self.note("delivered");
        }
    }

    impl Drop for Notices {
        fn drop(&mut self) {
            self.note("dropped");
        }
    }

    #[test]
    fn all_are_told_and_dropped_in_order() {
        let notes = Notes::default();
        let (mut guards, mut others) = (Guards::new(), Guards::new());
        guards.append(Guards::new());
        assert!(guards.is_empty());
        guards.add(Notices("a", notes.clone()));
        others.hold(Notices("b", notes.clone()));
        others.add(Notices("c", notes.clone()));
        guards.append(others);
        guards.taken(2);
        guards.delivered();
        drop(guards);
        let expected = ["2 a", "2 c", "delivered a", "delivered c", "dropped a", "dropped b", "dropped c"];
        assert_eq!(*notes.lock().unwrap(), expected);
    }
}
