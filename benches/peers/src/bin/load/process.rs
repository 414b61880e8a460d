//! [`Process`]: a server's process, from its start until it is dropped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::proc_files::ProcFiles;
use crate::server::{Server, Target};

/// Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) target: Target,
    /// What the kernel says of it.
    pub(crate) files: ProcFiles,
    /// Resident memory when it listened and had no call yet, MiB.
    pub(crate) start_mib: f64,
}

impl Process {
    /// Starts a server on a free port and waits until it listens.
    pub(crate) fn start(server: &Server, out: &Path) -> Result<Self> {
        let address = free_address()?;
        let log = File::create(out.join("logs").join(format!("{}.log", server.name)))?;
        // Should this process be killed, so are its servers.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "/bin/sh", "-c", &format!("exec {}", server.command)])
            .env("PORT", address.port().to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting setpriv, which is a part of util-linux")?;
        let files = ProcFiles::of(child.id());
        let mut process = Self { child, target: server.target(address), files, start_mib: 0.0 };
        process.wait_until_it_listens().with_context(|| format!("starting {}; see its log", server.name))?;
        process.start_mib = process.files.resident_mib()?;
        // The peak of serving, not that of starting.
        process.files.reset_peak()?;
        Ok(process)
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        for _ in 0..1500 {
            if TcpStream::connect(self.target.address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended: {status}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("it does not listen after 30 seconds");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
