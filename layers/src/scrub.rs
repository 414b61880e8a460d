//! Texts of errors, without the queries of the URLs in them: signatures and tokens travel there.

use std::borrow::Cow;

/// The text with every query, fragment and password of a URL replaced by `…`.
///
/// Where a URL ends in a text can only be guessed: brackets and quotes may be parts of it, so that what follows its `?` is
/// left out up to the next space or `"`. Rather too much than a part of a secret.
pub(crate) fn scrub(text: &str) -> Cow<'_, str> {
    if !text.contains(SCHEME_END) {
        return text.into();
    }
    let mut scrubbed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = after_scheme(rest) {
        scrubbed.push_str(&rest[..start]);
        rest = push_url(&mut scrubbed, &rest[start..]);
    }
    scrubbed.push_str(rest);
    scrubbed.into()
}

const SCHEME_END: &str = "://";

fn after_scheme(text: &str) -> Option<usize> {
    text.find(SCHEME_END).map(|index| index + SCHEME_END.len())
}

/// Writes what follows the scheme, as far as it may be seen; gives what is behind the URL.
fn push_url<'a>(scrubbed: &mut String, text: &'a str) -> &'a str {
    let end = text.find(ends_url).unwrap_or(text.len());
    let visible = text[..end].find(['?', '#']).unwrap_or(end);
    // Another URL may follow without a space.
    let next = text[..visible].find(SCHEME_END);
    let authority = text[..next.unwrap_or(visible)].find(['/', '\\']).or(next).unwrap_or(visible);
    let host = match text[..authority].rfind('@') {
        Some(at) => {
            scrubbed.push('…');
            at
        }
        None => match text[..end].rfind('@').filter(|_| has_password(&text[..authority])) {
            Some(at) => {
                scrubbed.push_str("…@");
                return push_url(scrubbed, &text[at + 1..]);
            }
            None => 0,
        },
    };
    if next.is_some() || visible == end {
        scrubbed.push_str(&text[host..authority]);
        return &text[authority..];
    }
    scrubbed.push_str(&text[host..=visible]);
    scrubbed.push('…');
    &text[end..]
}

/// Whether what stands where a port would is none: the beginning of a password that should have been encoded, since the
/// authority seems to end within it.
fn has_password(authority: &str) -> bool {
    let behind_address = authority.rsplit(']').next().unwrap_or_default();
    behind_address.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn ends_url(character: char) -> bool {
    character.is_whitespace() || character.is_control() || character == '"'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_passwords_are_left_out() {
        for (text, expected) in [
            ("no address here?x=1", "no address here?x=1"),
            ("GET https://h/p failed", "GET https://h/p failed"),
            ("GET 'https://h/p?X-Amz-Signature=s&t=1' failed", "GET 'https://h/p?… failed"),
            ("{\"url\":\"https://h/p?sig=s\",\"n\":1}", "{\"url\":\"https://h/p?…\",\"n\":1}"),
            ("https://[::1]:8443/p?X-Amz-Signature=s", "https://[::1]:8443/p?…"),
            ("https://u:w@[::1]/p", "https://…@[::1]/p"),
            ("https://u:(w)@h/p", "https://…@h/p"),
            ("https://h/p?f=(a)&sig=s", "https://h/p?…"),
            ("https://h/p(1)?sig=s x", "https://h/p(1)?… x"),
            ("https://h/{a}|b^`'<c>?sig=s", "https://h/{a}|b^`'<c>?…"),
            ("(https://h/p), [https://g]", "(https://h/p), [https://g]"),
            ("https://h/p,https://u:w@g/q?sig=s", "https://h/p,https://…@g/q?…"),
            ("https://h,https://u:w@g", "https://h,https://…@g"),
            ("https://h/a,b://c?d=://e", "https://h/a,b://c?…"),
            ("s3://user:word@h/p#token=1, http://b?q http://c", "s3://…@h/p#… http://b?… http://c"),
            ("https://h/a@b", "https://h/a@b"),
            ("https://h:80/a@b, https://[::1]:80/a@b", "https://h:80/a@b, https://[::1]:80/a@b"),
            ("postgres://u:pa/ss@db/x", "postgres://…@db/x"),
            ("postgres://u:pa#s?s@db:5432/x?y=z: refused", "postgres://…@db:5432/x?… refused"),
            ("://", "://"),
            ("é://é?é é", "é://é?… é"),
        ] {
            assert_eq!(scrub(text), expected);
        }
    }
}
