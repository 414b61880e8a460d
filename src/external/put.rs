//! Putting an object at a URL that somebody gave out.

use http::{HeaderName, HeaderValue, Method, Request, Uri, header};

use super::fetch::Fetcher;
use super::object::Object;
use crate::reference::redacted;
use crate::{ErrorCode, RpcError};

/// Azure wants to know what kind of blob it becomes; others ignore it.
const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");

impl Fetcher {
    /// Puts an object at a URL, which is held to the policy as one that is read is. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// When the URL is not one to write to, or the object has not been taken.
    pub async fn put(&self, url: &str, object: Object) -> Result<(), RpcError> {
        let uri = super::fetch::parse(url)?;
        self.inner.settings.policy.admit(&uri)?;
        let failed = |what: String| {
            RpcError::new("ExternalUploadFailed", format!("the upload to {} failed: {what}", redacted(url)))
                .with_code(ErrorCode::Unavailable)
        };
        let mut request = Request::new(crate::Body::empty());
        *request.method_mut() = Method::PUT;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(object.content_type()));
        if let Some(coding) = object.content_encoding() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        if is_azure(&uri) {
            headers.insert(BLOB_TYPE, HeaderValue::from_static("BlockBlob"));
        }
        *request.uri_mut() = uri;
        *request.body_mut() = object.into_body();
        let sending = self.inner.client.request(request);
        let response = tokio::time::timeout(self.inner.settings.timeout, sending).await;
        match response {
            Err(_) => Err(failed(format!("not taken within {:?}", self.inner.settings.timeout))),
            Ok(Err(error)) => Err(failed(super::fetch::reason(&error))),
            Ok(Ok(response)) if response.status().is_success() => Ok(()),
            Ok(Ok(response)) => Err(failed(format!("HTTP {}", response.status().as_u16()))),
        }
    }
}

/// Whether a URL is signed the way that Azure's are.
fn is_azure(uri: &Uri) -> bool {
    let has = |name: &str| uri.query().unwrap_or_default().split('&').any(|pair| pair.split('=').next() == Some(name));
    has("sig") && has("sv") && has("sr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_access_signature_is_known() {
        let azure = |url: &'static str| is_azure(&Uri::from_static(url));
        assert!(azure("https://a.blob.core.windows.net/c/b?sv=2021&sr=b&sp=cw&se=x&sig=y"));
        assert!(!azure("https://b.s3.amazonaws.com/k?X-Amz-Signature=y") && !azure("https://x/y"));
    }
}
