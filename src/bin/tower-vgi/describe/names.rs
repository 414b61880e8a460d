//! Names on the wire as identifiers.

use std::collections::HashSet;

/// Whether a name is an ASCII identifier.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name != "_"
}

/// `count_up` and `countUp` as `CountUp`.
pub(super) fn pascal(name: &str) -> String {
    words(name)
        .iter()
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
        })
        .collect()
}

/// `countUp` as `count_up`.
pub(super) fn snake(name: &str) -> String {
    words(name).join("_")
}

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut begin = true;
    let mut before_lower = false;
    for char in name.chars() {
        if !char.is_ascii_alphanumeric() {
            begin = true;
            continue;
        }
        if begin || (char.is_ascii_uppercase() && before_lower) {
            words.push(String::new());
        }
        begin = false;
        before_lower = !char.is_ascii_uppercase();
        if let Some(word) = words.last_mut() {
            word.push(char.to_ascii_lowercase());
        }
    }
    words
}

/// What a class or trait for a protocol is called: `acme.Calculator.v1` is a `Calculator`.
pub(super) fn of_protocol(name: &str) -> String {
    let is_version = |part: &&str| {
        part.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let part = name.rsplit('.').find(|part| !is_version(part)).unwrap_or(name);
    // A name that is in this form already stays as it is, whatever its words are.
    let kept = is_identifier(part) && part.starts_with(|first: char| first.is_ascii_uppercase()) && !part.contains('_');
    let pascal = if kept { part.to_owned() } else { pascal(part) };
    if is_identifier(&pascal) { pascal } else { format!("Service{pascal}") }
}

/// A text that does not end the comment in which it stands.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Names that have been given, so that none is given twice.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    /// Nothing is to be called one of these.
    pub(super) fn but(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// The name, or with a number where it has been given.
    pub(super) fn take(&mut self, name: &str) -> String {
        let candidates = std::iter::once(name.to_owned()).chain((2_u32..).map(|number| format!("{name}{number}")));
        for candidate in candidates {
            if self.0.insert(candidate.clone()) {
                return candidate;
            }
        }
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_form() {
        for (name, pascal_case, snake_case) in [
            ("count_up", "CountUp", "count_up"),
            ("countUp", "CountUp", "count_up"),
            ("HTTPGet2", "Httpget2", "httpget2"),
        ] {
            assert_eq!((pascal(name).as_str(), snake(name).as_str()), (pascal_case, snake_case));
        }
    }

    #[test]
    fn a_protocol_is_called_after_what_it_is() {
        for (name, expected) in [
            ("Calculator", "Calculator"),
            ("acme.Calculator.v1", "Calculator"),
            ("acme.my_calculator", "MyCalculator"),
            ("HTTPProxy", "HTTPProxy"),
            ("v1", "V1"),
            ("a.1x", "Service1x"),
        ] {
            assert_eq!(of_protocol(name), expected, "{name}");
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut taken = Taken::default();
        assert_eq!([taken.take("A"), taken.take("A"), taken.take("A2"), taken.take("A")], ["A", "A2", "A22", "A3"]);
    }
}
