//! Whatever is called, and whichever way: the result is what the method itself gives.

use proptest::prelude::*;
use tower_vgi::client::UseDefault;

use crate::calculator::{Arithmetic, Calculator as _, Point, Row};
use crate::ways::clients;

#[derive(Clone, Debug)]
enum Call {
    Add(f64, Option<f64>),
    Greet(String, Option<String>),
    Mirror(f64, f64, Option<(f64, f64)>),
    Parse(String),
    Divide(i64, i64),
    Countdown(i64),
    Scale(f64, Vec<Vec<f64>>),
}

fn call() -> impl Strategy<Value = Call> {
    let number = -1e9..1e9_f64;
    prop_oneof![
        (number.clone(), prop::option::of(number.clone())).prop_map(|(a, b)| Call::Add(a, b)),
        (".{0,2000}", prop::option::of(".{0,20}")).prop_map(|(name, title)| Call::Greet(name, title)),
        (number.clone(), number.clone(), prop::option::of((number.clone(), number.clone())))
            .prop_map(|(x, y, other)| Call::Mirror(x, y, other)),
        "-?[0-9]{0,3}[a-z]?".prop_map(Call::Parse),
        (any::<i64>(), -1..3_i64).prop_map(|(a, b)| Call::Divide(a, b)),
        (0..80_i64).prop_map(Call::Countdown),
        (number.clone(), prop::collection::vec(prop::collection::vec(number, 0..4), 0..3))
            .prop_map(|(factor, batches)| Call::Scale(factor, batches)),
    ]
}

/// What comes of a call, in a form that can be compared.
async fn by_proxy(
    client: &crate::calculator::CalculatorClient<crate::ways::Any>,
    call: &Call,
) -> Result<String, String> {
    let result = match call.clone() {
        Call::Add(a, None) => client.add(a, UseDefault).await.map(|sum| format!("{sum:?}")),
        Call::Add(a, Some(b)) => client.add(a, b).await.map(|sum| format!("{sum:?}")),
        Call::Greet(name, title) => client.greet(name, title).await,
        Call::Mirror(x, y, other) => {
            let other = other.map(|(x, y)| Point { x, y });
            client.mirror_point(Point { x, y }, other).await.map(|point| format!("{point:?}"))
        }
        Call::Parse(text) => client.parse(text).await.map(|number| number.to_string()),
        Call::Divide(a, b) => client.divide(a, b).await.map(|number| number.to_string()),
        Call::Countdown(n) => match client.countdown(n).await {
            Ok(rows) => {
                rows.collect().await.map(|rows| format!("{:?}", rows.iter().map(|row| row.left).collect::<Vec<_>>()))
            }
            Err(error) => Err(error),
        },
        Call::Scale(factor, batches) => {
            let mut scale = client.scale(factor).await.map_err(|error| error.to_string())?;
            let mut answers = Vec::new();
            for batch in batches {
                let rows: Vec<Row> = batch.into_iter().map(|value| Row { value }).collect();
                let answer = scale.exchange(&rows).await.map_err(|error| error.to_string())?;
                answers.push(answer.iter().map(|row| row.value).collect::<Vec<_>>());
            }
            Ok(format!("{answers:?}"))
        }
    };
    result.map_err(|error| error.to_string())
}

/// The same without a client: the implementation is called.
async fn directly(call: &Call) -> Result<String, String> {
    let this = Arithmetic;
    let result = match call.clone() {
        Call::Add(a, b) => this.add(a, b.unwrap_or(1.0)).await.map(|sum| format!("{sum:?}")),
        Call::Greet(name, title) => this.greet(name, title).await,
        Call::Mirror(x, y, other) => {
            let other = other.map(|(x, y)| Point { x, y });
            this.mirror_point(Point { x, y }, other).await.map(|point| format!("{point:?}"))
        }
        Call::Parse(text) => this.parse(text).await.map(|number| number.to_string()),
        Call::Divide(a, b) => {
            return this.divide(a, b).await.map(|number| number.to_string()).map_err(|e| e.to_string());
        }
        Call::Countdown(n) => Ok(format!("{:?}", (0..n).rev().collect::<Vec<_>>())),
        Call::Scale(factor, batches) => {
            let scaled: Vec<Vec<f64>> =
                batches.iter().map(|batch| batch.iter().map(|value| value * factor).collect()).collect();
            Ok(format!("{scaled:?}"))
        }
    };
    result.map_err(|error| error.into_rpc_error().to_string())
}

#[test]
fn the_way_makes_no_difference() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clients = runtime.block_on(clients());
    proptest!(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() }, |(call in call())| {
        runtime.block_on(async {
            let expected = directly(&call).await;
            for (way, client) in &clients {
                prop_assert_eq!(by_proxy(client, &call).await, expected.clone(), "{}", way);
            }
            Ok(())
        })?;
    });
}
