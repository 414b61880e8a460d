//! HAProxy in a process of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::child::{self, Killed};

/// How long it may take to find out what has become of a worker.
const PATIENCE: Duration = Duration::from_secs(20);

/// A load balancer in front of the workers `one` and `two`.
pub(crate) struct LoadBalancer {
    _child: Killed,
    port: u16,
    admin: PathBuf,
}

impl LoadBalancer {
    /// Whether there is one to start; says so where there is none.
    pub(crate) fn is_there() -> bool {
        let found = Command::new("haproxy").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        let required = std::env::var_os("TOWER_VGI_REQUIRE_INTEROP").is_some_and(|value| value == "1");
        assert!(found || !required, "TOWER_VGI_REQUIRE_INTEROP=1, but there is no haproxy");
        if !found {
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: scale-out: no haproxy on the path");
        }
        found
    }

    /// Starts it with a configuration of `examples/deploy/haproxy`, and waits until it has seen both workers.
    pub(crate) fn start(configuration: &str, one: &str, two: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy/haproxy").join(configuration);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // The name of a socket must not be long.
        let admin = std::env::temp_dir().join(format!("tower-vgi-{}-{port}.sock", std::process::id()));
        let log = child::scratch("servers").join(format!("haproxy-{}-{port}.log", std::process::id()));
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(std::fs::File::create(log).unwrap());
        command.env("LISTEN", format!("127.0.0.1:{port}")).env("ADMIN", &admin);
        command.env("WORKER_ONE", one).env("WORKER_TWO", two);
        let balancer = Self { _child: Killed(command.spawn().unwrap()), port, admin };
        for worker in ["one", "two"] {
            balancer.wait_for(worker, "UP");
        }
        balancer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it has found a worker `UP` or `DOWN` by asking it.
    pub(crate) fn wait_for(&self, worker: &str, status: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.status(worker).as_deref() != Some(status) {
            assert!(Instant::now() < deadline, "{worker} is not {status}: {:?}", self.status(worker));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it thinks of a worker; nothing before it has asked.
    fn status(&self, worker: &str) -> Option<String> {
        let mut socket = UnixStream::connect(&self.admin).ok()?;
        socket.write_all(b"show stat\n").ok()?;
        let mut table = String::new();
        socket.read_to_string(&mut table).ok()?;
        let mut lines = table.trim_start_matches("# ").lines().map(|line| line.split(',').collect::<Vec<_>>());
        let names = lines.next()?;
        let column = |name| names.iter().position(|known| *known == name);
        let (server, status, checked) = (column("svname")?, column("status")?, column("check_status")?);
        let line = lines.find(|line| line.get(server) == Some(&worker))?;
        // `INI` before the first check, and a star while one is under way.
        let known = line.get(checked).is_some_and(|checked| checked.trim_start_matches("* ").starts_with('L'));
        known.then(|| line[status].to_owned())
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.admin);
    }
}
