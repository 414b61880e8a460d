//! Servers of the conformance service.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use crate::child::Server;
use crate::python::Client;
use crate::release::Release;

/// A server of the conformance service.
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) generation: &'static str,
    pub(crate) ours: bool,
    server: Server,
}

impl Served {
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }
}

/// Ours, of one generation.
pub(crate) fn ours(generation: &'static str) -> Served {
    let server = Server::start("conformance_worker", &["--port", "0", "--generation", generation]);
    Served { name: format!("ours, {generation}"), generation, ours: true, server }
}

/// Ours of each generation, and that of each release that is there; shared by the tests that run at the same time. They
/// end with the last of these.
pub(crate) fn all() -> Arc<Vec<Served>> {
    static SHARED: Mutex<Weak<Vec<Served>>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let servers = shared.upgrade().unwrap_or_else(|| Arc::new(start()));
    *shared = Arc::downgrade(&servers);
    servers
}

fn start() -> Vec<Served> {
    let mut servers = vec![ours("flat"), ours("namespaced")];
    servers.extend(clients().iter().map(|client| {
        let generation = if client.release == Release::V0_52_2 { "namespaced" } else { "flat" };
        let name = format!("vgi-rpc {}", client.release.version());
        let mut command = client.python();
        command.args(["-u", "-c", "from vgi_rpc.conformance._cli import main; main()", "--http", "0", "--describe"]);
        Served { server: Server::run(command, "python"), name, generation, ours: false }
    }));
    servers
}

/// A server counts its cancelled streams for all callers: who looks at the counts does it alone.
pub(crate) fn cancel_counts() -> MutexGuard<'static, ()> {
    static COUNTS: Mutex<()> = Mutex::new(());
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The releases that are there.
pub(crate) fn clients() -> &'static [Client] {
    static CLIENTS: LazyLock<Vec<Client>> =
        LazyLock::new(|| Release::ALL.into_iter().filter_map(Client::install).collect());
    &CLIENTS
}
