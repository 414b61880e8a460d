//! The Python reference: its client, in a process of its own, against its server.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tower_vgi::BoxError;

use crate::server::Child;
use crate::{BATCHES, ROWS};

pub(crate) struct Reference {
    python: PathBuf,
    server: Child,
}

impl Reference {
    /// `None`, and a line that says why, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let python = match std::env::var_os("TOWER_VGI_BENCH_PYTHON") {
            Some(python) => PathBuf::from(python),
            None => {
                let executable = std::env::current_exe().ok()?;
                let target = executable.ancestors().find(|folder| folder.join("interop").is_dir())?;
                target.join("interop/venvs/0.52.2/bin/python")
            }
        };
        let mut command = Command::new(&python);
        command.args([script(), "serve"]);
        match Child::start(command) {
            Ok(server) => Some(Self { python, server }),
            Err(error) => {
                eprintln!("Without the Python reference ({}: {error}).", python.display());
                None
            }
        }
    }

    pub(crate) fn calls(&self, callers: usize, time: Duration) -> Result<f64, BoxError> {
        self.run(&["calls", &callers.to_string(), &time.as_secs_f64().to_string()])
    }

    pub(crate) fn produce(&self, time: Duration) -> Result<f64, BoxError> {
        self.run(&["produce", &time.as_secs_f64().to_string(), &BATCHES.to_string(), &ROWS.to_string()])
    }

    fn run(&self, arguments: &[&str]) -> Result<f64, BoxError> {
        let mut command = Command::new(&self.python);
        let output = command.args([script(), arguments[0], &self.server.url()]).args(&arguments[1..]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/benches/client/reference.py")
}
