//! From a request's headers to a response's.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, Entry, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use tower_vgi::Body;

use super::AllowOrigin;

const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What all requests of a service share: the headers' values, ready to be sent.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) origins: AllowOrigin,
    pub(super) exposed: Option<HeaderValue>,
    pub(super) methods: Option<HeaderValue>,
    pub(super) max_age: Option<HeaderValue>,
    pub(super) resource_policy: Option<HeaderValue>,
    pub(super) private_network: bool,
}

impl Settings {
    /// The answer to a preflight, given what the response says about its origin.
    pub(super) fn preflight(&self, request: &Parts, allowed: Option<HeaderValue>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        if allowed.is_some() {
            put(headers, ACCESS_CONTROL_ALLOW_METHODS, self.methods.as_ref());
            put(headers, ACCESS_CONTROL_MAX_AGE, self.max_age.as_ref());
            for asked in request.headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
                if is_list_of_names(asked) {
                    headers.append(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                }
            }
            if self.private_network && request.headers.get(REQUEST_PRIVATE_NETWORK).is_some_and(|asked| asked == "true")
            {
                headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
            }
        }
        // As every answer to `OPTIONS`: clients keep the capabilities that they find there for so long.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        headers.insert(VARY, HeaderValue::from_static(vary));
        self.stamp(headers, allowed);
        response
    }

    /// Adds what every response has, given what it says about its origin.
    pub(super) fn stamp(&self, headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
        if let Some(allowed) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            put(headers, ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.as_ref());
        }
        put(headers, CROSS_ORIGIN_RESOURCE_POLICY, self.resource_policy.as_ref());
        let vary = HeaderValue::from_static("Origin");
        match headers.entry(VARY) {
            Entry::Vacant(absent) => {
                absent.insert(vary);
            }
            Entry::Occupied(mut present) => {
                if !present.iter().any(names_origin) {
                    present.append(vary);
                }
            }
        }
    }
}

/// Whether a browser asks what the page may do; any other `OPTIONS` is for the service.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value.clone());
    }
}

fn is_list_of_names(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').all(|name| HeaderName::from_bytes(name.trim_ascii()).is_ok())
}

/// Whether this line of `Vary` covers the origin.
fn names_origin(line: &HeaderValue) -> bool {
    let mut names = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
}
