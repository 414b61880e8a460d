//! Which addresses secrets may be sent to.

use std::net::IpAddr;

use http::Uri;

/// Whether nobody on the way can read or change what comes from an address: https, or this machine itself.
pub(super) fn is_private(url: &Uri) -> bool {
    let is_loopback = |host: &str| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.to_canonical().is_loopback())
    };
    match url.scheme_str() {
        Some("https") => true,
        Some("http") => url.host().is_some_and(is_loopback),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_what_is_encrypted_or_does_not_leave_the_machine() {
        for (url, expected) in [
            ("https://a.example/x", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1", true),
            ("http://127.1.2.3:80/x", true),
            ("http://[::1]:80/x", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://a.example/x", false),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
            ("http://10.0.0.1", false),
            ("http://[::2]", false),
            ("/x", false),
        ] {
            assert_eq!(is_private(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
