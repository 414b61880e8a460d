//! Durations as text: `PT1H30M` (ISO 8601), `1h30m`, `250ms`.

const NANOSECONDS: i128 = 1_000_000_000;

/// The duration in nanoseconds; `None` for text that is none, or finer.
pub(crate) fn nanoseconds(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let total = match text.strip_prefix(['P', 'p']) {
        Some(rest) => iso(rest)?,
        None => parts(text, unit)?,
    };
    Some(if negative { -total } else { total })
}

/// What follows the `P`. Years and months have no fixed length.
fn iso(text: &str) -> Option<i128> {
    let (days, time) = match text.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (text, ""),
    };
    let days = (!days.is_empty()).then(|| parts(days, iso_date_unit));
    let time = (!time.is_empty()).then(|| parts(time, iso_time_unit));
    match (days, time) {
        (None, None) => None,
        (days, time) => days.unwrap_or(Some(0))?.checked_add(time.unwrap_or(Some(0))?),
    }
}

fn iso_date_unit(name: &str) -> Option<i128> {
    match name {
        "W" | "w" => Some(7 * 86_400 * NANOSECONDS),
        "D" | "d" => Some(86_400 * NANOSECONDS),
        _ => None,
    }
}

fn iso_time_unit(name: &str) -> Option<i128> {
    match name {
        "H" | "h" => Some(3_600 * NANOSECONDS),
        "M" | "m" => Some(60 * NANOSECONDS),
        "S" | "s" => Some(NANOSECONDS),
        _ => None,
    }
}

fn unit(name: &str) -> Option<i128> {
    Some(match name {
        "w" => 7 * 86_400 * NANOSECONDS,
        "d" => 86_400 * NANOSECONDS,
        "h" => 3_600 * NANOSECONDS,
        "m" | "min" => 60 * NANOSECONDS,
        "s" => NANOSECONDS,
        "ms" => 1_000_000,
        "us" | "µs" | "μs" => 1_000,
        "ns" => 1,
        _ => return None,
    })
}

/// Numbers, each with a unit.
fn parts(mut text: &str, unit: impl Fn(&str) -> Option<i128>) -> Option<i128> {
    let mut total: i128 = 0;
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return None;
        }
        let end = text.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, rest) = text.split_at(end);
        let rest = rest.trim_start();
        let end = rest.find(|char: char| char.is_ascii_digit() || char.is_whitespace()).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        total = total.checked_add(scaled(number, unit(name)?)?)?;
        if rest.trim().is_empty() {
            return Some(total);
        }
        text = rest;
    }
}

/// A decimal number of so many nanoseconds each, exactly.
fn scaled(number: &str, nanoseconds: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.parse::<i128>().ok()?.checked_mul(nanoseconds)?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 18)?;
    let power = 10_i128.pow(digits);
    let part = fraction.parse::<i128>().ok()?.checked_mul(nanoseconds)?;
    (part % power == 0).then(|| whole.checked_add(part / power)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_8601_and_units_are_understood() {
        for (text, expected) in [
            ("PT1H30M", 5_400 * NANOSECONDS),
            ("P1DT0.5S", 86_400 * NANOSECONDS + NANOSECONDS / 2),
            ("P2W", 14 * 86_400 * NANOSECONDS),
            ("-PT1S", -NANOSECONDS),
            ("1h30m", 5_400 * NANOSECONDS),
            ("1h 30 min", 5_400 * NANOSECONDS),
            ("250ms", NANOSECONDS / 4),
            ("1.000001s", NANOSECONDS + 1_000),
            ("7ns", 7),
        ] {
            assert_eq!(nanoseconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in ["", "1", "P", "PT", "P1Y", "PT1", "1x", "s", "1.2.3s", "0.5ns", "PT1H30", "9e99s", "-"] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }
}
