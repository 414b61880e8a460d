//! Keys in a header of their own.

use std::future::ready;

use http::HeaderName;
use http::request::Parts;
use tower_vgi::{AuthContext, AuthReason};

use super::credential::single;
use super::secrets::Secrets;
use super::{AuthError, Authenticate};

/// Knows callers by a key in `X-API-Key`, or in a header of your choice, from a list.
///
/// Keys are compared in constant time with each of the list, which should therefore be short.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    header: HeaderName,
    keys: Secrets,
}

impl ApiKeys {
    /// Keys and who holds them. An empty key is nobody's.
    pub fn new<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = (K, AuthContext)>) -> Self {
        Self { header: HeaderName::from_static("x-api-key"), keys: Secrets::new(keys) }
    }

    /// The header that carries the key.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    fn holder(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let key = single(&request.headers, &self.header)?;
        let holder = self.keys.holder(key).cloned();
        holder.ok_or_else(|| {
            AuthError::refused(AuthReason::InvalidCredential, format!("the key in {} is unknown", self.header))
        })
    }
}

impl Authenticate for ApiKeys {
    fn authenticate(&self, request: &Parts) -> impl Future<Output = Result<AuthContext, AuthError>> + Send {
        ready(self.holder(request))
    }

    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        Some(self.holder(request))
    }
}
