//! [`Io`]: one connection, of which is known what has happened on it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

#[cfg(feature = "client-tls")]
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
#[cfg(feature = "client-tls")]
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// One connection.
pub(super) struct Io {
    pub(super) stream: Stream,
    pub(super) traffic: Traffic,
}

pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "client-tls")]
    Tls(Box<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Connection for Io {
    fn connected(&self) -> Connected {
        let connected = match &self.stream {
            Stream::Tcp(stream) => stream.connected(),
            #[cfg(feature = "client-tls")]
            Stream::Tls(stream) => stream.inner().connected(),
            #[cfg(unix)]
            Stream::Unix(_) => Connected::new(),
        };
        connected.extra(self.traffic.clone())
    }
}

macro_rules! on_stream {
    ($io:expr, $stream:ident => $result:expr) => {
        match &mut $io.stream {
            Stream::Tcp($stream) => $result,
            #[cfg(feature = "client-tls")]
            Stream::Tls($stream) => {
                let $stream = &mut **$stream;
                $result
            }
            #[cfg(unix)]
            Stream::Unix($stream) => $result,
        }
    };
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = on_stream!(self, stream => Pin::new(stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.traffic.0.silent.store(false, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.traffic.0.silent.store(true, Ordering::Relaxed);
        on_stream!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(feature = "client-tls")]
            Stream::Tls(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.traffic.0.silent.store(true, Ordering::Relaxed);
        on_stream!(self, stream => Pin::new(stream).poll_write_vectored(cx, pieces))
    }
}

/// What has happened on a connection.
#[derive(Clone, Default)]
pub(super) struct Traffic(pub(super) Arc<Seen>);

#[derive(Default)]
pub(super) struct Seen {
    /// A response has come.
    pub(super) used: AtomicBool,
    /// Nothing has come since something was sent.
    pub(super) silent: AtomicBool,
}
