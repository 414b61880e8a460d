//! Why a stack cannot be built.

use std::error::Error;
use std::fmt;

/// The mistakes of a stack's configuration, all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackError {
    mistakes: Vec<String>,
}

impl StackError {
    /// Each mistake, as a sentence without its end.
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

impl fmt::Display for StackError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the stack cannot be built: {}", self.mistakes.join("; "))
    }
}

impl Error for StackError {}

/// Collects mistakes, so that one build tells them all.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<String>);

impl Mistakes {
    /// The value, or nothing and a mistake more.
    pub(super) fn keep<T, E: fmt::Display>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(super) fn add(&mut self, mistake: impl fmt::Display) {
        self.0.push(mistake.to_string());
    }

    pub(super) fn into_result(self) -> Result<(), StackError> {
        if self.0.is_empty() { Ok(()) } else { Err(StackError { mistakes: self.0 }) }
    }
}
