//! The storage of the reference's suites: asked for an address, it gives one to put an object at, and one to read it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tower_vgi::external::{Object, ObjectId, Storage, UploadUrl, UploadUrls};
use tower_vgi::{Body, BoxError};

/// How long it says that addresses are good: for ever.
const TERM: Duration = Duration::from_secs(3600);

#[derive(Clone)]
pub(crate) struct FakeStorage {
    base: String,
    client: Client<HttpConnector, Body>,
}

impl FakeStorage {
    pub(crate) fn new(base: &str) -> Self {
        // It serves one request a connection.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { base: base.trim_end_matches('/').to_owned(), client }
    }

    /// The addresses of a new object. Before 0.52 there was one for both.
    async fn allocate(&self, coding: Option<&str>) -> Result<(String, String), BoxError> {
        let wanted = coding.map_or_else(|| json!({}), |coding| json!({"content_encoding": coding}));
        let given = self.send(Method::POST, &format!("{}/alloc", self.base), None, wanted.to_string().into()).await?;
        let given: Value = serde_json::from_slice(&given)?;
        let url =
            |name: &str| given.get(name).or_else(|| given.get("object_url")).and_then(Value::as_str).map(str::to_owned);
        url("upload_url").zip(url("download_url")).ok_or_else(|| "the storage gives no address".into())
    }

    async fn send(&self, method: Method, url: &str, coding: Option<&str>, body: Bytes) -> Result<Bytes, BoxError> {
        let mut request = Request::builder().method(method).uri(url).body(Body::from(body))?;
        if let Some(coding) = coding {
            request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_str(coding)?);
        }
        let response = self.client.request(request).await?;
        if !response.status().is_success() {
            return Err(format!("the storage answers {}", response.status()).into());
        }
        Ok(response.into_body().collect().await?.to_bytes())
    }
}

impl Storage for FakeStorage {
    async fn put(&self, _id: &ObjectId, object: Object) -> Result<String, BoxError> {
        let coding = object.content_encoding();
        let (upload, download) = self.allocate(coding).await?;
        // It wants to know the length beforehand.
        let bytes = object.into_bytes().await?;
        self.send(Method::PUT, &upload, coding, bytes).await?;
        Ok(download)
    }

    /// It keeps everything for as long as it lives.
    async fn delete(&self, _id: &ObjectId) -> Result<(), BoxError> {
        Ok(())
    }
}

impl UploadUrls for FakeStorage {
    async fn upload_url(&self) -> Result<UploadUrl, BoxError> {
        let (upload, download) = self.allocate(None).await?;
        Ok(UploadUrl::new(upload, download, Some(chrono::Utc::now() + TERM)))
    }
}
