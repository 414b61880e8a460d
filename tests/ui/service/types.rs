#![allow(unused_imports)]

use tower_vgi::rpc::{Exchange, Producer};
use tower_vgi::{Result, VgiArrow, service};

#[derive(VgiArrow)]
struct Row {
    value: f64,
}

struct Opaque;

#[service]
trait Parameter {
    async fn store(&self, value: Opaque) -> Result<()>;
}

#[service]
trait Answer {
    async fn load(&self) -> Result<Opaque>;
}

#[service]
trait Rows {
    #[producer(Opaque)]
    type Ticks;
    #[exchange(Row => f64)]
    type Scale;
    async fn ticks(&self) -> Result<Producer<Self::Ticks, Opaque>>;
    async fn scale(&self) -> Result<Exchange<Self::Scale>>;
}

#[service]
trait Default {
    async fn add(&self, #[default("one")] a: f64, #[default(1)] b: f64) -> Result<f64>;
}

fn main() {}
