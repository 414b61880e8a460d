//! Which encoding a response gets, and how it is told.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName};

use super::encoding::{Encoding, Encodings};

pub(super) const X_VGI_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("x-vgi-accept-encoding");
pub(super) const X_VGI_CONTENT_ENCODING: HeaderName = HeaderName::from_static("x-vgi-content-encoding");

/// What was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) encoding: Encoding,
    /// The response header that names it.
    pub(super) header: HeaderName,
}

/// The caller's first wish that can be granted; `None` leaves the response as it is.
pub(super) fn choose(headers: &HeaderMap, producible: Encodings) -> Option<Choice> {
    let wishes = wishes(headers, X_VGI_ACCEPT_ENCODING).chain(wishes(headers, ACCEPT_ENCODING));
    for name in wishes {
        if name.eq_ignore_ascii_case("identity") {
            return None;
        }
        let Some(encoding) = Encoding::from_name(name).filter(|encoding| producible.contains(*encoding)) else {
            continue;
        };
        let is_standard = self::wishes(headers, ACCEPT_ENCODING).any(|name| name.eq_ignore_ascii_case(encoding.name()));
        let header = if is_standard { CONTENT_ENCODING } else { X_VGI_CONTENT_ENCODING };
        return Some(Choice { encoding, header });
    }
    None
}

/// The names in all lines of a header, in order and without their parameters.
fn wishes(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|wish| wish.split(';').next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn agreed(custom: &[&'static str], standard: &[&'static str]) -> Option<(&'static str, HeaderName)> {
        agreed_of(custom, standard, Encodings::ALL)
    }

    fn agreed_of(
        custom: &[&'static str],
        standard: &[&'static str],
        producible: Encodings,
    ) -> Option<(&'static str, HeaderName)> {
        let mut headers = HeaderMap::new();
        for line in custom {
            headers.append(X_VGI_ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        for line in standard {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        choose(&headers, producible).map(|choice| (choice.encoding.name(), choice.header))
    }

    #[test]
    fn the_callers_order_counts_and_quality_does_not() {
        assert_eq!(agreed(&[], &["zstd, gzip"]), Some(("zstd", CONTENT_ENCODING)));
        assert_eq!(agreed(&[], &["gzip, zstd"]), Some(("gzip", CONTENT_ENCODING)));
        assert_eq!(agreed(&[], &["br;q=1.0, ZSTD;q=0 ,gzip;q=1"]), Some(("zstd", CONTENT_ENCODING)));
        assert_eq!(agreed(&[], &["br", "gzip"]), Some(("gzip", CONTENT_ENCODING)));
        assert_eq!(agreed(&[], &["zstdx, ;;q, ,=,gzip"]), Some(("gzip", CONTENT_ENCODING)));
    }

    #[test]
    fn without_a_wish_that_can_be_granted_nothing_is_compressed() {
        assert_eq!(agreed(&[], &[]), None);
        assert_eq!(agreed(&[], &[""]), None);
        assert_eq!(agreed(&[], &["br, *"]), None);
        assert_eq!(agreed_of(&["zstd"], &["zstd"], Encodings::ALL.without(Encoding::Zstd)), None);
    }

    #[test]
    fn the_protocols_own_header_comes_first() {
        assert_eq!(agreed(&["zstd, gzip"], &["deflate, gzip, br, zstd"]), Some(("zstd", CONTENT_ENCODING)));
        assert_eq!(agreed(&["br"], &["gzip"]), Some(("gzip", CONTENT_ENCODING)));
        assert_eq!(agreed(&["gzip"], &["zstd"]), Some(("gzip", X_VGI_CONTENT_ENCODING)));
        assert_eq!(agreed(&["zstd"], &[""]), Some(("zstd", X_VGI_CONTENT_ENCODING)));
    }

    #[test]
    fn identity_ends_the_search() {
        assert_eq!(agreed(&["identity"], &["gzip, zstd"]), None);
        assert_eq!(agreed(&[], &["Identity, zstd"]), None);
        assert_eq!(agreed(&["br"], &["identity, zstd"]), None);
        assert_eq!(agreed(&["gzip, identity"], &[]), Some(("gzip", X_VGI_CONTENT_ENCODING)));
    }
}
