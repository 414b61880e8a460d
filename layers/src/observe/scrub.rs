//! Texts of errors, without the queries of the URLs in them: signatures and tokens travel there.

use std::borrow::Cow;

/// The text with every query, fragment and password of a URL replaced by `…`.
pub(crate) fn scrub(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return text.into();
    }
    let mut scrubbed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|index| index + 3) {
        let end = rest[start..].find(ends_url).map_or(rest.len(), |length| start + length);
        scrubbed.push_str(&rest[..start]);
        push_url(&mut scrubbed, &rest[start..end]);
        rest = &rest[end..];
    }
    scrubbed.push_str(rest);
    scrubbed.into()
}

/// What follows the scheme.
fn push_url(scrubbed: &mut String, url: &str) {
    let visible = url.find(['?', '#']).unwrap_or(url.len());
    let authority = url[..visible].find('/').unwrap_or(visible);
    let host = match url[..authority].rfind('@') {
        Some(at) => {
            scrubbed.push('…');
            at
        }
        None => 0,
    };
    scrubbed.push_str(&url[host..visible]);
    if visible < url.len() {
        scrubbed.push_str(&url[visible..=visible]);
        scrubbed.push('…');
    }
}

fn ends_url(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "\"'<>()[]{}|\\^`".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_passwords_are_left_out() {
        for (text, expected) in [
            ("no address here?x=1", "no address here?x=1"),
            ("GET https://h/p failed", "GET https://h/p failed"),
            ("GET 'https://h/p?X-Amz-Signature=s&t=1' failed", "GET 'https://h/p?…' failed"),
            ("s3://user:word@h/p#token=1, http://b?q http://c", "s3://…@h/p#… http://b?… http://c"),
            ("https://h/a@b", "https://h/a@b"),
            ("://", "://"),
            ("é://é?é é", "é://é?… é"),
        ] {
            assert_eq!(scrub(text), expected);
        }
    }
}
