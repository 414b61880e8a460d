//! The workloads: what is asked of a server, one file each.

mod echo;
mod exchange;
mod idle;
mod mixed;
mod produce;
mod unary;

use std::fmt;

use anyhow::Result;
use peers::data::ECHO_BYTES;

use crate::measurement::Record;
use crate::process::Process;
use crate::server::Server;

/// From one connection to so many, in powers of two.
pub(crate) const CONNECTIONS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Small unary calls, one after the other on each of so many connections.
    Unary { connections: usize },
    /// A payload both ways, on one connection.
    Echo { bytes: usize, zstd: bool },
    /// 64 batches of a MiB.
    Produce { streamed: bool },
    /// Turns of so many rows.
    Exchange { rows: usize },
    /// Small unary calls, alone and then beside large echoes and long producers.
    Mixed,
    /// Connections that have made a call and stay open.
    Idle,
}

impl Workload {
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = CONNECTIONS.iter().map(|&connections| Self::Unary { connections }).collect();
        all.extend(ECHO_BYTES.map(|bytes| Self::Echo { bytes, zstd: false }));
        all.extend([Self::Produce { streamed: false }, Self::Produce { streamed: true }]);
        all.extend([Self::Exchange { rows: 1 }, Self::Exchange { rows: 8192 }]);
        all.extend([Self::Echo { bytes: ECHO_BYTES[1], zstd: true }, Self::Mixed, Self::Idle]);
        all
    }

    pub(crate) fn is_offered_by(self, server: &Server) -> bool {
        match self {
            Self::Echo { zstd: true, .. } => server.offers.zstd,
            Self::Produce { streamed: true } => server.offers.streamed,
            Self::Produce { streamed: false } => server.offers.lock_step,
            _ => true,
        }
    }

    /// Warms the server up, checks an answer, and measures for so many seconds.
    pub(crate) async fn run(self, process: &Process, seconds: f64) -> Result<Record> {
        match self {
            Self::Unary { connections } => unary::run(process, connections, seconds).await,
            Self::Echo { bytes, zstd } => echo::run(process, bytes, zstd, seconds).await,
            Self::Produce { streamed } => produce::run(process, streamed, seconds).await,
            Self::Exchange { rows } => exchange::run(process, rows, seconds).await,
            Self::Mixed => mixed::run(process, seconds).await,
            Self::Idle => idle::run(process).await,
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unary { connections } => write!(formatter, "unary-{connections}"),
            Self::Echo { bytes, zstd } => {
                let (size, unit) = if *bytes < 1 << 20 { (bytes >> 10, "KiB") } else { (bytes >> 20, "MiB") };
                write!(formatter, "echo-{size}{unit}{}", if *zstd { "-zstd" } else { "" })
            }
            Self::Produce { streamed: false } => formatter.write_str("produce"),
            Self::Produce { streamed: true } => formatter.write_str("produce-streamed"),
            Self::Exchange { rows } => write!(formatter, "exchange-{rows}"),
            Self::Mixed => formatter.write_str("mixed"),
            Self::Idle => formatter.write_str("idle"),
        }
    }
}
