//! A store over HTTP in this process, which does as it is told: also what no store should.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tower::service_fn;
use tower_vgi::external::{Object, ObjectId, Storage, UploadUrl, UploadUrls};
use tower_vgi::{Body, BoxError};

/// What the store does wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// Answers with a status.
    Status(u16),
    /// So many times, and then no more.
    StatusTimes(u16, usize),
    /// Closes the connection within the body.
    Truncate,
    /// Announces more than there is.
    LieLonger,
    /// Announces nothing, and sends on and on.
    Endless,
    /// One byte is another.
    Corrupt,
    /// Says nothing for a while.
    Slow(Duration),
    /// Leads elsewhere.
    Redirect(String),
    /// Takes ranges by word only.
    WholeForRange,
    /// Sends another part than was asked for.
    WrongRange,
    /// Is written anew between two requests.
    Changing,
}

#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    objects: Mutex<HashMap<String, (Bytes, Option<String>)>>,
    fault: Mutex<Fault>,
    requests: Mutex<Vec<String>>,
    fails_to_put: AtomicBool,
    puts_for: Mutex<Duration>,
}

impl Store {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            objects: Mutex::default(),
            fault: Mutex::new(Fault::None),
            requests: Mutex::default(),
            fails_to_put: AtomicBool::new(false),
            puts_for: Mutex::new(Duration::ZERO),
        });
        let store = Self { url, shared };
        let served = store.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let store = served.clone();
                let service = service_fn(move |request| {
                    let store = store.clone();
                    async move { Ok::<_, Infallible>(store.answer(request).await) }
                });
                let service = hyper_util::service::TowerToHyperService::new(service);
                tokio::spawn(async move {
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        store
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    pub(crate) fn fail_to_put(&self, fail: bool) {
        self.shared.fails_to_put.store(fail, Ordering::SeqCst);
    }

    /// Putting takes so long.
    pub(crate) fn put_for(&self, time: Duration) {
        *self.shared.puts_for.lock().unwrap() = time;
    }

    /// Keeps something, and says where.
    pub(crate) fn keep(&self, name: &str, bytes: impl Into<Bytes>, coding: Option<&str>) -> String {
        let coding = coding.map(str::to_owned);
        self.shared.objects.lock().unwrap().insert(name.to_owned(), (bytes.into(), coding));
        format!("{}/{name}?signature=secret-signature", self.url)
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.objects.lock().unwrap().len()
    }

    pub(crate) fn codings(&self) -> Vec<Option<String>> {
        self.shared.objects.lock().unwrap().values().map(|(_, coding)| coding.clone()).collect()
    }

    /// Waits until there are so many objects: what nobody hears of is removed in the background.
    pub(crate) async fn settles_at(&self, count: usize) {
        for _ in 0..500 {
            if self.count() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} objects in place of {count}", self.count());
    }

    /// Method, path and range of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let name = request.uri().path().trim_start_matches('/').to_owned();
        let range = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let line = format!("{} {name} {}", request.method(), range.as_deref().unwrap_or(""));
        self.shared.requests.lock().unwrap().push(line.trim().to_owned());
        if request.method() == Method::PUT {
            let coding = request.headers().get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
            let coding = coding.map(str::to_owned);
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            self.shared.objects.lock().unwrap().insert(name, (bytes, coding));
            return Response::new(Body::empty());
        }
        let object = self.shared.objects.lock().unwrap().get(&name).cloned();
        let fault = self.next_fault();
        let Some((mut bytes, coding)) = object else { return status(404) };
        match &fault {
            Fault::Status(code) => return status(*code),
            Fault::Slow(time) => tokio::time::sleep(*time).await,
            Fault::Redirect(to) => {
                let mut response = status(302);
                response.headers_mut().insert(header::LOCATION, to.parse().unwrap());
                return response;
            }
            Fault::Corrupt => {
                let mut changed = bytes.to_vec();
                let middle = changed.len() / 2;
                changed[middle] ^= 1;
                bytes = changed.into();
            }
            _ => {}
        }
        let total = bytes.len();
        let part = range.as_deref().and_then(parse).filter(|_| fault != Fault::WholeForRange);
        let mut response = match part {
            Some(mut part) => {
                if fault == Fault::WrongRange {
                    part = part.start + 1..part.end + 1;
                }
                let end = part.end.min(total);
                let mut response = Response::new(Body::from(bytes.slice(part.start..end)));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let said = format!("bytes {}-{}/{total}", part.start, end - 1);
                response.headers_mut().insert(header::CONTENT_RANGE, said.parse().unwrap());
                response
            }
            None => Response::new(self.body(&fault, bytes)),
        };
        let headers = response.headers_mut();
        if fault == Fault::LieLonger {
            headers.insert(header::CONTENT_LENGTH, (total + 1).into());
        }
        let etag = if fault == Fault::Changing { fastrand::u64(..).to_string() } else { "1".to_owned() };
        headers.insert(header::ETAG, format!("\"{etag}\"").parse().unwrap());
        headers.insert(header::ACCEPT_RANGES, "bytes".parse().unwrap());
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        }
        response
    }

    fn next_fault(&self) -> Fault {
        let mut fault = self.shared.fault.lock().unwrap();
        match &mut *fault {
            Fault::StatusTimes(_, 0) => Fault::None,
            Fault::StatusTimes(code, left) => {
                *left -= 1;
                Fault::Status(*code)
            }
            fault => fault.clone(),
        }
    }

    fn body(&self, fault: &Fault, bytes: Bytes) -> Body {
        let begun = match fault {
            Fault::Truncate => bytes.slice(..bytes.len() / 2),
            Fault::LieLonger => bytes,
            Fault::Endless => {
                let piece = Bytes::from(vec![0; 64 * 1024]);
                return Body::new(StreamBody::new(futures_util::stream::repeat_with(move || {
                    Ok::<_, BoxError>(Frame::data(piece.clone()))
                })));
            }
            _ => return Body::from(bytes),
        };
        let begun = futures_util::stream::iter([Ok::<_, BoxError>(Frame::data(begun))]);
        // What came before has been sent by then.
        let broken = futures_util::stream::once(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err("broken on purpose".into())
        });
        Body::new(StreamBody::new(begun.chain(broken)))
    }
}

fn status(code: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

fn parse(range: &str) -> Option<Range<usize>> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some(start.parse().ok()?..end.parse::<usize>().ok()? + 1)
}

impl Storage for Store {
    async fn put(&self, id: &ObjectId, object: Object) -> Result<String, BoxError> {
        let coding = object.content_encoding();
        let bytes = object.into_bytes().await?;
        // Half of it is there before the rest.
        let url = self.keep(&id.to_string(), bytes, coding);
        let time = *self.shared.puts_for.lock().unwrap();
        tokio::time::sleep(time).await;
        if self.shared.fails_to_put.load(Ordering::SeqCst) {
            return Err("the bucket is full".into());
        }
        Ok(url)
    }

    async fn delete(&self, id: &ObjectId) -> Result<(), BoxError> {
        self.shared.objects.lock().unwrap().remove(&id.to_string());
        Ok(())
    }
}

impl UploadUrls for Store {
    async fn upload_url(&self) -> Result<UploadUrl, BoxError> {
        let id = ObjectId::random()?;
        let url = |what: &str| format!("{}/{id}?{what}=secret-signature", self.url);
        Ok(UploadUrl::new(url("put"), url("get"), Some(chrono::Utc::now())))
    }
}
