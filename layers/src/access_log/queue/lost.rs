//! How many lines are lost, and which line says so.

use std::sync::atomic::{AtomicU64, Ordering};

/// What ends a line that says how many were lost, up to the number.
const MEMBER: &str = ",\"dropped_records\":";

/// How long that can become: a number has twenty digits at most.
pub(super) const REPORT_BYTES: usize = MEMBER.len() + 20;

/// Lies in memory of its own: all threads look at it with every line, and it changes only with a loss.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Lost {
    /// In all.
    dropped: AtomicU64,
    /// Since a line said so.
    unreported: AtomicU64,
}

impl Lost {
    /// Whether the next line has something to say.
    pub(super) fn is_unreported(&self) -> bool {
        self.unreported.load(Ordering::Relaxed) > 0
    }

    /// Says it, in [`REPORT_BYTES`] at most, unless another line has meanwhile.
    pub(super) fn report(&self, line: &mut Vec<u8>) {
        let lines = self.unreported.swap(0, Ordering::Relaxed);
        if lines > 0 {
            line.extend_from_slice(format!("{MEMBER}{lines}").as_bytes());
        }
    }

    /// Notes the loss of a line that was not kept at all.
    pub(super) fn one(&self) {
        self.add(1, 0);
    }

    /// Notes the loss of whole lines. What these should have said is said by the next one.
    pub(super) fn lines(&self, bytes: &[u8]) {
        let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
        self.add(lines().count() as u64, lines().filter_map(reported).sum());
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn add(&self, lines: u64, reported: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
        self.unreported.fetch_add(lines + reported, Ordering::Relaxed);
    }
}

/// How many lost lines a line speaks of. Texts in it cannot look like that: quotes are escaped there.
fn reported(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("}\n")?;
    let number = line.len() - line.bytes().rev().take_while(u8::is_ascii_digit).count();
    line[..number].ends_with(MEMBER).then(|| line[number..].parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next line.
    fn line(lost: &Lost) -> String {
        let mut line = b"{\"a\":1".to_vec();
        lost.report(&mut line);
        line.extend_from_slice(b"}\n");
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn losses_are_said_once() {
        let lost = Lost::default();
        assert_eq!((lost.is_unreported(), line(&lost).as_str()), (false, "{\"a\":1}\n"));
        lost.one();
        lost.lines(b"{\"a\":1}\n{\"a\":2}\n");
        assert_eq!((lost.is_unreported(), line(&lost).as_str()), (true, "{\"a\":1,\"dropped_records\":3}\n"));
        assert_eq!((lost.is_unreported(), lost.dropped()), (false, 3));
    }

    #[test]
    fn what_a_lost_line_said_is_said_again() {
        let lost = Lost::default();
        lost.one();
        let first = line(&lost);
        lost.one();
        lost.lines(format!("{first}{}", line(&lost)).as_bytes());
        assert_eq!((line(&lost).as_str(), lost.dropped()), ("{\"a\":1,\"dropped_records\":4}\n", 4));
    }

    #[test]
    fn the_largest_number_has_room() {
        let lost = Lost::default();
        lost.add(u64::MAX, 0);
        let mut line = Vec::new();
        lost.report(&mut line);
        assert_eq!(line.len(), REPORT_BYTES);
    }

    #[test]
    fn other_lines_say_nothing_of_losses() {
        for line in
            ["{\"a\":12}\n", "{}\n", "\n", "", "{\"a\":\",\\\"dropped_records\\\":7}\n", "{,\"dropped_records\":7"]
        {
            assert_eq!(reported(line.as_bytes()), None, "{line}");
        }
        assert_eq!(reported(b"{\"a\":1,\"dropped_records\":42}\n"), Some(42));
    }
}
