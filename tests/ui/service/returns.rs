#![allow(unused_imports)]

use tower_vgi::service;

struct Reply;

#[service]
trait Calculator {
    async fn nothing(&self);
    async fn no_result(&self) -> f64;
    async fn alias_without_arguments(&self) -> tower_vgi::Result;
    async fn borrowed(&self) -> tower_vgi::Result<&str>;
    async fn of_self(&self) -> tower_vgi::Result<Option<Self::Number>>;
}

fn main() {}
