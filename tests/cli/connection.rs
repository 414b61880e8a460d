//! Headers, prefixes, TLS, capabilities.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use tower_vgi::rpc::RpcService;
use tower_vgi_layers::Stack;
use tower_vgi_layers::serve::{Tls, serve};

use crate::child::{Server, scratch};
use crate::program::{good, run};

/// A server that answers everything alike; what is requested of it.
pub(crate) fn answering(head: &'static str, body: &'static str) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = vec![0; 64 << 10];
            let read = connection.read(&mut request).unwrap();
            let _ = sender.send(String::from_utf8_lossy(&request[..read]).into_owned());
            let _ = write!(connection, "{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    (url, requests)
}

#[test]
fn requests_have_the_headers_and_the_prefix() {
    let (url, requests) = answering("HTTP/1.1 404 Not Found", "");
    let file = scratch("cli").join("headers");
    std::fs::write(&file, "X-Second: 2\n\nX-Third: 3\n").unwrap();
    let from_file = format!("@{}", file.display());
    run(&["describe", &url, "--prefix", "/vgi", "-H", "Authorization: Bearer secret", "-H", &from_file]);
    let request = requests.recv().unwrap();
    assert!(request.starts_with("OPTIONS /vgi/health HTTP/1.1\r\n"), "{request}");
    for header in ["authorization: Bearer secret\r\n", "x-second: 2\r\n", "x-third: 3\r\n"] {
        assert!(request.contains(header), "{request}");
    }
}

#[test]
fn a_mounted_server_is_reached_both_ways() {
    let server = Server::start("conformance_worker", &["--port", "0", "--prefix", "/vgi"]);
    let below = format!("{}/vgi", server.url());
    assert_eq!(good(&["call", &below, "echo_int", "value=1"]), "1\n");
    assert_eq!(good(&["call", &server.url(), "--prefix", "/vgi", "echo_int", "value=1"]), "1\n");
}

#[test]
fn both_forms_of_one_server_are_spoken() {
    let server = Server::start("conformance_worker", &["--port", "0", "--max-request-bytes", "1048576"]);
    for generation in ["flat", "namespaced"] {
        let call = ["call", &server.url(), "--generation", generation, "echo_int", "value=1", "--http2"];
        assert_eq!(good(&call), "1\n");
    }
    let table = good(&["capabilities", &server.url()]);
    assert!(table.contains("\nmax request bytes                1048576\n"), "{table}");
    let json: serde_json::Value =
        serde_json::from_str(&good(&["capabilities", &server.url(), "--format", "json"])).unwrap();
    assert_eq!((&json["max_request_bytes"], &json["max_upload_bytes"]), (&1_048_576.into(), &serde_json::Value::Null));
}

#[test]
fn a_server_says_which_generation_it_speaks() {
    for served in crate::servers::all().iter() {
        let json: serde_json::Value =
            serde_json::from_str(&good(&["capabilities", &served.url(), "--format", "json"])).unwrap();
        assert_eq!(json["generation"], served.generation, "{}", served.name);
    }
}

#[test]
fn an_authority_of_ones_own_is_trusted_when_told() {
    #[tower_vgi::service]
    trait Greeter {
        async fn greet(&self, name: String) -> tower_vgi::Result<String>;
    }

    struct Friendly;

    impl Greeter for Friendly {
        async fn greet(&self, name: String) -> tower_vgi::Result<String> {
            Ok(format!("Hello, {name}!"))
        }
    }

    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = scratch("cli").join("ca.pem");
    std::fs::write(&file, own.cert.pem()).unwrap();
    let tls = Tls::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes()).unwrap();
    let service = RpcService::builder().protocol(GreeterServer::new(Friendly)).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stack = Stack::new(service).unwrap();
    let server = runtime.block_on(serve(stack).tls(tls).signals(false).print_port(false).bind()).unwrap();
    let url = format!("https://localhost:{}", server.local_addr().unwrap().port());
    runtime.spawn(server.run());

    let call = ["call", &url, "greet", "name=Ada"];
    assert_eq!(good(&[&call[..], &["--ca", file.to_str().unwrap()]].concat()), "\"Hello, Ada!\"\n");
    let outcome = run(&call);
    // Where the system has no certificates at all, that is a fault of this side.
    assert!(matches!(outcome.code, Some(2 | 3)), "{outcome:?}");
    assert!(outcome.stderr.contains("certificate"), "{outcome:?}");
}
