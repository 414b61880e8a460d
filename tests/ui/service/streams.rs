#![allow(unused_imports)]

use tower_vgi::rpc::{Exchange, Producer};
use tower_vgi::{Result, VgiArrow, service};

#[derive(VgiArrow)]
struct Row {
    value: f64,
}

struct Countdown;

#[service]
trait WithoutState {
    async fn countdown(&self) -> Result<Producer<Countdown>>;
    async fn scale(&self) -> Result<Exchange<(), Row>>;
    async fn bare(&self) -> Result<Producer>;
}

#[service]
trait UndeclaredState {
    async fn countdown(&self) -> Result<Producer<Self::Countdown>>;
    async fn scale(&self) -> Result<Exchange<Self::Scale>>;
}

#[service]
trait OtherKind {
    #[producer(Row)]
    type Countdown;
    #[exchange(Row => Row)]
    type Scale;
    async fn countdown(&self) -> Result<Exchange<Self::Countdown>>;
    async fn scale(&self) -> Result<Producer<Self::Scale>>;
}

#[service]
trait UnusedState {
    #[producer(Row)]
    type Countdown;
    async fn add(&self) -> Result<f64>;
}

#[service]
trait BadState {
    type Plain;
    #[producer]
    #[exchange]
    type Both;
    #[producer = "Row"]
    type Equals;
    #[exchange(Row)]
    type OneSided;
    #[producer]
    type Generic<T>;
}

#[service]
trait AttributeOnMethod {
    #[producer(Row)]
    async fn countdown(&self) -> Result<f64>;
}

fn main() {}
