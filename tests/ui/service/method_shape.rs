#![allow(unused_imports)]

use tower_vgi::{Result, service};

#[service]
trait Calculator {
    async fn by_value(self) -> Result<()>;
    async fn by_mutable_reference(&mut self) -> Result<()>;
    async fn without_receiver() -> Result<()>;
    async fn generic<T: Send>(&self, value: T) -> Result<()>;
    async fn with_lifetime<'a>(&'a self) -> Result<()>;
    async fn with_clause(&self) -> Result<()>
    where
        Self: Sized;
    async unsafe fn dangerous(&self) -> Result<()>;
    fn plain(&self) -> Result<()>;
    #[blocking]
    async fn both(&self) -> Result<()>;
    #[blocking(true)]
    fn blocking_with_argument(&self) -> Result<()>;
    #[default(1.0)]
    async fn misplaced_default(&self) -> Result<()>;
    #[method(title = "add")]
    async fn unknown_option(&self) -> Result<()>;
}

fn main() {}
