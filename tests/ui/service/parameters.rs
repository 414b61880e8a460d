#![allow(unused_imports)]

use tower_vgi::rpc::CallContext;
use tower_vgi::{Result, service};

#[service]
trait Calculator {
    async fn borrowed(&self, name: &str) -> Result<()>;
    async fn borrowed_within(&self, names: Vec<&'static str>) -> Result<()>;
    async fn pattern(&self, (a, b): (i64, i64)) -> Result<()>;
    async fn wildcard(&self, _: i64) -> Result<()>;
    async fn mutable(&self, mut a: i64) -> Result<()>;
    async fn of_self(&self, a: Self::Number) -> Result<()>;
    async fn context_by_value(&self, context: CallContext) -> Result<()>;
    async fn context_mutable(&self, context: &mut CallContext) -> Result<()>;
    async fn context_twice(&self, first: &CallContext, second: &CallContext) -> Result<()>;
    async fn context_with_default(&self, #[default(1)] context: &CallContext) -> Result<()>;
    async fn default_without_value(&self, #[default] a: i64) -> Result<()>;
    async fn default_twice(&self, #[default(1)] #[default(2)] a: i64) -> Result<()>;
    async fn unknown_attribute(&self, #[serde(default)] a: i64) -> Result<()>;
}

fn main() {}
