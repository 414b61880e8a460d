//! Client certificates: of a connection that our own server has secured, or as a proxy in front has seen them.
//!
//! ```
//! use tower_vgi_layers::auth::AuthLayer;
//! use tower_vgi_layers::auth::mtls::Mtls;
//!
//! // Of the connection itself, with `serve::Tls::mutual_from_pem`; callers are called as their certificates are.
//! let layer = AuthLayer::new(Mtls::of_connection());
//! // Behind nginx or HAProxy, which pass the certificate on; these names and no others.
//! let layer = AuthLayer::new(Mtls::of_header().allow_names(["reports", "billing"]));
//! # let _ = layer;
//! ```
//!
//! Nobody checks here who has signed a certificate: whoever ends TLS has to, be it `serve` or the proxy.
//!
//! # Headers can be written by anybody
//!
//! What a header says is worth as much as the certainty that the proxy has written it. The proxy has to take out what
//! clients send under that name, and nobody may reach the server past it: listen on an address that only the proxy
//! reaches, name its address ([`Mtls::trusted_proxies`]), or have it [prove](crate::auth::proof) itself.
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
mod xfcc;

pub use certificate::ClientCertificate;
pub use provider::{Mtls, XfccElement};

#[cfg(test)]
mod tests;
