//! Our server, in a process of its own: this program once more.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use tower_vgi::BoxError;
use tower_vgi_layers::Stack;

/// Serves the `Bench` protocol with the layers of a default stack.
pub(crate) async fn serve() -> Result<(), BoxError> {
    Ok(Stack::new(crate::service::service()?)?.serve().port(0).await?)
}

/// A server that says `PORT:<n>`; killed when it is dropped.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) port: u16,
}

impl Child {
    pub(crate) fn of_ours() -> Result<Self, BoxError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve");
        Self::start(command)
    }

    pub(crate) fn start(mut command: Command) -> Result<Self, BoxError> {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().ok_or("no output")?;
        let mut child = Self { process, port: 0 };
        let line =
            BufReader::new(stdout).lines().find(|line| line.as_ref().is_ok_and(|line| line.starts_with("PORT:")));
        child.port = line.ok_or("the server did not say its port")??["PORT:".len()..].parse()?;
        Ok(child)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
