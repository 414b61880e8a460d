//! Says who calls, as authentication has decided: hosted where callers may send grants and tokens.

use serde_json::json;
use tower_vgi::Result;
use tower_vgi::rpc::CallContext;

/// What is known of the caller.
#[tower_vgi::service(name = "conformance.Whoami.v1")]
pub(crate) trait Whoami {
    /// Tells who calls, as JSON with its members sorted.
    async fn whoami(&self, context: &CallContext) -> Result<String>;
}

/// The implementation.
pub(crate) struct WhoamiService;

impl Whoami for WhoamiService {
    async fn whoami(&self, context: &CallContext) -> Result<String> {
        let caller = context.auth();
        Ok(json!({
            "authenticated": caller.authenticated,
            "claims": caller.claims,
            "domain": caller.domain,
            "principal": caller.principal,
        })
        .to_string())
    }
}
