//! One request, with the redirects that it leads to.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;

use super::Inner;
use super::failure::{Failure, shown};
use crate::{Body, RpcError};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("tower-vgi/", env!("CARGO_PKG_VERSION")));

/// A response that is no redirect, and where it came from.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    pub(super) uri: Uri,
}

impl Inner {
    /// Asks for all of what is at a URL, or for a part. Every URL on the way is held to the policy.
    pub(super) async fn get(&self, url: &str, range: Option<Range<u64>>) -> Result<Answer, Failure> {
        let mut uri = parse(url)?;
        for followed in 0.. {
            self.settings.policy.admit(&uri)?;
            let mut request = Request::new(Body::empty());
            *request.method_mut() = Method::GET;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers(range.as_ref());
            let response = self.client.request(request).await.map_err(|error| Failure::of_request(&error, &uri))?;
            if !is_redirect(response.status()) {
                return Ok(Answer { response, uri });
            }
            if followed >= self.settings.max_redirects {
                return Err(Failure::Final(RpcError::runtime_error(format!(
                    "ExternalLocation redirect limit exceeded (max_redirects={}) at {}",
                    self.settings.max_redirects,
                    shown(&uri)
                ))));
            }
            uri = next(&uri, response.headers().get(header::LOCATION)).ok_or_else(|| {
                RpcError::runtime_error(format!("ExternalLocation redirect leads nowhere at {}", shown(&uri)))
            })?;
        }
        Err(Failure::Transient("too many redirects".to_owned()))
    }
}

/// Parses a URL; what is behind `#` is not sent.
pub(in crate::external) fn parse(url: &str) -> Result<Uri, RpcError> {
    let url = url.split('#').next().unwrap_or_default();
    url.parse::<Uri>()
        .ok()
        .filter(|uri| uri.scheme().is_some() && uri.authority().is_some())
        .ok_or_else(|| crate::external::policy::refused("it is no absolute URL"))
}

fn headers(range: Option<&Range<u64>>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(3);
    headers.insert(header::USER_AGENT, USER_AGENT);
    // Some stores decode what they keep compressed, and then send no ranges, unless the coding is asked for.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("zstd, gzip"));
    if let Some(range) = range
        && let Ok(value) = HeaderValue::from_str(&format!("bytes={}-{}", range.start, range.end - 1))
    {
        headers.insert(header::RANGE, value);
    }
    headers
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads.
fn next(from: &Uri, location: Option<&HeaderValue>) -> Option<Uri> {
    let location = location?.to_str().ok()?;
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    let absolute = if location.contains("://") && !location.starts_with(['/', '?']) {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", from.path())
    } else {
        let folder = from.path().rfind('/').map_or("/", |end| &from.path()[..=end]);
        format!("{scheme}://{authority}{folder}{location}")
    };
    parse(&absolute).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_where_they_say() {
        let from: Uri = "https://host:1/a/b?c".parse().unwrap();
        for (location, expected) in [
            ("http://other/x?y#z", "http://other/x?y"),
            ("//other/x", "https://other/x"),
            ("/x?u=http://q", "https://host:1/x?u=http://q"),
            ("x", "https://host:1/a/x"),
            ("?d", "https://host:1/a/b?d"),
        ] {
            let to = next(&from, Some(&HeaderValue::from_static(location))).unwrap();
            assert_eq!(to.to_string(), expected, "{location}");
        }
        assert_eq!(next(&from, None), None);
        assert_eq!(next(&from, Some(&HeaderValue::from_static("http://"))), None);
    }
}
