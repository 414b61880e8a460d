//! Client certificates: of a connection that our own server has secured, or as a proxy in front has seen them.
//!
//! ```
//! use tower_vgi_layers::auth::AuthLayer;
//! use tower_vgi_layers::auth::mtls::{Mtls, TrustedProxies};
//!
//! // Of the connection itself, with `serve::Tls::mutual_from_pem`; callers are called as their certificates are.
//! let layer = AuthLayer::new(Mtls::of_connection());
//! // Behind nginx or HAProxy, which pass the certificate on; these names and no others.
//! let proxies = TrustedProxies::at(["10.0.0.1".parse()?]);
//! let layer = AuthLayer::new(Mtls::of_header(proxies).allow_names(["reports", "billing"]));
//! # let _ = layer;
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! Nobody checks here who has signed a certificate: whoever ends TLS has to, be it `serve` or the proxy.
//!
//! # Headers can be written by anybody
//!
//! What a header says is worth as much as the certainty that the proxy has written it. The proxy has to take out what
//! clients send under that name, and nobody may reach the server past it: listen on an address that only the proxy
//! reaches, name its address ([`TrustedProxies::at`]), or have it [prove](crate::auth::proof) itself.
//!
//! | proxy | the certificate in the header |
//! |---|---|
//! | nginx | `proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;` |
//! | HAProxy | `http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64]` |
//! | Envoy | `forward_client_cert_details: SANITIZE_SET`, which writes [`x-forwarded-client-cert`](Mtls::of_xfcc) |

mod certificate;
mod distinguished_name;
mod forwarded;
mod provider;
mod trusted_proxies;
mod xfcc;

pub use certificate::ClientCertificate;
pub use provider::{Mtls, XfccElement};
pub use trusted_proxies::TrustedProxies;

#[cfg(test)]
mod tests;
