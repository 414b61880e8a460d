//! The proxies, as Debian has them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::authority::Authority;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
}

/// A proxy that runs until it is dropped.
pub(crate) struct Proxy {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Kind {
    /// Those that are here; of the others a line tells.
    pub(crate) fn installed() -> impl Iterator<Item = Self> {
        [Self::Nginx, Self::HaProxy].into_iter().filter(|kind| {
            let found = kind.program().is_some();
            if !found {
                let required = std::env::var_os("TOWER_VGI_REQUIRE_INTEROP").is_some_and(|value| value == "1");
                assert!(!required, "{kind:?} is not installed");
                println!("SKIPPED: {kind:?} is not installed");
            }
            found
        })
    }

    /// Debian has them where only administrators look.
    fn program(self) -> Option<PathBuf> {
        let name = match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        folders.map(|folder| folder.join(name)).find(|program| program.is_file())
    }

    fn command(self, folder: &Path, port: u16, backend: SocketAddr) -> Command {
        let mut command = Command::new(self.program().unwrap());
        let at = folder.display();
        match self {
            Self::Nginx => {
                let configuration = format!(
                    "daemon off; master_process off; pid {at}/pid; error_log stderr; events {{}}
                    http {{
                      access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
                      fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
                      server {{
                        listen 127.0.0.1:{port} ssl http2;
                        ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.pem;
                        ssl_client_certificate {at}/authority.pem; ssl_verify_client optional;
                        location / {{
                          proxy_pass http://{backend}; proxy_http_version 1.1;
                          proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;
                        }}
                      }}
                    }}"
                );
                fs::write(folder.join("nginx.conf"), configuration).unwrap();
                command.arg("-e").arg("stderr").arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
            }
            Self::HaProxy => {
                let configuration = format!(
                    "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
                     frontend tls\n  bind 127.0.0.1:{port} ssl crt {at}/server.pem ca-file {at}/authority.pem verify optional alpn h2,http/1.1\n  \
                     http-request del-header X-SSL-Client-Cert\n  \
                     http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64] if {{ ssl_c_used }}\n  \
                     default_backend server\n\
                     backend server\n  server one {backend}\n"
                );
                fs::write(folder.join("haproxy.cfg"), configuration).unwrap();
                command.arg("-db").arg("-f").arg(folder.join("haproxy.cfg"));
            }
        }
        command
    }
}

impl Proxy {
    /// Starts a proxy in front of `backend` and waits until it listens.
    pub(crate) async fn start(kind: Kind, authority: &Authority, backend: SocketAddr) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reverse-proxy-{unique}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
        fs::write(folder.join("server.pem"), authority.sign("server").pem()).unwrap();
        // Neither takes a socket that somebody else has bound; another one may come first, and then another port helps.
        for _ in 0..5 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let log = fs::File::create(folder.join("log")).unwrap();
            let mut command = kind.command(&folder, port, backend);
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
            let child = command.spawn().unwrap();
            let mut proxy = Self { child, port, folder: folder.clone() };
            if proxy.listens().await {
                return proxy;
            }
            // Its folder is needed once more.
            proxy.folder = PathBuf::new();
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("{kind:?} does not listen:\n{log}");
    }

    async fn listens(&mut self) -> bool {
        for _ in 0..200 {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.folder.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
