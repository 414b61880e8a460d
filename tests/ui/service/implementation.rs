#![allow(unused_imports)]

use std::rc::Rc;

use tower_vgi::rpc::Producer;
use tower_vgi::{Result, service};

#[service]
trait Calculator {
    #[producer]
    type Countdown;
    async fn add(&self, a: f64) -> Result<f64>;
    async fn countdown(&self) -> Result<Producer<Self::Countdown>>;
}

struct NotSend;

impl Calculator for NotSend {
    type Countdown = Rc<i64>;

    async fn add(&self, a: f64) -> Result<f64> {
        let shared = Rc::new(a);
        std::future::ready(()).await;
        Ok(*shared)
    }

    async fn countdown(&self) -> Result<Producer<Rc<i64>>> {
        todo!()
    }
}

struct NotAService;

fn serve() {
    CalculatorServer::new(NotAService);
    CalculatorServer::new(NotSend).layer(NotAService);
}

fn main() {}
