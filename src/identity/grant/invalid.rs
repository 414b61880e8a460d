//! [`InvalidGrant`]: a token that is no grant, or none any more.

use std::error::Error;
use std::fmt;

/// A token that is not taken as a sealed grant.
///
/// Why is not told, but for one reason: it is out of its time. That is found last, of a grant that is otherwise in order,
/// so that it helps nobody who has made one up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidGrant {
    out_of_time: bool,
}

impl InvalidGrant {
    pub(super) fn forged() -> Self {
        Self { out_of_time: false }
    }

    pub(super) fn out_of_time() -> Self {
        Self { out_of_time: true }
    }

    /// Whether it is a true grant which has expired, or is not good yet.
    pub fn is_out_of_time(self) -> bool {
        self.out_of_time
    }
}

impl fmt::Display for InvalidGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.out_of_time {
            true => "the grant has expired, or is not valid yet",
            false => "the grant is not valid",
        })
    }
}

impl Error for InvalidGrant {}
