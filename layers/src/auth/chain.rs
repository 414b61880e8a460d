//! [`chain`]: one authenticator after the other.

use http::HeaderName;
use http::request::Parts;
use tower_vgi::{AuthContext, Capabilities};

use super::{AuthError, Authenticate};

/// Asks `first`, and `second` if that does not know the caller. For more, see [`Chain::or`].
///
/// If nobody knows the caller, the reason is the first that is more than `missing_credential`. A refusal that is
/// [final](AuthError::is_final) ends the chain, and so does one who cannot tell now: to ask on would turn an outage of
/// an identity provider into a 401, upon which clients throw good credentials away.
///
/// Grants and resolved tokens beside an authenticator that believes what a proxy says are a
/// [mistake](Authenticate::mistake), unless it is said that they may come past the proxy.
pub fn chain<A: Authenticate, B: Authenticate>(first: A, second: B) -> Chain<A, B> {
    Chain { first, second }
}

/// Two authenticators, one of which has to know the caller. See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<A, B> {
    first: A,
    second: B,
}

impl<A: Authenticate, B: Authenticate> Chain<A, B> {
    /// Asks another one if none of these knows the caller.
    pub fn or<C: Authenticate>(self, third: C) -> Chain<Self, C> {
        chain(self, third)
    }
}

impl<A: Authenticate, B: Authenticate> Authenticate for Chain<A, B> {
    async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        match self.first.authenticate(request).await {
            Err(first) if !first.is_final() => {
                self.second.authenticate(request).await.map_err(|second| first.and_then(second))
            }
            decided => decided,
        }
    }

    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        match self.first.authenticate_at_once(request)? {
            Err(first) if !first.is_final() => {
                let second = self.second.authenticate_at_once(request)?;
                Some(second.map_err(|second| first.and_then(second)))
            }
            decided => Some(decided),
        }
    }

    fn proxy_headers(&self) -> Vec<HeaderName> {
        let mut headers = self.first.proxy_headers();
        headers.extend(self.second.proxy_headers());
        headers
    }

    fn takes_identity_bearers(&self) -> bool {
        self.first.takes_identity_bearers() || self.second.takes_identity_bearers()
    }

    fn mistake(&self) -> Option<String> {
        let parts = self.first.mistake().or_else(|| self.second.mistake());
        parts.or_else(|| way_around(&self.first, &self.second)).or_else(|| way_around(&self.second, &self.first))
    }

    fn advertise(&self, capabilities: &mut Capabilities) {
        self.first.advertise(capabilities);
        self.second.advertise(capabilities);
    }
}

fn way_around(bearers: &impl Authenticate, proxied: &impl Authenticate) -> Option<String> {
    bearers.takes_identity_bearers().then(|| past_proxy(&proxied.proxy_headers())).flatten()
}

/// What is wrong where holders of grants come in past the proxy that has to set these headers for others; nothing where
/// there are none.
pub(super) fn past_proxy(headers: &[HeaderName]) -> Option<String> {
    let names: Vec<&str> = headers.iter().map(HeaderName::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "grants or resolved tokens are beside an authenticator for which a proxy has to set {}, so that their holders \
             come in past that proxy; put a gate around all of them, such as require_all(gate, chain(...)), or say \
             past_proxies() of the grants and tokens",
            names.join(", ")
        )
    })
}
