//! The style and the script that stand in the pages, and the hashes by which their policy knows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

pub(super) const STYLE: &str = include_str!("../../templates/pages.css");
pub(super) const SCRIPT: &str = include_str!("../../templates/pages.js");

/// The source expression of CSP for an inline element with this text.
pub(super) fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_content_security_policy() {
        // The example of CSP Level 3, section 8.3.
        assert_eq!(hash("alert('Hello, world.');"), "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }

    #[test]
    fn neither_asset_ends_its_element_or_reaches_out() {
        for asset in [STYLE, SCRIPT] {
            for forbidden in ["</", "<!--", "://", "url(", "@import", "\r"] {
                assert!(!asset.contains(forbidden), "{forbidden}");
            }
        }
    }
}
