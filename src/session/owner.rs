//! [`Owner`]: whose a session is.

use std::fmt;
use std::sync::Arc;

use crate::AuthContext;

/// Who opened a session; nobody else may have it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner(Option<Arc<Known>>);

/// An owner of whom something is known.
#[derive(PartialEq, Eq, Hash)]
struct Known {
    authenticated: bool,
    domain: String,
    principal: String,
    evidence: String,
}

impl Owner {
    pub(crate) fn of(auth: &AuthContext) -> Self {
        Self(is_known(auth).then(|| {
            // Of callers who are not authenticated nothing but the evidence counts, as in what is sealed for them.
            let name = |name: &str| if auth.authenticated { name.to_owned() } else { String::new() };
            Arc::new(Known {
                authenticated: auth.authenticated,
                domain: name(&auth.domain),
                principal: name(&auth.principal),
                evidence: auth.evidence.clone(),
            })
        }))
    }

    pub(super) fn is(&self, auth: &AuthContext) -> bool {
        match &self.0 {
            Some(known) => {
                known.authenticated == auth.authenticated
                    && known.evidence == auth.evidence
                    && (!auth.authenticated || (known.domain == auth.domain && known.principal == auth.principal))
            }
            None => !is_known(auth),
        }
    }
}

fn is_known(auth: &AuthContext) -> bool {
    auth.authenticated || !auth.evidence.is_empty()
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_deref() {
            Some(Known { authenticated: true, principal, .. }) => write!(formatter, "'{principal}'"),
            _ => formatter.write_str("anonymous callers"),
        }
    }
}
