//! Sockets to accept connections on.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use super::TARGET;
use super::stream::Socket;

/// Where to listen: made from a `TcpListener` or a `UnixListener` of std or tokio.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// A TCP socket to be bound.
    #[non_exhaustive]
    Address {
        /// Name or address.
        host: String,
        /// Port, or 0 for any.
        port: u16,
    },
    /// A Unix socket to be bound.
    #[cfg(unix)]
    Path(PathBuf),
    /// An open TCP socket of std.
    Std(std::net::TcpListener),
    /// An open TCP socket of tokio.
    Tokio(TcpListener),
    /// An open Unix socket of std.
    #[cfg(unix)]
    StdUnix(std::os::unix::net::UnixListener),
    /// An open Unix socket of tokio.
    #[cfg(unix)]
    TokioUnix(UnixListener),
}

impl From<std::net::TcpListener> for Listener {
    fn from(listener: std::net::TcpListener) -> Self {
        Self::Std(listener)
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tokio(listener)
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for Listener {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        Self::StdUnix(listener)
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::TokioUnix(listener)
    }
}

impl Listener {
    pub(super) fn wanted_port(&self) -> u16 {
        match self {
            Self::Address { port, .. } => *port,
            _ => 0,
        }
    }

    pub(super) async fn bind(self) -> io::Result<Bound> {
        match self {
            Self::Address { host, port } => {
                let listener = TcpListener::bind((host.as_str(), port)).await.map_err(|error| {
                    io::Error::new(error.kind(), format!("cannot listen on {host} port {port}: {error}"))
                })?;
                Bound::tcp(listener)
            }
            Self::Std(listener) => {
                listener.set_nonblocking(true)?;
                Bound::tcp(TcpListener::from_std(listener)?)
            }
            Self::Tokio(listener) => Bound::tcp(listener),
            #[cfg(unix)]
            Self::Path(path) => {
                let listener = bind_path(&path).await.map_err(|error| {
                    io::Error::new(error.kind(), format!("cannot listen on {}: {error}", path.display()))
                })?;
                Ok(Bound::Unix { listener, _file: Some(SocketFile(path)) })
            }
            #[cfg(unix)]
            Self::StdUnix(listener) => {
                listener.set_nonblocking(true)?;
                Ok(Bound::Unix { listener: UnixListener::from_std(listener)?, _file: None })
            }
            #[cfg(unix)]
            Self::TokioUnix(listener) => Ok(Bound::Unix { listener, _file: None }),
        }
    }
}

/// A socket that accepts connections.
#[derive(Debug)]
pub(super) enum Bound {
    Tcp {
        listener: TcpListener,
        address: SocketAddr,
    },
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _file: Option<SocketFile>,
    },
}

impl Bound {
    fn tcp(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self::Tcp { listener, address })
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { address, .. } => Some(*address),
            #[cfg(unix)]
            Self::Unix { .. } => None,
        }
    }

    /// The next connection. Errors are no reason to stop: they concern one connection, or pass.
    pub(super) async fn accept(&self) -> (Socket, Option<SocketAddr>) {
        let mut pause = Duration::from_millis(10);
        loop {
            let error = match self.try_accept().await {
                Ok(accepted) => return accepted,
                Err(error) => error,
            };
            if is_of_one_connection(&error) {
                continue;
            }
            // Out of descriptors or memory: asking again at once would only burn the processor.
            tracing::error!(target: TARGET, %error, "cannot accept connections, trying again in {pause:?}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn try_accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp { listener, .. } => {
                let (stream, peer) = listener.accept().await?;
                // Answers are written in few large pieces: waiting to join them only delays the last.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(target: TARGET, %error, "cannot set TCP_NODELAY");
                }
                Ok((Socket::Tcp(stream), Some(peer)))
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok((Socket::Unix(listener.accept().await?.0), None)),
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(unix)]
async fn bind_path(path: &std::path::Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            use std::os::unix::fs::FileTypeExt;
            let is_socket = std::fs::symlink_metadata(path)?.file_type().is_socket();
            let is_dead = UnixStream::connect(path)
                .await
                .is_err_and(|refused| refused.kind() == io::ErrorKind::ConnectionRefused);
            if !(is_socket && is_dead) {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// Removes the socket's file when the server is done with it.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(target: TARGET, %error, path = %self.0.display(), "cannot remove the socket");
        }
    }
}
