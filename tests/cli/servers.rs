//! Servers of the conformance service.

use std::sync::LazyLock;

use crate::child::Server;
use crate::python::Client;
use crate::release::Release;

/// A server of the conformance service, for all tests of this process. It is no static, so that it ends with the test.
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

/// Ours of each generation, and that of each release that is there.
pub(crate) fn all() -> Vec<Served> {
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

/// The releases that are there.
pub(crate) fn clients() -> &'static [Client] {
    static CLIENTS: LazyLock<Vec<Client>> =
        LazyLock::new(|| Release::ALL.into_iter().filter_map(Client::install).collect());
    &CLIENTS
}
