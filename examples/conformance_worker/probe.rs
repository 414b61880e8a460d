//! Counts what happens to the cancellable streams, for callers that look whether a cancel arrived.
//!
//! The counts belong to the process, or to a file that several workers share.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tower_vgi::Result;
use tower_vgi::rpc::CallContext;

/// Names the file that several workers share.
const FILE_VARIABLE: &str = "VGI_RPC_CONFORMANCE_PROBE_FILE";

/// How often each thing happened; the names are those in the shared file.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    pub(crate) produce_calls: i64,
    pub(crate) exchange_calls: i64,
    pub(crate) on_cancel_calls: i64,
}

enum Store {
    Process(Mutex<Counts>),
    File(PathBuf),
}

// The states of streams travel in tokens and have no way to the service that made them.
static STORE: LazyLock<Store> = LazyLock::new(|| match env::var_os(FILE_VARIABLE) {
    Some(path) if !path.is_empty() => Store::File(path.into()),
    _ => Store::Process(Mutex::default()),
});

/// Changes the counts, and gives what they are then.
///
/// # Errors
///
/// When the shared file cannot be read or written.
pub(crate) async fn update(context: &CallContext, change: fn(&mut Counts)) -> Result<Counts> {
    match &*STORE {
        Store::Process(counts) => {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut counts);
            Ok(*counts)
        }
        Store::File(path) => context.run_blocking(move || Ok(update_file(path, change)?)).await,
    }
}

fn update_file(path: &Path, change: fn(&mut Counts)) -> io::Result<Counts> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    // Closing the file gives the lock back.
    flock(&file, FlockOperation::LockExclusive)?;
    let mut counts = read(&mut file)?;
    change(&mut counts);
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&counts)?)?;
    Ok(counts)
}

fn read(file: &mut File) -> io::Result<Counts> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if text.is_empty() { Ok(Counts::default()) } else { Ok(serde_json::from_str(&text)?) }
}
