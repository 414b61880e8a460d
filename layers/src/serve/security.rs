//! What happens to a connection before HTTP is spoken on it.

use std::io;

use super::stream::Socket;
#[cfg(feature = "tls")]
use super::tls::Tls;

/// Connections as they are, or behind TLS.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
}

impl Security {
    /// How URLs of the server begin.
    pub(super) fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return "https";
        }
        "http"
    }

    /// The socket on which HTTP is spoken.
    #[cfg(feature = "tls")]
    pub(super) async fn secure(&self, socket: Socket) -> io::Result<Socket> {
        match &self.tls {
            Some(tls) => {
                let acceptor = tokio_rustls::TlsAcceptor::from(tls.config.clone());
                Ok(Socket::Tls(Box::new(acceptor.accept(socket).await?)))
            }
            None => Ok(socket),
        }
    }

    /// The socket on which HTTP is spoken.
    #[cfg(not(feature = "tls"))]
    pub(super) async fn secure(&self, socket: Socket) -> io::Result<Socket> {
        Ok(socket)
    }
}
