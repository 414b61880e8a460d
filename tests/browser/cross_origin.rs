//! A page of another origin calls, and reads everything that is meant for it.

use std::convert::Infallible;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tower::{ServiceBuilder, service_fn};
use tower_vgi::wire::{BatchKind, Decoder, Limits, Metadata, encode_batch, keys};
use tower_vgi::{Body, Capabilities, VgiArrow};
use tower_vgi_layers::capabilities::CapabilitiesLayer;
use tower_vgi_layers::compression::CompressionLayer;
use tower_vgi_layers::cors::{AllowOrigin, CorsLayer};
use tower_vgi_layers::health::HealthLayer;
use tower_vgi_layers::limit::RequestLimitLayer;
use tower_vgi_layers::pages::PagesLayer;
use tower_vgi_layers::request_id::RequestIdLayer;

use crate::node::Browser;
use crate::service::{Server, service};

#[test]
fn a_page_of_another_origin_calls_and_reads_what_is_exposed() {
    let Some(browser) = Browser::find("cross_origin.mjs") else { return };
    let page = page();
    let (server, capabilities) = callable_from(&page.url());

    let add = call("add", [("a", 1.0.to_parameter().unwrap()), ("b", 2.0.to_parameter().unwrap())]);
    let calls = json!([add, call("broken", [])]).to_string();
    let variables = [("TOWER_VGI_BROWSER_PAGE", &*page.url()), ("TOWER_VGI_BROWSER_CALLS", &*calls)];
    let output = browser.run("cross_origin.mjs", &server.url(), &variables);
    let answers: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    let [sum, failure] = answers.as_array().unwrap().as_slice() else { panic!("{answers}") };

    for answer in [sum, failure] {
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["headers"]["x-request-id"], "from-a-page");
        assert!(capabilities.headers().len() >= 4, "{capabilities:?}");
        for (name, value) in capabilities.headers() {
            assert_eq!(answer["headers"][name.as_str()], value.to_str().unwrap(), "{name}: {answer}");
        }
    }
    assert_eq!(result(sum), Ok(3.0));
    assert_eq!(sum["headers"]["x-vgi-rpc-error"], Value::Null);
    assert_eq!(failure["headers"]["x-vgi-rpc-error"], "true");
    assert_eq!(result(failure), Err("ValueError: nothing works".to_owned()));
}

/// The service with the layers of a deployment, for pages of one origin.
fn callable_from(origin: &str) -> (Server, Capabilities) {
    let service = service();
    let request_id = RequestIdLayer::new();
    let limit = RequestLimitLayer::new(1 << 20).unwrap();
    let compression = CompressionLayer::new();
    let capabilities = Capabilities::new().with(&request_id).with(&service).with(&limit).with(&compression);
    let cors = CorsLayer::new(AllowOrigin::list([origin]).unwrap(), &capabilities);
    let info = service.info();
    let stack = ServiceBuilder::new()
        .layer(request_id)
        .layer(CapabilitiesLayer::new(capabilities.clone()))
        .layer(cors)
        .layer(HealthLayer::new(info.clone()))
        .layer(limit)
        .layer(compression)
        .layer(PagesLayer::new(info))
        .service(service);
    (Server::start(stack), capabilities)
}

/// Another server, with a page that has no policy of its own.
fn page() -> Server {
    Server::start(service_fn(async |_: Request<Incoming>| {
        let page = "<!doctype html><html lang=\"en\"><title>Elsewhere</title><link rel=\"icon\" href=\"data:,\">";
        let mut response = Response::new(Body::from(page));
        response.headers_mut().insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
        Ok::<_, Infallible>(response)
    }))
}

/// A call as the page sends it.
fn call<const N: usize>(method: &str, parameters: [(&str, ArrayRef); N]) -> Value {
    let fields: Vec<Field> =
        parameters.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), false)).collect();
    let arrays = parameters.into_iter().map(|(_, array)| array).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap();
    let metadata = Metadata::from_iter([
        (keys::METHOD, method),
        (keys::REQUEST_VERSION, "1"),
        (keys::PROTOCOL, "Warehouse"),
        (keys::PROTOCOL_VERSION, "1.4.0"),
    ]);
    json!({ "path": format!("/Warehouse/{method}"), "body": STANDARD.encode(encode_batch(&batch, &metadata).unwrap()) })
}

/// What an answer says: the result, or the text of the error.
fn result(answer: &Value) -> Result<f64, String> {
    let body = STANDARD.decode(answer["body"].as_str().unwrap()).unwrap();
    let mut decoder = Decoder::new(bytes::Bytes::from(body).into(), Limits::default());
    decoder.next_stream().unwrap().unwrap();
    let batch = decoder.next_batch().unwrap().unwrap();
    match batch.kind() {
        BatchKind::Error { .. } => Err(batch.metadata.get_str(keys::LOG_MESSAGE).unwrap().to_owned()),
        _ => Ok(f64::from_parameter(batch.batch.column(0).as_ref(), 0).unwrap()),
    }
}
