//! The server and both clients, as programs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

/// What both clients say of `SELECT * FROM trips WHERE id <= 25000`.
const SAID: &str =
    "columns: id, origin, destination, minutes, note\n25000 rows in 3 pages\n25000 rows in a stream of 4 batches\n";

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_query-cursor"));
        command.args(["--port", "0", "--trips", "30000"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| Some(line.unwrap().strip_prefix("PORT:")?.to_owned()));
        Self { child, url: format!("http://127.0.0.1:{}", port.expect("the server's port")) }
    }

    /// What a client writes when it is given a query.
    fn answer(&self, mut client: Command, sql: &str) -> String {
        let output = client.args([&self.url, sql, "10000"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rust_client() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pages"))
}

#[test]
fn the_rust_client_reads_pages_and_the_stream() {
    let server = Server::start();
    assert_eq!(server.answer(rust_client(), "SELECT * FROM trips WHERE id <= 25000"), SAID);
}

#[test]
fn a_query_is_read_as_its_values_are() {
    let server = Server::start();
    let said = server.answer(
        rust_client(),
        "SELECT name, count(*) AS trips, avg(minutes) AS minutes, max(note) AS note
         FROM trips JOIN stations ON stations.id = origin GROUP BY name",
    );
    assert_eq!(said, "columns: name, trips, minutes, note\n6 rows in 1 pages\n6 rows in a stream of 1 batches\n");
    let said = server.answer(rust_client(), "SELECT id FROM trips WHERE false");
    assert_eq!(said, "columns: id\n0 rows in 0 pages\n0 rows in a stream of 0 batches\n");
}

#[test]
fn what_sqlite_does_not_understand_is_the_callers_error() {
    let server = Server::start();
    let output = rust_client().args([&server.url, "SELEKT"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("syntax error"), "{said}");
    // Data are read only.
    let output = rust_client().args([&server.url, "DELETE FROM trips"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("readonly"), "{said}");
}

/// Needs a Python with `vgi-rpc[http]`, which `VGI_PYTHON` names.
#[test]
fn the_python_client_reads_pages_and_the_stream() {
    let Some(python) = std::env::var_os("VGI_PYTHON") else {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: the Python client: VGI_PYTHON names none");
        return;
    };
    let server = Server::start();
    let mut client = Command::new(python);
    client.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/pages.py"));
    assert_eq!(server.answer(client, "SELECT * FROM trips WHERE id <= 25000"), SAID);
}
