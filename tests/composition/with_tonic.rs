//! `examples/tonic.rs`.

#[allow(dead_code, unreachable_pub)]
#[path = "../../examples/tonic.rs"]
mod example;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::socket::{Socket, listen};

#[tokio::test]
async fn grpc_and_arrow_rpc_share_a_port() {
    let (listener, address) = listen().await;
    let app = example::app().await.unwrap();
    let serving = tokio::spawn(axum::serve(listener, app).into_future());

    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut grpc = HealthClient::with_origin(client, format!("http://{address}").parse().unwrap());
    let request = HealthCheckRequest { service: "greeter".to_owned() };
    let answer = grpc.check(request).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);

    crate::greets(Socket::http1(address, "/vgi")).await;
    crate::greets(Socket::http2(address, "/vgi")).await;
    serving.abort();
}
