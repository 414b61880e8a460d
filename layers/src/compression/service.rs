//! The service: what has to be decided before the body is touched.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::{BoxError, RequestMemory, RpcError};

use super::encoding::{Encoding, Encodings};
use super::future::{Answer, ResponseFuture};
use super::layer::Settings;
use super::negotiation::choose;
use super::receive::Receive;
use super::{RequestBody, ResponseBody};
use crate::refusal::Refusals;

/// The service that [`CompressionLayer`](super::CompressionLayer) makes.
#[derive(Clone, Debug)]
pub struct Compression<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

impl<S> Compression<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Compression<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>> + Clone,
    ReqBody: HttpBody<Data = Bytes>,
    ReqBody::Error: Into<BoxError>,
    ResBody: HttpBody<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let wanted =
            if request.method() == Method::HEAD { None } else { choose(request.headers(), self.settings.encode) };
        let answer = Answer { wanted, settings: self.settings.clone() };
        let coding = match self.coding(request.headers()) {
            Ok(None) => {
                let future = self.inner.call(request.map(RequestBody::plain));
                return ResponseFuture::calling(future, answer);
            }
            Ok(Some(coding)) => {
                let memory = request.extensions().get::<RequestMemory>().cloned();
                Receive::new(coding, &self.settings, request.body(), memory)
            }
            Err(error) => Err(error),
        };
        match coding {
            Ok(receive) => {
                // The service that was polled ready is the one to be called.
                let fresh = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, fresh);
                ResponseFuture::receiving(request, receive, ready, answer)
            }
            Err(error) => {
                let refused = Refusals::new(request.headers()).refuse(&error);
                ResponseFuture::refusing(request, refused)
            }
        }
    }
}

impl<S> Compression<S> {
    /// How the request is encoded.
    fn coding(&self, headers: &HeaderMap) -> Result<Option<Encoding>, RpcError> {
        let mut lines = headers.get_all(CONTENT_ENCODING).iter();
        let Some(line) = lines.next() else { return Ok(None) };
        let name = line.to_str().unwrap_or("?").trim();
        if name.is_empty() && lines.next().is_none() {
            return Ok(None);
        }
        let coding = Encoding::from_name(name).filter(|coding| self.settings.decode.contains(*coding));
        match (coding, lines.next()) {
            (Some(coding), None) => Ok(Some(coding)),
            _ => Err(self.unsupported(name)),
        }
    }

    fn unsupported(&self, name: &str) -> RpcError {
        let instead = match self.settings.decode {
            Encodings::NONE => "send the body as it is".to_owned(),
            some => format!("send one of [{}] or none", some.list()),
        };
        RpcError::type_error(format!("Content-Encoding {name:?} is not supported, {instead}"))
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }
}
