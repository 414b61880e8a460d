//! Where credentials stand in a request.

use http::{HeaderMap, HeaderName, header};
use tower_vgi::AuthReason;

use super::AuthError;

/// More than any token needs. What is longer is refused unseen.
pub(super) const MAX_LENGTH: usize = 16 * 1024;

const SCHEME: &str = "bearer ";

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let value = single(headers, &header::AUTHORIZATION)?;
    let token = value.split_at_checked(SCHEME.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME));
    match token.map(|(_, token)| token.trim_matches(' ')) {
        Some(token) if !token.is_empty() => Ok(token),
        Some(_) => Err(invalid("the bearer token is empty")),
        None => Err(invalid("the Authorization header is no Bearer credential")),
    }
}

/// The only value of a header.
///
/// Of two, one party on the way may have looked at the one and the next at the other, so neither counts.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, AuthError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Err(AuthError::not_mine(format!("the header {name} is missing")));
    };
    if values.next().is_some() {
        return Err(invalid(format!("the header {name} is there more than once")));
    }
    if value.len() > MAX_LENGTH {
        return Err(invalid(format!("the header {name} is longer than {MAX_LENGTH} bytes")));
    }
    // A value has no control characters, so this is what `to_str` asks, but not byte by byte: tokens are long.
    let value = value.as_bytes();
    let text = str::from_utf8(value).ok().filter(|_| value.is_ascii());
    text.ok_or_else(|| invalid(format!("the header {name} is not visible ASCII")))
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> AuthError {
    AuthError::refused(AuthReason::InvalidCredential, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn bearer_of(values: &[&[u8]]) -> Result<String, Option<AuthReason>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        bearer(&headers).map(str::to_owned).map_err(|error| error.reason())
    }

    #[test]
    fn a_token_is_what_follows_the_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(bearer_of(&[value.as_bytes()]).as_deref(), Ok("abc"), "{value}");
        }
    }

    #[test]
    fn what_is_no_single_token_is_refused() {
        assert_eq!(bearer_of(&[]), Err(Some(AuthReason::MissingCredential)));
        let long = [&b"Bearer "[..], &[b'x'; MAX_LENGTH]].concat();
        for values in [
            &[&b""[..]][..],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"Bearer\tabc"],
            &[b"Basic YWxpY2U6"],
            &[b"Bearer a\xff"],
            &[b"Bearer abc", b"Bearer abc"],
            &[b"Basic YWxpY2U6", b"Bearer abc"],
            &[&long],
        ] {
            assert_eq!(bearer_of(values), Err(Some(AuthReason::InvalidCredential)), "{values:?}");
        }
    }
}
