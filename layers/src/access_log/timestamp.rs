//! Times in the form `2026-04-26T15:30:45.123Z`.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike as _, Timelike as _};

use super::json::Line;

/// What a line begins with.
type Text = [u8; TEMPLATE.len()];

const TEMPLATE: &[u8; 39] = b"{\"timestamp\":\"0000-00-00T00:00:00.000Z\"";

/// Where the year is, and the milliseconds.
const YEAR: usize = 14;
const MILLISECONDS: usize = YEAR + "0000-00-00T00:00:00.".len();

thread_local! {
    /// The last second and its text: of many lines in one second, only one has to find out which day it is.
    static LAST: Cell<(u64, Text)> = const { Cell::new((u64::MAX, *TEMPLATE)) };
}

/// The time in milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() * 1000 + u64::from(since.subsec_millis())
}

/// The first member of a line, with the brace before it.
pub(super) fn begin(line: &mut Line, time: u64) {
    let (second, milliseconds) = (time / 1000, (time % 1000) as u32);
    let (last, mut text) = LAST.get();
    if last != second {
        text = render(second);
        LAST.set((second, text));
    }
    text[MILLISECONDS] = digit(milliseconds / 100);
    text[MILLISECONDS + 1] = digit(milliseconds / 10);
    text[MILLISECONDS + 2] = digit(milliseconds);
    line.bytes(&text);
}

fn render(second: u64) -> Text {
    let time = i64::try_from(second).ok().and_then(|second| DateTime::from_timestamp(second, 0)).unwrap_or_default();
    let mut text = *TEMPLATE;
    let year = u32::try_from(time.year()).unwrap_or(0);
    let parts = [(0, year / 100), (2, year), (5, time.month()), (8, time.day())];
    let clock = [(11, time.hour()), (14, time.minute()), (17, time.second())];
    for (index, value) in parts.into_iter().chain(clock) {
        text[YEAR + index] = digit(value / 10);
        text[YEAR + index + 1] = digit(value);
    }
    text
}

/// The last digit of a number.
fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_are_in_utc() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_777_217_445_123, "2026-04-26T15:30:45.123Z"),
            (1_777_217_445_009, "2026-04-26T15:30:45.009Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        ] {
            let mut line = Line::new();
            begin(&mut line, milliseconds);
            assert_eq!(line.as_bytes(), format!("{{\"timestamp\":\"{expected}\"").as_bytes());
        }
    }
}
