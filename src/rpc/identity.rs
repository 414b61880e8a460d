//! Which server answers which request: the two ids on every log and error batch.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

pub(crate) use crate::headers::REQUEST_ID;

/// Server id and request id.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) server_id: Arc<str>,
    pub(crate) request_id: HeaderValue,
    /// Whether the id was made here, so that the response has to tell it.
    pub(crate) generated: bool,
}

impl Identity {
    /// The request's own id, else a new one of 16 hexadecimal digits.
    pub(crate) fn of_request(server_id: &Arc<str>, headers: &HeaderMap) -> Self {
        match headers.get(REQUEST_ID).filter(|id| !id.is_empty() && id.len() <= 256) {
            Some(id) => Self { server_id: server_id.clone(), request_id: id.clone(), generated: false },
            None => Self { server_id: server_id.clone(), request_id: new_request_id(), generated: true },
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or("")
    }
}

/// A new request id: 16 random hexadecimal digits, for layers that give requests their ids.
///
/// Ids tell requests apart and protect nothing: they can be guessed.
pub fn new_request_id() -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let number = fastrand::u64(..);
    let digits: [u8; 16] = std::array::from_fn(|index| DIGITS[(number >> (60 - 4 * index)) as usize & 0xf]);
    HeaderValue::from_bytes(&digits).unwrap_or_else(|_| HeaderValue::from(number))
}

/// A new server id: 12 random hexadecimal digits.
pub fn new_server_id() -> String {
    hex::encode(random_bytes::<6>())
}

/// Random bytes that nobody can guess.
///
/// # Panics
///
/// When the operating system has no randomness to give: keys and ids that can be guessed are worse than a stop.
#[allow(clippy::expect_used)]
pub(crate) fn random_bytes<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
