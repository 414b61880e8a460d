//! [`GrantKeyError`]: grant keys that cannot be used.

use std::error::Error;
use std::fmt;

/// Grant keys that a server must not start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantKeyError(pub(super) Mistake);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    NoKey,
    /// The numbers of keys begin with 1.
    NotBase64 {
        number: usize,
    },
    Length {
        number: usize,
        bytes: usize,
    },
    Twice {
        number: usize,
    },
    Lifetime {
        text: String,
    },
    Skew {
        seconds: u64,
    },
    NotUnicode {
        variable: &'static str,
    },
}

impl fmt::Display for GrantKeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Mistake::NoKey => formatter.write_str("grants need at least one key of 32 bytes"),
            Mistake::NotBase64 { number } => write!(formatter, "grant key number {number} is not base64"),
            Mistake::Length { number, bytes } => {
                write!(formatter, "grant key number {number} has {bytes} bytes; expected exactly 32")
            }
            Mistake::Twice { number } => write!(formatter, "grant key number {number} is there twice"),
            Mistake::Lifetime { text } => write!(
                formatter,
                "'{text}' is no longest lifetime of a grant; expected a whole number of seconds, at least 1"
            ),
            Mistake::Skew { seconds } => write!(
                formatter,
                "clocks that are {seconds} seconds apart would keep grants good for as long after their end; expected an \
                 hour at most"
            ),
            Mistake::NotUnicode { variable } => {
                write!(formatter, "the environment variable {variable} is set to what is not Unicode text")
            }
        }
    }
}

impl Error for GrantKeyError {}
