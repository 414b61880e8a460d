#![allow(unused_imports)]

use tower_vgi::{Result, service};

#[service]
trait Generic<T> {
    async fn add(&self) -> Result<()>;
}

#[service]
trait Clause
where
    Self: Sized,
{
    async fn add(&self) -> Result<()>;
}

#[service]
unsafe trait Unsafe {
    async fn add(&self) -> Result<()>;
}

#[service]
trait Constant {
    const LIMIT: usize;
    async fn add(&self) -> Result<()>;
}

#[service]
struct Calculator;

fn main() {}
