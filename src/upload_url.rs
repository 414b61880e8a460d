//! [`UploadUrl`]: where something can be put, and read afterwards.

use std::fmt;

use chrono::{DateTime, Utc};
use tower_vgi_macros::VgiArrow;

/// Where a request's batch can be put, and where the server reads it.
#[derive(Clone, PartialEq, Eq, VgiArrow)]
#[non_exhaustive]
pub struct UploadUrl {
    /// `PUT` the Arrow stream here.
    pub upload_url: String,
    /// What a pointer to it names.
    pub download_url: String,
    /// Until when both can be used.
    pub expires_at: Option<DateTime<Utc>>,
}

impl UploadUrl {
    /// A pair of URLs of one object.
    pub fn new(
        upload_url: impl Into<String>,
        download_url: impl Into<String>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self { upload_url: upload_url.into(), download_url: download_url.into(), expires_at }
    }
}

impl fmt::Debug for UploadUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has the URLs can use them.
        formatter.debug_struct("UploadUrl").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
