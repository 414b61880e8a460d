#![allow(unused_imports)]

use tower_vgi::{Result, service};

#[service]
trait Duplicate {
    async fn add(&self) -> Result<()>;
    #[method(name = "add")]
    async fn sum(&self) -> Result<()>;
}

#[service]
trait Malformed {
    #[method(name = "a/b")]
    async fn slash(&self) -> Result<()>;
    #[method(name = "")]
    async fn empty(&self) -> Result<()>;
    #[method(name = "__describe__")]
    async fn reserved(&self) -> Result<()>;
}

fn main() {}
