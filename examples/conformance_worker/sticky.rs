//! Sessions, by flags.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tower_vgi::session::DrainHandle;
use tower_vgi_layers::stack::{Place, StackBuilder};

use crate::test_drain::TestDrainLayer;

/// What callers are asked to send with each request of a session.
const ECHO: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-vgi-conformance-echo"), HeaderValue::from_static("conformance-fixed-marker"));

/// What the command line says about sessions.
#[derive(clap::Args, Debug)]
pub(crate) struct StickyFlags {
    /// No sessions
    #[arg(long)]
    no_sticky: bool,
    /// Lifetime of sessions
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    sticky_ttl: Duration,
    /// Ask for no header to be echoed
    #[arg(long)]
    no_sticky_echo: bool,
}

impl StickyFlags {
    /// Adds sessions to the stack, unless they are not wanted.
    pub(crate) fn add_to(&self, builder: StackBuilder, drain_handle: DrainHandle) -> StackBuilder {
        if self.no_sticky {
            return builder;
        }
        let builder = builder.sticky(true).sticky_default_ttl(self.sticky_ttl);
        let builder = builder.outside(Place::Mount, TestDrainLayer(drain_handle));
        match self.no_sticky_echo {
            true => builder,
            false => builder.sticky_echo_headers(HeaderMap::from_iter([ECHO])),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
