//! Authentication of your own: a layer that says who calls, and methods that ask.
//!
//! ```sh
//! cargo run --example own_auth              # or `-- 9000` for another port
//! curl -i http://127.0.0.1:8080/            # 401
//! curl -i -H 'x-api-key: s3cret' http://127.0.0.1:8080/
//! ```
//!
//! The layer inserts an [`AuthContext`] into the request's extensions: that is all the core looks at. Stream tokens
//! then open for the same caller only.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower::{Layer, Service};
use tower_vgi::rpc::{CallContext, RpcService, error_response};
use tower_vgi::{AuthContext, BoxError, ErrorCode, Result, RpcError};
use tower_vgi_layers::Stack;
use tower_vgi_layers::response::{ResponseBody, ResponseFuture};
use tower_vgi_layers::stack::Place;

/// Knows its callers by a key in a header.
#[derive(Clone)]
pub struct ApiKeys(Arc<HashMap<String, String>>);

impl ApiKeys {
    /// Pairs of key and name.
    pub fn new(keys: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        Self(Arc::new(keys.into_iter().map(|(key, name)| (key.to_owned(), name.to_owned())).collect()))
    }
}

impl<S> Layer<S> for ApiKeys {
    type Service = Known<S>;

    fn layer(&self, inner: S) -> Known<S> {
        Known { inner, keys: self.clone() }
    }
}

/// The service that [`ApiKeys`] makes.
#[derive(Clone)]
pub struct Known<S> {
    inner: S,
    keys: ApiKeys,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Known<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok());
        match key.and_then(|key| self.keys.0.get(key)) {
            Some(name) => {
                let caller = AuthContext::authenticated("api-key", name.as_str());
                request.extensions_mut().insert(caller);
                ResponseFuture::inner(self.inner.call(request))
            }
            None => {
                // Clients of the protocol read errors as Arrow, whatever the status.
                let error = RpcError::new("AuthenticationError", "send your key in the header x-api-key")
                    .with_code(ErrorCode::Unauthenticated)
                    .with_status(StatusCode::UNAUTHORIZED);
                let response = error_response(&error, request.headers());
                // Hears a client out that is still sending, so that it sees the answer.
                ResponseFuture::refuse(request, response)
            }
        }
    }
}

/// Knows its callers.
#[tower_vgi::service]
pub trait Door {
    /// The caller's name.
    async fn whoami(&self, context: &CallContext) -> Result<String>;
}

struct Porter;

impl Door for Porter {
    async fn whoami(&self, context: &CallContext) -> Result<String> {
        context.auth().require_authenticated()?;
        Ok(context.auth().principal.clone())
    }
}

/// What is served: the layer stands where authentication belongs, so discovery and preflights need no key.
pub fn app() -> Result<Stack, BoxError> {
    let service = RpcService::builder().protocol(DoorServer::new(Porter)).build()?;
    Ok(Stack::builder(service).replace(Place::Auth, ApiKeys::new([("s3cret", "alice")])).build()?)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    app()?.serve().port(port).await?;
    Ok(())
}
