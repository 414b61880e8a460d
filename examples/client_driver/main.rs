//! Lets the conformance suite of the reference drive this client: a line of JSON on standard input says what to do, and
//! one on standard output what came of it. The contract is the client-driver control protocol of vgi-rpc 0.52.2, of
//! which this is the part for HTTP.
//!
//! `VGI_CLIENT_DRIVER=target/debug/examples/client_driver` names it to the suite.

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::connection::Connected;

mod connection;
mod describe;
mod relay;

/// A request or a response of the control protocol.
type Object = Map<String, Value>;

/// Why an instruction was not carried out at all. What a call meets with is no such error.
type Refusal = String;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut connected = None;
    for line in input.lines() {
        let Ok(line) = line else { break };
        let (response, ends) = match serde_json::from_str::<Object>(&line) {
            Ok(request) => {
                let ends = request.get("op").is_some_and(|op| op == "shutdown");
                (answer(&mut connected, &request).await, ends)
            }
            Err(error) => (Err(format!("no JSON object: {error}")), false),
        };
        let response = match response {
            Ok(mut response) => {
                response.insert("ok".to_owned(), true.into());
                response
            }
            Err(refusal) => object(json!({"ok": false, "error": refusal})),
        };
        if writeln!(output, "{}", Value::Object(response)).and_then(|()| output.flush()).is_err() || ends {
            break;
        }
    }
    if let Some(connected) = connected {
        connected.close().await;
    }
    ExitCode::SUCCESS
}

async fn answer(connected: &mut Option<Connected>, request: &Object) -> Result<Object, Refusal> {
    let op = request.get("op").and_then(Value::as_str).ok_or("there is no 'op'")?;
    match (op, connected) {
        ("connect", connected @ None) => {
            *connected = Some(Connected::new(request)?);
            Ok(Object::new())
        }
        ("connect", Some(_)) => Err("there is a connection already".to_owned()),
        ("shutdown", connected) => {
            if let Some(connected) = connected.take() {
                connected.close().await;
            }
            Ok(Object::new())
        }
        (_, None) => Err("there is no connection yet".to_owned()),
        (op, Some(connected)) => {
            let mut response = connected.carry_out(op, request).await?;
            response.insert("logs".to_owned(), connected.logs().into());
            Ok(response)
        }
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
