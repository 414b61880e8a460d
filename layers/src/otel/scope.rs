//! The context in which the work for a request is done, piece by piece.

use std::cell::{Cell, RefCell};

use opentelemetry::{Context, ContextGuard};

thread_local! {
    /// In how many pieces of work this thread is: one within the other, as with a server that calls another in its process.
    static PIECES: Cell<usize> = const { Cell::new(0) };

    /// What was entered within them, and is left at the end of the piece.
    static ENTERED: RefCell<Vec<ContextGuard>> = const { RefCell::new(Vec::new()) };
}

/// Does a piece of work, in a context of its own if there is one.
pub(super) fn within<R>(context: Option<&Context>, work: impl FnOnce() -> R) -> R {
    let _attached = context.map(|context| context.clone().attach());
    let _piece = Piece::begin();
    work()
}

/// Sets the context for the rest of the piece of work. Where there is none, since a layer has handed the request over to
/// another task, nothing is set: nobody would set it back.
pub(super) fn enter(context: &Context) {
    if PIECES.get() > 0 {
        ENTERED.with_borrow_mut(|entered| entered.push(context.clone().attach()));
    }
}

struct Piece {
    entered_before: usize,
}

impl Piece {
    fn begin() -> Self {
        PIECES.set(PIECES.get() + 1);
        Self { entered_before: ENTERED.with_borrow(Vec::len) }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        PIECES.set(PIECES.get() - 1);
        // Dropped elsewhere: what ends with a context may enter one.
        while let Some(guard) =
            ENTERED.with_borrow_mut(|entered| if entered.len() > self.entered_before { entered.pop() } else { None })
        {
            drop(guard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Name(&'static str);

    fn named(name: &'static str) -> Context {
        Context::new().with_value(Name(name))
    }

    fn current() -> Option<&'static str> {
        Context::map_current(|context| context.get::<Name>().map(|name| name.0))
    }

    #[test]
    fn what_is_entered_is_left_at_the_end_of_the_piece() {
        within(Some(&named("outer")), || {
            assert_eq!(current(), Some("outer"));
            within(None, || {
                enter(&named("inner"));
                assert_eq!(current(), Some("inner"));
            });
            assert_eq!(current(), Some("outer"));
        });
        assert_eq!(current(), None);
    }

    #[test]
    fn a_panic_leaves_it_as_well() {
        let _ = std::panic::catch_unwind(|| {
            within(None, || {
                enter(&named("inner"));
                panic!("on purpose");
            });
        });
        assert_eq!(current(), None);
    }

    #[test]
    fn nothing_is_entered_for_ever() {
        enter(&named("lost"));
        assert_eq!(current(), None);
    }
}
