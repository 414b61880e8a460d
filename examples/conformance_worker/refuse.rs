//! `--auth reject`: a layer from elsewhere that refuses every caller.

use http::{HeaderValue, Request, Response, StatusCode, header};
use tower_http::validate_request::{ValidateRequest, ValidateRequestHeaderLayer};
use tower_vgi::Body;

/// Refuses what comes through it.
#[derive(Clone, Copy)]
pub(crate) struct RefuseAll;

impl RefuseAll {
    pub(crate) fn layer() -> ValidateRequestHeaderLayer<Self> {
        ValidateRequestHeaderLayer::custom(Self)
    }
}

impl<B> ValidateRequest<B> for RefuseAll {
    type ResponseBody = Body;

    fn validate(&mut self, _request: &mut Request<B>) -> Result<(), Response<Body>> {
        let body = r#"{"error":"unauthorized","reason":"unauthorized","detail":"authentication rejected"}"#;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Err(response)
    }
}
