//! Sessions on Fly.io, whose proxy takes a request to the machine that it names.
//!
//! Away from Fly.io all of this does nothing, so that one program runs in both places:
//!
//! ```
//! use tower_vgi::rpc::{Protocol, RpcService};
//! use tower_vgi_layers::sticky::{StickyLayer, fly};
//!
//! # let greeter = Protocol::new("Greeter");
//! let service = RpcService::builder().protocol(greeter).server_id(fly::auto_server_id()).build()?;
//! let sticky = StickyLayer::new(&service).echo_headers(&fly::sticky_echo_headers());
//! # let _ = sticky;
//! # Ok::<(), tower_vgi::rpc::BuildError>(())
//! ```

use http::{HeaderMap, HeaderName, HeaderValue};
use tower_vgi::rpc::new_server_id;

/// The environment variable with the id of the machine.
pub const FLY_MACHINE_ID: &str = "FLY_MACHINE_ID";

/// The header by which a request names its machine.
const FORCE_INSTANCE_ID: HeaderName = HeaderName::from_static("fly-force-instance-id");

/// The machine's id as the id of the server, so that logs agree; elsewhere a random one.
pub fn auto_server_id() -> String {
    machine_id().unwrap_or_else(new_server_id)
}

/// The header by which callers come back to this machine; elsewhere none.
pub fn sticky_echo_headers() -> HeaderMap {
    echo_headers(machine_id())
}

fn machine_id() -> Option<String> {
    std::env::var(FLY_MACHINE_ID).ok().filter(|id| !id.is_empty())
}

fn echo_headers(machine_id: Option<String>) -> HeaderMap {
    let value = machine_id.and_then(|id| HeaderValue::try_from(id).ok());
    value.map(|value| (FORCE_INSTANCE_ID, value)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_where_there_is_one() {
        let headers = echo_headers(Some("148e21ea7d9478".to_owned()));
        assert_eq!(headers["fly-force-instance-id"], "148e21ea7d9478");
        assert!(echo_headers(None).is_empty());
        assert!(echo_headers(Some("no\nheader".to_owned())).is_empty());
    }

    #[test]
    fn elsewhere_servers_have_ids_of_their_own() {
        assert_ne!(auto_server_id(), auto_server_id());
        assert!(sticky_echo_headers().is_empty());
    }
}
