//! Layers of your own around decoded calls: around all of them, around one protocol, around one method.
//!
//! ```sh
//! cargo run --example call_layers
//! ```
//!
//! A call layer is a plain tower layer over `Service<Call, Response = Reply>`. It knows which method is called by whom,
//! and works for every caller of either wire generation. Middleware of others, such as tower's `TimeoutLayer`, fits as
//! well. The order, outermost first, is that of the service, of the protocol, of the method:
//!
//! ```text
//! Timing ─ all calls ▶ RequireScope("read") ─ the protocol ▶ RequireScope("write") ─ `set` only ▶ the method
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use http::{Request, header};
use http_body_util::BodyExt as _;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceExt as _};
use tower_vgi::rpc::{ARROW_STREAM, Call, Reply, RpcService};
use tower_vgi::wire::{AnnotatedBatch, BatchKind, Limits, Metadata, decode_batch, encode_batch, keys};
use tower_vgi::{AuthContext, Body, BoxError, ErrorCode, Result, RpcError, VgiArrow as _};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One number that everybody shares.
#[tower_vgi::service]
trait Counter {
    /// What it is now.
    async fn get(&self) -> Result<i64>;
    /// What it shall be.
    async fn set(&self, value: i64) -> Result<()>;
}

#[derive(Default)]
struct Shared(AtomicI64);

impl Counter for Shared {
    async fn get(&self) -> Result<i64> {
        Ok(self.0.load(Ordering::SeqCst))
    }

    async fn set(&self, value: i64) -> Result<()> {
        self.0.store(value, Ordering::SeqCst);
        Ok(())
    }
}

/// Measures how long each call takes until its answer begins.
#[derive(Clone, Default)]
struct Timing {
    measured: Arc<Mutex<Vec<(String, Duration)>>>,
}

impl<S> Layer<S> for Timing {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, timing: self.clone() }
    }
}

#[derive(Clone)]
struct Timed<S> {
    inner: S,
    timing: Timing,
}

impl<S> Service<Call> for Timed<S>
where
    S: Service<Call, Response = Reply, Future: Send + 'static>,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = BoxFuture<Result<Reply, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let name = format!("{}/{}", call.protocol(), call.method().name);
        let measured = self.timing.measured.clone();
        let started = Instant::now();
        let answer = self.inner.call(call);
        Box::pin(async move {
            let answer = answer.await;
            if let Ok(mut measured) = measured.lock() {
                measured.push((name, started.elapsed()));
            }
            answer
        })
    }
}

/// Lets only those callers pass whose claim `scope` has a word.
#[derive(Clone)]
struct RequireScope(&'static str);

impl<S> Layer<S> for RequireScope {
    type Service = Scoped<S>;

    fn layer(&self, inner: S) -> Scoped<S> {
        Scoped { inner, scope: self.0 }
    }
}

#[derive(Clone)]
struct Scoped<S> {
    inner: S,
    scope: &'static str,
}

impl<S> Service<Call> for Scoped<S>
where
    S: Service<Call, Response = Reply, Error = BoxError, Future: Send + 'static>,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = BoxFuture<Result<Reply, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let scopes = call.auth().and_then(|auth| auth.claims.get("scope")?.as_str()).unwrap_or_default();
        if scopes.split(' ').any(|scope| scope == self.scope) {
            return Box::pin(self.inner.call(call));
        }
        // An `RpcError` reaches the caller as it is; Python raises the built-in of this name.
        let text = format!("{} needs the scope '{}'", call.method().name, self.scope);
        let refused = RpcError::new("PermissionError", text).with_code(ErrorCode::PermissionDenied);
        Box::pin(std::future::ready(Err(refused.into())))
    }
}

fn build(timing: Timing) -> Result<RpcService, BoxError> {
    let counter = CounterServer::new(Shared::default())
        .layer(RequireScope("read"))
        .method_layer("set", RequireScope("write"))
        .method_layer("set", TimeoutLayer::new(Duration::from_secs(5)));
    Ok(RpcService::builder().layer(timing).protocol(counter).build()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let timing = Timing::default();
    let service = build(timing.clone())?;

    let nobody = call(&service, "get", None, "").await?;
    assert_eq!(error_of(&nobody).as_deref(), Some("PermissionError: get needs the scope 'read'"));

    let reader = call(&service, "get", None, "read").await?;
    assert_eq!(error_of(&reader), None);
    let reader = call(&service, "set", Some(7), "read").await?;
    assert_eq!(error_of(&reader).as_deref(), Some("PermissionError: set needs the scope 'write'"));

    let writer = call(&service, "set", Some(7), "read write").await?;
    assert_eq!(error_of(&writer), None);
    let answer = call(&service, "get", None, "read write").await?;
    assert_eq!(i64::from_parameter(answer.batch.column(0), 0)?, 7);

    // The timing layer is outside of the others, so that it also saw the calls that they refused.
    let measured = timing.measured.lock().map_err(|_| "a layer panicked")?;
    let names: Vec<&str> = measured.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Counter/get", "Counter/get", "Counter/set", "Counter/set", "Counter/get"]);
    for (name, duration) in measured.iter() {
        println!("{name}: {duration:?}");
    }
    Ok(())
}

/// Calls a method without a socket: a request as an authentication layer would pass it on, and its answer.
async fn call(service: &RpcService, method: &str, value: Option<i64>, scope: &str) -> Result<AnnotatedBatch, BoxError> {
    let parameters = match value {
        Some(value) => RecordBatch::try_from_iter([("value", Arc::new(Int64Array::from(vec![value])) as ArrayRef)])?,
        None => {
            let one_row = RecordBatchOptions::new().with_row_count(Some(1));
            RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one_row)?
        }
    };
    let metadata =
        Metadata::from_iter([(keys::METHOD, method), (keys::REQUEST_VERSION, "1"), (keys::PROTOCOL, "Counter")]);
    let request = Request::post(format!("/Counter/{method}"))
        .header(header::CONTENT_TYPE, ARROW_STREAM)
        .extension(AuthContext::authenticated("example", "somebody").with_claim("scope", scope))
        .body(Body::from(encode_batch(&parameters, &metadata)?))?;
    let body = service.clone().oneshot(request).await?.into_body().collect().await?.to_bytes();
    Ok(decode_batch(body.into(), Limits::default())?)
}

/// The error that an answer carries, if it is one.
fn error_of(answer: &AnnotatedBatch) -> Option<String> {
    match answer.kind() {
        BatchKind::Error { message } => Some(message.into_owned()),
        _ => None,
    }
}
