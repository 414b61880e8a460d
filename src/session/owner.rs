//! [`Owner`]: whose a session is.

use std::fmt;
use std::sync::Arc;

use crate::AuthContext;

/// Who opened a session; nobody else may have it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner(Option<Arc<(String, String)>>);

impl Owner {
    pub(crate) fn of(auth: &AuthContext) -> Self {
        Self(auth.authenticated.then(|| Arc::new((auth.domain.clone(), auth.principal.clone()))))
    }

    pub(super) fn is(&self, auth: &AuthContext) -> bool {
        match &self.0 {
            Some(known) => auth.authenticated && known.0 == auth.domain && known.1 == auth.principal,
            None => !auth.authenticated,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(known) => write!(formatter, "'{}'", known.1),
            None => formatter.write_str("anonymous callers"),
        }
    }
}
