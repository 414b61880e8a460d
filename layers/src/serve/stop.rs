//! When a server stops.

use std::io;
use std::pin::Pin;

/// Waits for a signal or for the future of whoever runs the server.
pub(super) struct Stop {
    signals: Option<Signals>,
    shutdown: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Stop {
    pub(super) fn new(signals: bool, shutdown: Option<Pin<Box<dyn Future<Output = ()> + Send>>>) -> io::Result<Self> {
        let signals = if signals { Some(Signals::listen()?) } else { None };
        Ok(Self { signals, shutdown })
    }

    /// Until the server is asked to stop.
    pub(super) async fn asked(&mut self) {
        let Some(shutdown) = &mut self.shutdown else { return self.signalled().await };
        let signal = async {
            match &mut self.signals {
                Some(signals) => signals.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown => self.shutdown = None,
            () = signal => {}
        }
    }

    /// Until somebody who already asked is impatient.
    pub(super) async fn signalled(&mut self) {
        match &mut self.signals {
            Some(signals) => signals.next().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
