//! The layer's decoding and encoding against zstd's own.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_vgi::Body;
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi_layers::compression::{CompressionLayer, RequestBody};
use zstd::zstd_safe::{CCtx, CParameter, DCtx};

use crate::{bodies, cpu, median};

const ROUNDS: usize = 31;

pub(crate) fn run() {
    println!("echo through the layer: CPU time per call, median of {ROUNDS} interleaved rounds, level 1");
    println!("{:>10} {:>10} {:>12} {:>12} {:>12} {:>7}", "plain", "zstd", "bare", "one frame", "core frames", "ratio");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for size in [1 << 10, 64 << 10, 1 << 20, 16 << 20] {
        runtime.block_on(measure(size));
    }
}

async fn measure(size: usize) {
    let frames = bodies::frames(&bodies::table(size));
    let plain = Bytes::from(frames.concat());
    let compressed = Bytes::from(zstd::bulk::compress(&plain, 1).unwrap());
    let calls = ((8 << 20) / size).clamp(1, 2000);
    let mut bare = Bare::new(&plain);
    let [mut bare_times, mut one_times, mut core_times] = [(); 3].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        bare_times.push(time(calls, async || bare.echo(&compressed)).await);
        one_times.push(time(calls, async || echo(vec![plain.clone()], &compressed).await).await);
        core_times.push(time(calls, async || echo(frames.clone(), &compressed).await).await);
    }
    let (bare, one, core) = (median(&mut bare_times), median(&mut one_times), median(&mut core_times));
    let ratio = core.as_secs_f64() / bare.as_secs_f64();
    println!("{:>10} {:>10} {:>12?} {:>12?} {:>12?} {ratio:>7.2}", plain.len(), compressed.len(), bare, one, core);
}

async fn time(calls: usize, mut call: impl AsyncFnMut()) -> Duration {
    let start = cpu();
    for _ in 0..calls {
        call().await;
    }
    (cpu() - start) / u32::try_from(calls).unwrap()
}

/// One-shot zstd with contexts and buffers that are used again.
struct Bare {
    decompressor: DCtx<'static>,
    compressor: CCtx<'static>,
    plain: Vec<u8>,
    compressed: Vec<u8>,
}

impl Bare {
    fn new(plain: &[u8]) -> Self {
        let mut compressor = CCtx::create();
        compressor.set_parameter(CParameter::CompressionLevel(1)).unwrap();
        let bound = zstd::zstd_safe::compress_bound(plain.len());
        let (plain, compressed) = (Vec::with_capacity(plain.len()), Vec::with_capacity(bound));
        Self { decompressor: DCtx::create(), compressor, plain, compressed }
    }

    fn echo(&mut self, compressed: &[u8]) {
        self.plain.clear();
        self.decompressor.decompress(&mut self.plain, compressed).unwrap();
        self.compressed.clear();
        self.compressor.compress2(&mut self.compressed, &self.plain).unwrap();
        black_box(&self.compressed);
    }
}

/// A request whose body is `compressed`, answered with `frames`.
async fn echo(frames: Vec<Bytes>, compressed: &Bytes) {
    thread_local! {
        static LAYER: Compressed = layered();
    }
    let service = LAYER.with(Clone::clone);
    let mut request = Request::new(Body::from(compressed.clone()));
    request.headers_mut().insert("content-encoding", http::HeaderValue::from_static("zstd"));
    request.headers_mut().insert("accept-encoding", http::HeaderValue::from_static("zstd, gzip"));
    request.extensions_mut().insert(frames);
    let response = service.oneshot(request).await.unwrap();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        black_box(frame.unwrap());
    }
}

type Compressed = tower::util::BoxCloneService<Request<Body>, Response<Body>, Infallible>;

fn layered() -> Compressed {
    let service = CompressionLayer::new().layer(service_fn(async |mut request: Request<RequestBody<Body>>| {
        let frames: Vec<Bytes> = request.extensions_mut().remove().unwrap();
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            black_box(frame.unwrap());
        }
        let mut response = Response::new(Body::from_frames(frames));
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(ARROW_STREAM));
        Ok::<_, Infallible>(response)
    }));
    boxed(service)
}

fn boxed<S, B>(service: S) -> Compressed
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Into<Body> + 'static,
{
    Compressed::new(service.map_response(|response: Response<B>| response.map(Into::into)))
}
