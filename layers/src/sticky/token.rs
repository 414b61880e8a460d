//! The token by which a caller names its session.
//!
//! It is sealed for the caller: for anybody else it does not open, which is no matter of a comparison that could be
//! forgotten. Inside are the session's id and the server's, so that a request that reached another server is told so, and
//! not that its token is damaged.

use tower_vgi::rpc::Sealer;
use tower_vgi::session::{SessionId, session_lost};
use tower_vgi::{AuthContext, RpcError};

/// The purpose of the key.
pub(super) const PURPOSE: &str = "session token v1";

const ID_LEN: usize = 12;

pub(super) fn seal(sealer: &Sealer, server_id: &str, id: SessionId, auth: &AuthContext) -> String {
    let mut secret = Vec::with_capacity(ID_LEN + server_id.len());
    secret.extend_from_slice(&id.to_bytes());
    secret.extend_from_slice(server_id.as_bytes());
    sealer.seal(&secret, &auth.binding())
}

/// Which session of this server a token names.
///
/// # Errors
///
/// None, as far as this caller and this server are concerned: the session is lost.
pub(super) fn open(sealer: &Sealer, server_id: &str, token: &[u8], auth: &AuthContext) -> Result<SessionId, RpcError> {
    let secret = sealer.open(token.trim_ascii(), &auth.binding());
    let (id, server) = secret.as_deref().and_then(|secret| secret.split_first_chunk::<ID_LEN>()).ok_or_else(|| {
        session_lost(
            "the session token cannot be opened: it is damaged, or was issued to another caller or under other keys",
        )
    })?;
    if server != server_id.as_bytes() {
        return Err(session_lost(format!(
            "the session is on server '{}', and this request has reached server '{server_id}'",
            String::from_utf8_lossy(server)
        )));
    }
    Ok(SessionId::from_bytes(*id))
}
