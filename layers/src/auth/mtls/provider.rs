//! [`Mtls`]: from a certificate to a caller.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderName;
use http::request::Parts;
use serde_json::{Map, Value};
use tower_vgi::{AuthContext, AuthReason, PeerCertificates};

use super::certificate::ClientCertificate;
use super::trusted_proxies::TrustedProxies;
use super::{forwarded, xfcc};
use crate::auth::credential::single;
use crate::auth::{AuthError, Authenticate};

/// Knows callers by their certificates. See the [module](super).
#[derive(Clone)]
pub struct Mtls {
    source: Source,
    check_term: bool,
    domain: String,
    identify: Identify,
}

#[derive(Clone, Debug)]
enum Source {
    Connection,
    Header(HeaderName, TrustedProxies),
    Xfcc(XfccElement, TrustedProxies),
}

/// Which proxy's word counts, where several have written into `x-forwarded-client-cert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum XfccElement {
    /// That of the proxy nearest to the client. It may be the client's own, unless all proxies take out what they did
    /// not write.
    First,
    /// That of the proxy nearest to the server.
    Last,
}

type IdentifyBy = dyn Fn(&ClientCertificate) -> Result<AuthContext, AuthError> + Send + Sync;

/// Who holds a certificate.
#[derive(Clone)]
enum Identify {
    /// Its common name, if it is one of these.
    Name(Option<Arc<HashSet<String>>>),
    Fingerprint(Arc<HashMap<String, AuthContext>>),
    Function(Arc<IdentifyBy>),
}

impl Mtls {
    /// The certificate of the connection, which the server itself has checked.
    pub fn of_connection() -> Self {
        Self::new(Source::Connection)
    }

    /// The certificate that one of these proxies has put into the header `X-SSL-Client-Cert`: percent-encoded PEM, or
    /// DER in base64.
    pub fn of_header(proxies: TrustedProxies) -> Self {
        Self::new(Source::Header(HeaderName::from_static("x-ssl-client-cert"), proxies))
    }

    /// What an Envoy that is one of these proxies has put into the header `x-forwarded-client-cert`: the last element, see
    /// [`element`](Self::element).
    pub fn of_xfcc(proxies: TrustedProxies) -> Self {
        Self::new(Source::Xfcc(XfccElement::Last, proxies))
    }

    fn new(source: Source) -> Self {
        Self { source, check_term: true, domain: "mtls".to_owned(), identify: Identify::Name(None) }
    }

    /// The header in which the certificate is. No effect on others than [`of_header`](Self::of_header).
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        if let Source::Header(header, _) = &mut self.source {
            *header = name;
        }
        self
    }

    /// Which element counts. No effect on others than [`of_xfcc`](Self::of_xfcc). Default: the last.
    #[must_use]
    pub fn element(mut self, element: XfccElement) -> Self {
        if let Source::Xfcc(chosen, _) = &mut self.source {
            *chosen = element;
        }
        self
    }

    /// Whether a certificate is refused that has expired or is not valid yet, as far as its term is known. Default: yes.
    #[must_use]
    pub fn check_term(mut self, check: bool) -> Self {
        self.check_term = check;
        self
    }

    /// The domain of callers. Default: `mtls`.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Lets in only callers of these common names. Default: all that have one.
    #[must_use]
    pub fn allow_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.identify = Identify::Name(Some(Arc::new(names.into_iter().map(Into::into).collect())));
        self
    }

    /// Knows callers by the SHA-256 of their certificates, as hexadecimal digits, with colons or without.
    #[must_use]
    pub fn by_fingerprint<F: AsRef<str>>(mut self, callers: impl IntoIterator<Item = (F, AuthContext)>) -> Self {
        let normal = |text: &str| text.replace(':', "").to_ascii_lowercase();
        let callers = callers.into_iter().map(|(fingerprint, caller)| (normal(fingerprint.as_ref()), caller));
        self.identify = Identify::Fingerprint(Arc::new(callers.collect()));
        self
    }

    /// Says who holds a certificate with a function of yours.
    #[must_use]
    pub fn identify_by<F>(mut self, identify: F) -> Self
    where
        F: Fn(&ClientCertificate) -> Result<AuthContext, AuthError> + Send + Sync + 'static,
    {
        self.identify = Identify::Function(Arc::new(identify));
        self
    }

    fn caller(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let certificate = self.certificate(request)?;
        if self.check_term {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            certificate.check_term(i64::try_from(now).unwrap_or(i64::MAX))?;
        }
        match &self.identify {
            Identify::Name(allowed) => self.by_name(&certificate, allowed.as_deref()),
            Identify::Fingerprint(callers) => {
                let caller = certificate.fingerprint.as_ref().and_then(|fingerprint| callers.get(fingerprint));
                caller.cloned().ok_or_else(|| invalid("the client certificate is not one of those that are known"))
            }
            Identify::Function(identify) => identify(&certificate),
        }
    }

    fn certificate(&self, request: &Parts) -> Result<ClientCertificate, AuthError> {
        let (header, proxies) = match &self.source {
            Source::Connection => {
                let chain = request.extensions.get::<PeerCertificates>();
                let own = chain.and_then(|chain| chain.0.first());
                let own = own.ok_or_else(|| AuthError::not_mine("there is no client certificate"))?;
                return ClientCertificate::from_der(own.clone());
            }
            Source::Header(name, proxies) => (name.clone(), proxies),
            Source::Xfcc(_, proxies) => (XFCC, proxies),
        };
        if !proxies.sent(request) || !request.headers.contains_key(&header) {
            // A client can do nothing about it, and its certificate may be in order.
            let detail = format!("the header {header} is missing, which the proxy has to set");
            return Err(AuthError::refused(AuthReason::ProxyRequired, detail));
        }
        let text = single(&request.headers, &header)?;
        match self.source {
            Source::Xfcc(element, _) => {
                let mut elements = xfcc::read(text)?;
                let chosen = match element {
                    XfccElement::First => (!elements.is_empty()).then(|| elements.swap_remove(0)),
                    XfccElement::Last => elements.pop(),
                };
                chosen.ok_or_else(|| invalid("x-forwarded-client-cert is empty"))
            }
            _ => forwarded::read(text),
        }
    }

    fn by_name(
        &self,
        certificate: &ClientCertificate,
        allowed: Option<&HashSet<String>>,
    ) -> Result<AuthContext, AuthError> {
        let name = certificate.common_name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid("the client certificate has no common name, or more than one"))?;
        if allowed.is_some_and(|allowed| !allowed.contains(name)) {
            let detail = "the holder of the client certificate may not call this service";
            return Err(AuthError::refused(AuthReason::InsufficientScope, detail));
        }
        let mut caller = AuthContext::authenticated(self.domain.clone(), name);
        caller.claims = self.claims(certificate).into();
        Ok(caller)
    }

    /// Under the names that they have elsewhere, too.
    fn claims(&self, certificate: &ClientCertificate) -> Map<String, Value> {
        let ClientCertificate { fingerprint, subject, uris, dns_names, serial, not_after, by, .. } = certificate;
        let mut claims = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::from);
        add("subject_dn", text(subject));
        add("hash", text(fingerprint));
        add("serial", text(serial));
        add("not_valid_after", text(not_after));
        add("uri", (!uris.is_empty()).then(|| uris.clone().into()));
        add("dns", (!dns_names.is_empty()).then(|| dns_names.clone().into()));
        add("by", text(by));
        claims
    }
}

const XFCC: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

fn invalid(detail: &'static str) -> AuthError {
    AuthError::refused(AuthReason::InvalidCredential, detail)
}

impl Authenticate for Mtls {
    fn authenticate(&self, request: &Parts) -> impl Future<Output = Result<AuthContext, AuthError>> + Send {
        ready(self.caller(request))
    }

    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        Some(self.caller(request))
    }

    fn proxy_headers(&self) -> Vec<HeaderName> {
        match &self.source {
            Source::Connection => Vec::new(),
            Source::Header(name, _) => vec![name.clone()],
            Source::Xfcc(..) => vec![XFCC],
        }
    }
}

impl fmt::Debug for Mtls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mtls").field("source", &self.source).finish_non_exhaustive()
    }
}
