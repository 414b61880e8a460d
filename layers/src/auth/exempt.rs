//! Who is not asked who they are.

use http::Method;

/// Whether a request is for everybody. The path is that inside of the mount prefix.
///
/// Below `/health` and `/.well-known` only reading is: what is posted there may be a call of a method.
pub(super) fn is_exempt(method: &Method, path: &str) -> bool {
    match *method {
        Method::OPTIONS => true,
        Method::GET | Method::HEAD => {
            let first = path.strip_prefix('/').and_then(|path| path.split('/').next());
            matches!(first, Some("health" | ".well-known"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_by_segment() {
        for path in ["/health", "/health/ready", "/health/", "/.well-known/oauth-protected-resource/vgi"] {
            assert!(is_exempt(&Method::GET, path) && is_exempt(&Method::HEAD, path), "{path}");
            assert!(!is_exempt(&Method::POST, path) && !is_exempt(&Method::DELETE, path), "{path}");
        }
        for path in ["/", "", "*", "/healthx", "/x/health", "/%68ealth", "//health", "/.well-knownx", "/HEALTH"] {
            assert!(!is_exempt(&Method::GET, path), "{path}");
            assert!(is_exempt(&Method::OPTIONS, path), "{path}");
        }
    }
}
