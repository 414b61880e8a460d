#![allow(unused_imports)]

use tower_vgi::{Result, service};

#[service(name = "1.Calculator")]
trait BadName {
    async fn add(&self) -> Result<()>;
}

#[service(name = "vgi_rpc.Calculator")]
trait ReservedName {
    async fn add(&self) -> Result<()>;
}

#[service(version = "1.2")]
trait BadVersion {
    async fn add(&self) -> Result<()>;
}

#[service(version = "1.02.3")]
trait PaddedVersion {
    async fn add(&self) -> Result<()>;
}

#[service(title = "Calculator")]
trait UnknownArgument {
    async fn add(&self) -> Result<()>;
}

#[service(name = "A", name = "B")]
trait NameTwice {
    async fn add(&self) -> Result<()>;
}

#[service]
trait Zähler {
    async fn add(&self) -> Result<()>;
}

fn main() {}
