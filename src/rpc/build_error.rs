//! [`BuildError`]: a service that cannot be built as it was described.

use std::fmt;

/// Everything that is wrong with a service's description, found when it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    mistakes: Vec<String>,
}

impl BuildError {
    pub(crate) fn new(mistakes: Vec<String>) -> Self {
        Self { mistakes }
    }

    /// One sentence for each mistake.
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the service cannot be built: {}", self.mistakes.join("; "))
    }
}

impl std::error::Error for BuildError {}
