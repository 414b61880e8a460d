//! The rules of `#[vgi(rename_all = "…")]`.

use syn::{LitStr, Result};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const CASES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    pub(super) fn parse(literal: &LitStr) -> Result<Self> {
        let name = literal.value();
        CASES.iter().find(|(known, _)| *known == name).map(|(_, case)| *case).ok_or_else(|| {
            let known: Vec<_> = CASES.iter().map(|(known, _)| format!("`{known}`")).collect();
            syn::Error::new(literal.span(), format!("unknown case `{name}`: use one of {}", known.join(", ")))
        })
    }

    /// Applies the rule to a name in any of the usual cases.
    pub(super) fn apply(self, name: &str) -> String {
        let words = words(name);
        let join = |separator: &str, each: fn(&str) -> String| {
            words.iter().map(|word| each(word)).collect::<Vec<_>>().join(separator)
        };
        match self {
            Self::Lower => join("", str::to_lowercase),
            Self::Upper => join("", str::to_uppercase),
            Self::Pascal => join("", capitalized),
            Self::Camel => {
                let pascal = join("", capitalized);
                let first = words.first().map_or(0, String::len);
                pascal.chars().take(first).collect::<String>().to_lowercase() + pascal.get(first..).unwrap_or_default()
            }
            Self::Snake => join("_", str::to_lowercase),
            Self::ScreamingSnake => join("_", str::to_uppercase),
            Self::Kebab => join("-", str::to_lowercase),
            Self::ScreamingKebab => join("-", str::to_uppercase),
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters.flat_map(char::to_lowercase)).collect())
}

/// A word begins after an underscore, and at a capital that follows a small letter or is followed by one.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split('_').filter(|part| !part.is_empty()) {
        let letters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (index, letter) in letters.iter().enumerate() {
            let after_small = index > 0 && !letters[index - 1].is_uppercase();
            let before_small = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
            if letter.is_uppercase() && !word.is_empty() && (after_small || before_small) {
                words.push(std::mem::take(&mut word));
            }
            word.push(*letter);
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn names_of_any_case_are_split_into_words() {
        for (name, snake) in [
            ("InProgress", "in_progress"),
            ("HTTPError", "http_error"),
            ("first_name", "first_name"),
            ("A", "a"),
            ("Utf8", "utf8"),
            ("ACTIVE", "active"),
        ] {
            assert_eq!(Case::Snake.apply(name), snake);
        }
    }

    #[test]
    fn every_case_has_its_form() {
        let forms = [
            (Case::Lower, "inprogress"),
            (Case::Upper, "INPROGRESS"),
            (Case::Pascal, "InProgress"),
            (Case::Camel, "inProgress"),
            (Case::Snake, "in_progress"),
            (Case::ScreamingSnake, "IN_PROGRESS"),
            (Case::Kebab, "in-progress"),
            (Case::ScreamingKebab, "IN-PROGRESS"),
        ];
        for (case, form) in forms {
            assert_eq!(case.apply("InProgress"), form);
            assert_eq!(case.apply("in_progress"), form);
        }
    }
}
