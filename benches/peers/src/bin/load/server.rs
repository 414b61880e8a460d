//! [`Server`]: a line of `servers.tsv`, and [`Target`]: how to call it once it runs.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use arrow_array::RecordBatch;
use bytes::Bytes;
use http::HeaderValue;
use peers::{PROTOCOL, Template, keys};

/// One server of the comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) offers: Offers,
    prefix: String,
    pub(crate) command: String,
    /// The `Authorization` of every call over HTTP.
    authorization: Option<HeaderValue>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dialect {
    Http,
    Flight,
}

/// What not every server can do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Offers {
    /// A producer's batches, each in a response of its own.
    pub(crate) lock_step: bool,
    /// A producer's batches in one response.
    pub(crate) streamed: bool,
    /// Bodies compressed with zstd.
    pub(crate) zstd: bool,
}

impl Server {
    pub(crate) fn read(path: &Path) -> Result<Vec<Self>> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines.map(|line| Self::parse(line).with_context(|| format!("{}: {line}", path.display()))).collect()
    }

    fn parse(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let (fields, authorization) = match fields[..] {
            [.., authorization] if fields.len() == 6 => (&fields[..5], Some(authorization.parse()?)),
            _ => (&fields[..], None),
        };
        let &[name, dialect, offers, prefix, command] = fields else {
            bail!("{} fields with tabs between, not 5 or 6", fields.len());
        };
        let dialect = match dialect {
            "http" => Dialect::Http,
            "flight" => Dialect::Flight,
            other => bail!("no dialect {other}: http or flight"),
        };
        let prefix = prefix.trim_end_matches('/').to_owned();
        Ok(Self {
            name: name.to_owned(),
            dialect,
            offers: Offers::parse(offers)?,
            prefix,
            command: command.to_owned(),
            authorization,
        })
    }

    pub(crate) fn target(&self, address: SocketAddr) -> Target {
        let (prefix, authorization) = (self.prefix.clone(), self.authorization.clone());
        Target { dialect: self.dialect, offers: self.offers, prefix, authorization, address }
    }
}

impl Offers {
    fn parse(text: &str) -> Result<Self> {
        let mut offers = Self::default();
        for word in text.split(',') {
            match word.trim() {
                "lock-step" => offers.lock_step = true,
                "streamed" => offers.streamed = true,
                "zstd" => offers.zstd = true,
                other => bail!("nothing called {other} can be offered: lock-step, streamed, zstd"),
            }
        }
        Ok(offers)
    }
}

/// A server that runs.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) dialect: Dialect,
    pub(crate) offers: Offers,
    pub(crate) address: SocketAddr,
    pub(crate) authorization: Option<HeaderValue>,
    prefix: String,
}

impl Target {
    /// The path of a method's endpoint: `add`, `scale/init`.
    pub(crate) fn path(&self, endpoint: &str) -> String {
        format!("{}/{PROTOCOL}/{endpoint}", self.prefix)
    }

    /// The body that calls `method`.
    pub(crate) fn body(&self, method: &str, parameters: &RecordBatch) -> Result<Bytes> {
        let template = Template::new(parameters)?;
        let stream = match self.dialect {
            Dialect::Flight => template.stream(&[]),
            Dialect::Http => {
                template.stream(&[(keys::METHOD, method), (keys::REQUEST_VERSION, "1"), (keys::PROTOCOL, PROTOCOL)])
            }
        };
        Ok(stream?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_beside_this_crate_can_be_read() {
        let servers = Server::read(Path::new("servers.tsv")).unwrap();
        assert!(servers.iter().any(|server| server.name == "ours" && server.offers.streamed));
        assert!(servers.iter().any(|server| server.dialect == Dialect::Flight && !server.offers.lock_step));
        let layers = Server::read(Path::new("layers.tsv")).unwrap();
        assert!(layers[0].authorization.is_none());
        assert!(layers.iter().any(|server| server.authorization.is_some()));
    }

    #[test]
    fn paths_have_the_prefix_and_the_protocol() {
        let server = Server::parse("name\thttp\tzstd\t/vgi/\tserver $PORT").unwrap();
        assert_eq!(server.target(([127, 0, 0, 1], 1).into()).path("scale/init"), "/vgi/Bench/scale/init");
        let server = Server::parse("name\thttp\tzstd\t/\tserver $PORT").unwrap();
        assert_eq!(server.target(([127, 0, 0, 1], 1).into()).path("add"), "/Bench/add");
    }

    #[test]
    fn a_bad_line_says_why() {
        assert!(Server::parse("name\thttp").unwrap_err().to_string().contains("2 fields"));
        assert!(Server::parse("name\tftp\tzstd\t/\tx").unwrap_err().to_string().contains("ftp"));
        assert!(Server::parse("name\thttp\tgzip\t/\tx").unwrap_err().to_string().contains("gzip"));
    }
}
