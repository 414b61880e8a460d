//! [`Gate`]: a condition that has to hold whoever calls.

use http::HeaderName;
use http::request::Parts;
use serde_json::{Map, Value};
use tower_vgi::{AuthContext, Capabilities};

use super::{AuthError, Authenticate};

/// A condition of a request that says nothing of who calls, such as that it came through a certain proxy.
///
/// It stands in front of an [`Authenticate`] ([`require_all`]) or alone ([`require_gate`]).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Gate`",
    note = "a gate is a condition, and no credential; alternatives are put together with `chain`"
)]
pub trait Gate: Send + Sync + 'static {
    /// What the gate is called: the domain of callers of whom nothing else is known.
    fn name(&self) -> &str;

    /// The name of the claim under which methods find what the gate has seen.
    fn claim(&self) -> &str;

    /// Looks at the head of a request, and says what it has seen.
    ///
    /// # Errors
    ///
    /// When the condition does not hold, or when that cannot be told now.
    fn check(&self, request: &Parts) -> impl Future<Output = Result<Map<String, Value>, AuthError>> + Send;

    /// Whom the gate itself makes known: the proxy, say. Default: nobody.
    fn principal(&self, seen: &Map<String, Value>) -> Option<String> {
        let _ = seen;
        None
    }

    /// What streams and sessions are bound to besides their caller, so that they go on only where the gate sees the same
    /// ([`AuthContext::bound_to`]). Default: nothing.
    fn evidence(&self, seen: &Map<String, Value>) -> Option<String> {
        let _ = seen;
        None
    }

    /// See [`Authenticate::proxy_headers`].
    fn proxy_headers(&self) -> Vec<HeaderName> {
        Vec::new()
    }

    /// See [`Authenticate::advertise`].
    fn advertise(&self, capabilities: &mut Capabilities) {
        let _ = capabilities;
    }
}

/// Lets those in for whom the gate's condition holds and whom `inner` knows.
///
/// The gate is asked first; where its condition does not hold, `inner` is never asked, and neither is any other
/// authenticator of a chain around this. The caller is who `inner` says; what the gate has seen is one claim more.
pub fn require_all<G: Gate, A: Authenticate>(gate: G, inner: A) -> RequireAll<G, A> {
    RequireAll { gate, inner }
}

/// Lets everybody in for whom the gate's condition holds. Methods see the gate as the caller.
pub fn require_gate<G: Gate>(gate: G) -> RequireGate<G> {
    RequireGate { gate }
}

/// The caller with what the gate has seen.
fn seen_by(gate: &impl Gate, seen: Map<String, Value>, caller: AuthContext) -> AuthContext {
    let caller = match gate.evidence(&seen) {
        Some(evidence) => caller.bound_to(&evidence),
        None => caller,
    };
    caller.with_claim(gate.claim(), seen)
}

/// A gate in front of an authenticator. See [`require_all`].
#[derive(Clone, Copy, Debug)]
pub struct RequireAll<G, A> {
    gate: G,
    inner: A,
}

impl<G: Gate, A: Authenticate> Authenticate for RequireAll<G, A> {
    async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let seen = self.gate.check(request).await.map_err(AuthError::into_final)?;
        let caller = self.inner.authenticate(request).await?;
        Ok(seen_by(&self.gate, seen, caller))
    }

    fn proxy_headers(&self) -> Vec<HeaderName> {
        let mut headers = self.gate.proxy_headers();
        headers.extend(self.inner.proxy_headers());
        headers
    }

    /// A gate for which a proxy has to set something holds for those with grants, too.
    fn takes_identity_bearers(&self) -> bool {
        self.gate.proxy_headers().is_empty() && self.inner.takes_identity_bearers()
    }

    fn mistake(&self) -> Option<String> {
        self.inner.mistake()
    }

    fn advertise(&self, capabilities: &mut Capabilities) {
        self.gate.advertise(capabilities);
        self.inner.advertise(capabilities);
    }
}

/// A gate alone. See [`require_gate`].
#[derive(Clone, Copy, Debug)]
pub struct RequireGate<G> {
    gate: G,
}

impl<G: Gate> Authenticate for RequireGate<G> {
    async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let seen = self.gate.check(request).await.map_err(AuthError::into_final)?;
        let caller = match self.gate.principal(&seen) {
            Some(principal) => AuthContext::authenticated(self.gate.name(), principal),
            // The condition may hold for callers of whom the gate has seen nothing.
            None => AuthContext::anonymous(),
        };
        Ok(seen_by(&self.gate, seen, caller))
    }

    fn proxy_headers(&self) -> Vec<HeaderName> {
        self.gate.proxy_headers()
    }

    fn advertise(&self, capabilities: &mut Capabilities) {
        self.gate.advertise(capabilities);
    }
}
