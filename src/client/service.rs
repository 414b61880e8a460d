//! [`HttpService`]: what a channel sends requests through.

use std::future::{Future, poll_fn};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::{Body, BoxError};

/// Every `tower::Service` of HTTP requests that can be cloned. Implemented for all of them; not to be implemented.
pub trait HttpService: Clone + Send + Sync + 'static {
    /// Waits until the service is ready, and sends.
    #[doc(hidden)]
    fn send(&self, request: Request<Body>) -> impl Future<Output = Result<Response<Body>, BoxError>> + Send;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let mut service = self.clone();
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
        let response = service.call(request).await.map_err(Into::into)?;
        Ok(response.map(Body::new))
    }
}
