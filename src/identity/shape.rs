//! Which credentials may be passed on to be resolved, and how logs name them.

use sha2::{Digest as _, Sha256};

use super::GRANT_PREFIX;

/// The longest credential that is resolved, in bytes of UTF-8. What is longer is no bearer token.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Whether a credential may be given to a [resolver](super::ResolveToken): not a blank one, not one over
/// [`MAX_TOKEN_BYTES`], and nothing that looks like a JWT or a [sealed grant](super::GRANT_PREFIX).
///
/// Those are checked with the keys of their issuer. To pass one on would hand a token that somebody has refused, because
/// it has expired or is for another audience, to a third party that may take it; and a grant that is good would go to
/// somebody who is not to have it. Spaces around it do not help: they are cut for this look, though never for the
/// resolver.
///
/// ```
/// use tower_vgi::identity::is_resolvable;
///
/// assert!(is_resolvable("tok_1") && is_resolvable("two.parts") && is_resolvable("a.b.c.d"));
/// assert!(!is_resolvable(" ") && !is_resolvable("eyJhbGciOiJub25lIn0.e30.\u{a0}\n") && !is_resolvable("vgig1.AAAA"));
/// ```
pub fn is_resolvable(token: &str) -> bool {
    // The length that counts is that of what came, which is what a resolver would get.
    let trimmed = token.trim();
    !trimmed.is_empty() && token.len() <= MAX_TOKEN_BYTES && !is_jws(trimmed) && !trimmed.starts_with(GRANT_PREFIX)
}

/// Three parts of base64url with dots between, the last of which may be empty.
fn is_jws(token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(head), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    !head.is_empty() && !claims.is_empty() && all(head) && all(claims) && all(signature)
}

/// By which logs can name a credential without saying it: its SHA-256 in hexadecimal digits.
///
/// Whoever has a list of guesses can find a weak credential by it. It is for logs, and not for callers.
pub fn token_digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWS: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

    #[test]
    fn what_looks_like_a_jwt_is_not_passed_on_however_it_is_padded() {
        assert!(!is_resolvable(JWS) && !is_resolvable("a.b."));
        for space in ['\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{85}', '\u{a0}', '\u{2003}'] {
            for padded in [format!("{space}{JWS}"), format!("{JWS}{space}"), format!("{space}{space}{JWS}{space}")] {
                assert!(!is_resolvable(&padded), "{padded:?}");
            }
        }
    }

    #[test]
    fn what_begins_as_a_grant_is_not_passed_on() {
        for token in ["vgig1.", "vgig1.AAAA", " vgig1.AAAA", "\u{a0}vgig1.not base64"] {
            assert!(!is_resolvable(token), "{token}");
        }
        assert!(is_resolvable("vgig2.AAAA") && is_resolvable("vgig1"));
    }

    #[test]
    fn other_credentials_are() {
        for token in ["a", "two.parts", "a.b.c.d", "a..c", ".b.c", "a.b.c!", "a.b .c", "sk_live_abc123", "  padded  "] {
            assert!(is_resolvable(token), "{token}");
        }
    }

    #[test]
    fn blank_and_long_ones_are_not() {
        for token in ["", " ", "\t\r\n", "\u{a0}"] {
            assert!(!is_resolvable(token), "{token:?}");
        }
        assert!(is_resolvable(&"a".repeat(MAX_TOKEN_BYTES)));
        assert!(!is_resolvable(&"a".repeat(MAX_TOKEN_BYTES + 1)));
        // Bytes count, and those of the spaces do, too.
        assert!(!is_resolvable(&"é".repeat(2100)));
        assert!(!is_resolvable(&format!("x{}", " ".repeat(9000))));
    }

    #[test]
    fn a_digest_does_not_say_the_credential() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(token_digest("abc"), expected);
    }
}
