//! Another protocol behind the flat routes than the primary, for services whose methods have changed since.

use tower_vgi::RpcError;
use tower_vgi::rpc::{Generation, Method, Protocol, RpcService};
use tower_vgi::wire::keys;

use crate::support::{Ask, ask, column, row};

fn service() -> RpcService {
    let new = Protocol::new("Calc").version("2.0.0").method(
        Method::unary("add")
            .parameter::<f64>("left")
            .parameter::<f64>("right")
            .handler(|_, params| async move { Ok(params.get::<f64>(0)? + params.get::<f64>(1)?) }),
    );
    let old = Protocol::new("Calc")
        .version("1.4.0")
        .method(
            Method::unary("add")
                .parameter::<f64>("a")
                .parameter::<f64>("b")
                .handler(|_, params| async move { Ok(params.get::<f64>(0)? + params.get::<f64>(1)?) }),
        )
        .method(
            Method::unary("subtract").handler(|_, _| async { Err::<f64, _>(RpcError::value_error("gone").into()) }),
        );
    RpcService::builder().protocol(new).flat_protocol(old).build().unwrap()
}

#[tokio::test]
async fn each_generation_has_its_own_methods_and_version() {
    let service = service();
    let flat = Ask::unary(Generation::Flat, "add", row([("a", column(1.0)), ("b", column(2.0))]));
    assert_eq!(ask(&service, flat.clone().with(keys::PROTOCOL_VERSION, "1.4.9")).await.result::<f64>(), 3.0);
    let refused = ask(&service, flat.with(keys::PROTOCOL_VERSION, "2.0.0")).await.expect_failure();
    assert_eq!(refused.exception, "ProtocolVersionError");

    let new = Ask::unary(Generation::Namespaced, "add", row([("left", column(1.0)), ("right", column(2.0))]));
    assert_eq!(ask(&service, new.clone().with(keys::PROTOCOL_VERSION, "2.0.1")).await.result::<f64>(), 3.0);
    let refused = ask(&service, new.with(keys::PROTOCOL_VERSION, "1.4.0")).await.expect_failure();
    assert_eq!(refused.exception, "ProtocolVersionError");

    let old = Ask::unary(Generation::Flat, "subtract", row([])).with(keys::PROTOCOL_VERSION, "1.4.0");
    assert_eq!(ask(&service, old).await.expect_failure().message, "gone");
    let unknown = Ask::unary(Generation::Namespaced, "subtract", row([])).with(keys::PROTOCOL_VERSION, "2.0.0");
    assert_eq!(ask(&service, unknown).await.expect_failure().exception, "MethodNotImplementedError");
}

#[tokio::test]
async fn flat_introspection_shows_the_flat_methods() {
    let service = service();
    let answer = ask(&service, Ask::unary(Generation::Flat, "__describe__", row([]))).await;
    assert!(answer.failure().is_none());
    let batches = answer.batches();
    assert_eq!(batches[0].metadata.get_str(keys::PROTOCOL_NAME), Some("Calc"));
    let names = arrow_array::cast::AsArray::as_string::<i32>(batches[0].batch.column_by_name("name").unwrap().as_ref());
    let mut names: Vec<&str> = names.iter().flatten().collect();
    names.sort_unstable();
    assert_eq!(names, ["add", "subtract"]);
    assert_eq!(service.info().protocol, "Calc");
}
