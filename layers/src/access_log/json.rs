//! Pieces of JSON, written as quickly as they can be: lines are many.

use std::net::SocketAddr;
use std::time::Duration;

use super::decimal;

/// The name of a member that is not the first one: `,"name":`.
macro_rules! member {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// A member that is not the first one, with a number of one digit that is still to be [set](Line::count): `,"name":0`.
macro_rules! digit {
    ($name:literal) => {
        concat!(",\"", $name, "\":0")
    };
}

/// The same with a number of [up to four](Line::size): `,"name":0000`.
macro_rules! digits {
    ($name:literal) => {
        concat!(",\"", $name, "\":0000")
    };
}

pub(super) use {digit, digits, member};

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

    /// A member with a number that most often has one digit. What is written at once is written quickly.
    #[inline(always)]
    pub(super) fn count(&mut self, member: &'static str, value: u64) -> &mut Self {
        self.raw(member);
        match self.0.last_mut() {
            Some(last) if value < 10 => *last = b'0' + value as u8,
            _ => self.longer(1, value),
        }
        self
    }

    /// A member with a number that most often has up to four digits.
    #[inline(always)]
    pub(super) fn size(&mut self, member: &'static str, value: u64) -> &mut Self {
        self.raw(member);
        match self.0.last_chunk_mut() {
            Some(last) if value < 10_000 => {
                let (text, length) = decimal::four(value as u16);
                *last = text;
                self.0.truncate(self.0.len() - text.len() + length);
            }
            _ => self.longer(4, value),
        }
        self
    }

    /// A number in place of the digits that are not enough for it.
    #[cold]
    fn longer(&mut self, digits: usize, value: u64) {
        self.0.truncate(self.0.len() - digits);
        self.number(value);
    }

    /// The duration in milliseconds, with two places.
    #[inline]
    pub(super) fn duration(&mut self, duration: Duration) -> &mut Self {
        let rounded = duration.saturating_add(Duration::from_nanos(5_000));
        let hundredths = (rounded.subsec_nanos() / 10_000 % 100) as u8;
        let seconds = rounded.as_secs().min(u64::MAX / 1000 - 1);
        let whole = seconds * 1000 + u64::from(rounded.subsec_millis());
        self.count(digit!("duration_ms"), whole).bytes(&[b'.', b'0' + hundredths / 10, b'0' + hundredths % 10])
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
                for (index, octet) in peer.ip().octets().into_iter().enumerate() {
                    let (text, length) = decimal::four(octet.into());
                    self.raw(if index == 0 { "" } else { "." }).bytes(&text[..length]);
                }
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
            assert_eq!(written(|line| line.duration(duration)), format!(",\"duration_ms\":{expected}"));
        }
        assert!(written(|line| line.duration(Duration::MAX)).starts_with(",\"duration_ms\":1844674407370955"));
    }

    #[test]
    fn addresses_have_their_usual_form() {
        for peer in ["127.0.0.1:80", "255.0.10.9:65535", "1.99.100.200:1", "[::1]:443"] {
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
        let powers = (0..20).flat_map(|places| [-1, 0, 1].map(|more| 10_u64.pow(places).wrapping_add_signed(more)));
        for number in powers.chain([12_345, 1_002_003, 99_999_999, u64::MAX]) {
            assert_eq!(written(|line| line.number(number)), number.to_string());
            assert_eq!(written(|line| line.count(digit!("a"), number)), format!(",\"a\":{number}"));
            assert_eq!(written(|line| line.size(digits!("a"), number)), format!(",\"a\":{number}"));
        }
    }
}
