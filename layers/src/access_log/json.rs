//! Pieces of JSON, written as quickly as they can be: lines are many.

use std::net::SocketAddr;
use std::time::Duration;

/// The name of a member that is not the first one: `,"name":`.
macro_rules! member {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

pub(super) use member;

/// A line, or a piece of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Vec<u8>);

impl Line {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Empties it. Of the memory so much is kept.
    pub(super) fn clear(&mut self, kept: usize) {
        self.0.clear();
        self.0.shrink_to(kept);
    }

    /// What is JSON already.
    pub(super) fn raw(&mut self, json: &str) -> &mut Self {
        self.bytes(json.as_bytes())
    }

    pub(super) fn bytes(&mut self, json: &[u8]) -> &mut Self {
        self.0.extend_from_slice(json);
        self
    }

    pub(super) fn string(&mut self, value: &str) -> &mut Self {
        // Looks at all of it, which is quicker than to stop at the first.
        let escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
        if value.bytes().fold(false, |any, byte| any | escaped(byte)) {
            return self.json(value);
        }
        self.0.reserve(value.len() + 2);
        self.raw("\"").raw(value).raw("\"")
    }

    /// Neither a vector nor the values of a line give an error.
    pub(super) fn json(&mut self, value: &(impl serde::Serialize + ?Sized)) -> &mut Self {
        let _ = serde_json::to_writer(&mut self.0, value);
        self
    }

    pub(super) fn number(&mut self, value: u64) -> &mut Self {
        match value {
            0..10 => self.bytes(&[b'0' + value as u8]),
            _ => self.raw(itoa::Buffer::new().format(value)),
        }
    }

    /// With two places.
    pub(super) fn milliseconds(&mut self, duration: Duration) -> &mut Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX - 5_000);
        let hundredths = (nanoseconds + 5_000) / 10_000;
        let rest = (hundredths % 100) as u8;
        self.number(hundredths / 100).bytes(&[b'.', b'0' + rest / 10, b'0' + rest % 10])
    }

    pub(super) fn hexadecimal(&mut self, bytes: &[u8]) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]];
        self.0.extend(bytes.iter().flat_map(digits));
        self
    }

    pub(super) fn address(&mut self, peer: SocketAddr) -> &mut Self {
        match peer {
            // Most are of this kind, which is written quickly.
            SocketAddr::V4(peer) => {
                let [a, b, c, d] = peer.ip().octets().map(u64::from);
                self.number(a).raw(".").number(b).raw(".").number(c).raw(".").number(d);
                self.raw(":").number(peer.port().into())
            }
            SocketAddr::V6(_) => self.raw(&peer.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Line) -> &mut Line) -> String {
        let mut line = Line::new();
        write(&mut line);
        String::from_utf8(line.0).unwrap()
    }

    #[test]
    fn durations_are_rounded_to_hundredths() {
        for (nanoseconds, expected) in
            [(0, "0.00"), (4_999, "0.00"), (5_000, "0.01"), (1_234_567, "1.23"), (61_000_000_000, "61000.00")]
        {
            let duration = Duration::from_nanos(nanoseconds);
            assert_eq!(written(|line| line.milliseconds(duration)), expected);
        }
        assert!(written(|line| line.milliseconds(Duration::MAX)).starts_with("18446744073709."));
    }

    #[test]
    fn addresses_have_their_usual_form() {
        for peer in ["127.0.0.1:80", "255.0.10.9:65535", "[::1]:443"] {
            assert_eq!(written(|line| line.address(peer.parse().unwrap())), peer);
        }
    }

    #[test]
    fn texts_are_escaped_where_they_have_to_be() {
        for text in ["", "plain", "a \"b\"", "back\\slash", "line\nbreak", "\u{1}", "\u{7f}é→"] {
            assert_eq!(written(|line| line.string(text)), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            assert_eq!(written(|line| line.number(number)), number.to_string());
        }
    }
}
