//! [`SessionId`]: which session of this process.

use std::fmt;

use rand::Rng as _;
use serde::{Deserialize, Serialize};

/// The id of a session: 12 random bytes, shown as 24 hexadecimal digits.
///
/// It names the session in logs. Knowing it gives nobody access: that takes the token in which it is sealed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId([u8; 12]);

impl SessionId {
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 12];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The id of these bytes, out of a token.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a token.
    pub const fn to_bytes(self) -> [u8; 12] {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionId({self})")
    }
}
