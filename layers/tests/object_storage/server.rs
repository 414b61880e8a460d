//! Stores that speak S3 and Azure's protocol, started for a test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_vgi_layers::object_storage::ObjectStorage;
use tower_vgi_layers::object_storage::object_store::aws::{AmazonS3, AmazonS3Builder};
use tower_vgi_layers::object_storage::object_store::azure::MicrosoftAzureBuilder;

/// The account that Azurite has.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) origin: String,
    pub(crate) storage: ObjectStorage,
    /// Whether it tells readers how an object is compressed.
    pub(crate) keeps_codings: bool,
    process: Child,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A bucket is a folder.
pub(crate) async fn s3() -> Option<Server> {
    let program = find("TOWER_VGI_S3S_FS", "s3s-fs")?;
    let (folder, port) = (folder(), free_port());
    std::fs::create_dir_all(folder.join("bucket")).unwrap();
    let mut command = Command::new(program);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--access-key", "key", "--secret-key", "secret"]);
    let process = start(command.arg(&folder), port).await;
    let origin = format!("http://127.0.0.1:{port}");
    let storage = storage(&origin);
    Some(Server { name: "s3s-fs", origin, storage, keeps_codings: false, process, folder })
}

pub(crate) fn storage(origin: &str) -> ObjectStorage {
    ObjectStorage::new(bucket(origin))
}

pub(crate) fn bucket(origin: &str) -> AmazonS3 {
    let builder = AmazonS3Builder::new()
        .with_endpoint(origin)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("bucket")
        .with_access_key_id("key")
        .with_secret_access_key("secret");
    builder.build().unwrap()
}

pub(crate) async fn azurite() -> Option<Server> {
    let program = find("TOWER_VGI_AZURITE", "azurite-blob")?;
    let (folder, port) = (folder(), free_port());
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(program);
    command.args(["--silent", "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
    let process = start(command.arg("--location").arg(&folder), port).await;
    let origin = format!("http://127.0.0.1:{port}");
    let store = MicrosoftAzureBuilder::new()
        .with_endpoint(format!("{origin}/{ACCOUNT}"))
        .with_allow_http(true)
        .with_account(ACCOUNT)
        .with_access_key(KEY)
        .with_container_name("container")
        .build()
        .unwrap();
    create_container(port).await;
    let storage = ObjectStorage::new(store);
    Some(Server { name: "azurite", origin, storage, keeps_codings: true, process, folder })
}

/// The crate `object_store` has no word for it.
async fn create_container(port: u16) {
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    let headers = format!("x-ms-date:{date}\nx-ms-version:2020-10-02\n");
    let signed = format!("PUT{}{headers}/{ACCOUNT}/{ACCOUNT}/container\nrestype:container", "\n".repeat(12));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64.decode(KEY).unwrap());
    let signature = BASE64.encode(hmac::sign(&key, signed.as_bytes()));
    let request = format!(
        "PUT /{ACCOUNT}/container?restype=container HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Length: 0\r\nx-ms-date: {date}\r\nx-ms-version: 2020-10-02\r\n\
         Authorization: SharedKey {ACCOUNT}:{signature}\r\n\r\n"
    );
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

async fn start(command: &mut Command, port: u16) -> Child {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(port).await;
    child
}

pub(crate) async fn wait_for(port: u16) {
    for _ in 0..600 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody listens to {port}");
}

fn folder() -> PathBuf {
    let name = format!("tower-vgi-store-{}-{}", std::process::id(), fastrand::u64(..));
    std::env::temp_dir().join(name)
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn find(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(program) = std::env::var_os(variable) {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program: &PathBuf| Path::is_file(program));
    if found.is_none() {
        let required = std::env::var_os("TOWER_VGI_REQUIRE_INTEROP").is_some_and(|value| value == "1");
        assert!(!required, "there is no {name}");
        eprintln!("skipped: there is no {name}; {variable} can name one");
    }
    found
}
