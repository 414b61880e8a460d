//! The part of an object that is asked for.

use std::ops::Range;

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Part(Range<u64>),
    /// A part behind the end.
    Nothing,
}

/// What a request asks for of so many bytes. What is no single range of bytes is ignored, as servers may do.
pub(super) fn wanted(headers: &HeaderMap, size: u64, etag: Option<&str>) -> Wanted {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else { return Wanted::Whole };
    // A part of what the caller has begun to read, or else all of what is there now.
    if headers.get(IF_RANGE).is_some_and(|known| Some(known.as_bytes()) != etag.map(str::as_bytes)) {
        return Wanted::Whole;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let (start, end) = match (number(first), number(last)) {
        (Number::Some(start), Number::Some(last)) if start <= last => (start, last.saturating_add(1).min(size)),
        (Number::Some(start), Number::None) => (start, size),
        (Number::None, Number::Some(length)) => (size.saturating_sub(length), if length == 0 { 0 } else { size }),
        _ => return Wanted::Whole,
    };
    if start < end { Wanted::Part(start..end) } else { Wanted::Nothing }
}

enum Number {
    None,
    Some(u64),
    Bad,
}

fn number(text: &str) -> Number {
    match text.trim() {
        "" => Number::None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Number::Some(digits.parse().unwrap_or(u64::MAX)),
        _ => Number::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, size: u64) -> Wanted {
        let headers = HeaderMap::from_iter([(RANGE, range.parse().unwrap())]);
        wanted(&headers, size, Some("\"1\""))
    }

    #[test]
    fn ranges_are_what_they_say() {
        assert_eq!(wanted(&HeaderMap::new(), 10, None), Wanted::Whole);
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-4", 2..5),
            ("bytes=2-", 2..10),
            ("bytes=2-99", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=9-18446744073709551615", 9..10),
        ] {
            assert_eq!(of(range, 10), Wanted::Part(expected), "{range}");
        }
        for range in ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(of(range, 10), Wanted::Nothing, "{range}");
        }
        assert_eq!(of("bytes=0-", 0), Wanted::Nothing);
        for range in ["bytes=", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "bytes=a-b", "bytes=+1-2", "lines=1-2", ""] {
            assert_eq!(of(range, 10), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn a_part_of_something_else_is_not_sent() {
        let mut headers = HeaderMap::from_iter([(RANGE, "bytes=1-2".parse().unwrap())]);
        headers.insert(IF_RANGE, "\"1\"".parse().unwrap());
        assert_eq!(wanted(&headers, 10, Some("\"1\"")), Wanted::Part(1..3));
        assert_eq!(wanted(&headers, 10, Some("\"2\"")), Wanted::Whole);
        assert_eq!(wanted(&headers, 10, None), Wanted::Whole);
    }
}
