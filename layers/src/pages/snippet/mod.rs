//! How to call a method, in the languages of its callers.
//!
//! A snippet is complete and of the shortest form that works; where a name or a type cannot be written in the
//! language there is none.

mod python;
mod python_names;
mod python_type;
mod rust;
mod value;

pub(super) use python::{python, python_outline};
pub(super) use rust::rust;

/// Writes a text as a string of Python or Rust, which agree on the escapes used here.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text has characters that cannot stand in a string as they are, or that change how the rest reads.
fn is_readable(text: &str) -> bool {
    let confusing = |c| matches!(c, '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || confusing(c))
}

/// An identifier in both languages, which is all that names on the wire need to be.
fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && name != "_"
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The name of the class or trait: of `acme.Calculator.v1` it is `Calculator`.
fn type_name_of(protocol: &str) -> Option<&str> {
    let is_version = |part: &&str| {
        part.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let name = protocol.rsplit('.').find(|part| !is_version(part))?;
    is_identifier(name).then_some(name)
}

/// `HTTPServer2` as a variable: `http_server2`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut characters = name.chars().peekable();
    let mut previous: Option<char> = None;
    while let Some(character) = characters.next() {
        let starts_word = character.is_ascii_uppercase()
            && previous.is_some_and(|previous| {
                previous.is_ascii_lowercase()
                    || previous.is_ascii_digit()
                    || (previous.is_ascii_uppercase() && characters.peek().is_some_and(char::is_ascii_lowercase))
            });
        if starts_word {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
        previous = Some(character);
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_for_the_language() {
        assert_eq!(type_name_of("acme.Calculator.v1"), Some("Calculator"));
        assert_eq!(type_name_of("Calculator"), Some("Calculator"));
        assert_eq!(type_name_of("v1"), None);
        assert_eq!(type_name_of("acme.9Lives"), None);
        for (name, snake) in [
            ("Calculator", "calculator"),
            ("HTTPServer2", "http_server2"),
            ("Utf8Text", "utf8_text"),
            ("snake_case", "snake_case"),
            ("ABC", "abc"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quoted("a\"b\\\n"), r#""a\"b\\\n""#);
        assert!(is_readable("ä\n") && !is_readable("\u{2028}") && !is_readable("\u{202E}") && !is_readable("\0"));
    }
}
