//! Looking at requests from outside, from their beginning to the last byte of their answers.
//!
//! [`Observe`] is what an observer does; [`ObserveLayer`] makes a layer of it. The layers of this crate that observe are
//! made like this, and so are those of your own. This one counts what leaves a server for each of its methods:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//!
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::observe::{Observe, ObserveLayer, Outcome};
//!
//! #[derive(Clone, Default)]
//! struct Egress(Arc<Mutex<HashMap<String, u64>>>);
//!
//! impl Observe for Egress {
//!     type Seen = String;
//!
//!     fn begin<B>(&self, request: &mut Request<B>) -> String {
//!         request.uri().path().to_owned()
//!     }
//!
//!     fn end(&self, path: String, outcome: Outcome<'_>) {
//!         // What the core knows is in `outcome.call`: here the name is better than the path.
//!         let method = outcome.call.dispatched.as_ref().map(|call| call.method.description.name.clone());
//!         *self.0.lock().unwrap().entry(method.unwrap_or(path)).or_default() += outcome.response_bytes;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let egress = Egress::default();
//! let service = ServiceBuilder::new().layer(ObserveLayer::new(egress.clone())).service(service_fn(
//!     |_request: Request<tower_vgi_layers::observe::RequestBody<Body>>| async {
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::from("four")))
//!     },
//! ));
//! drop(service.oneshot(Request::get("/x").body(Body::empty())?).await?);
//! assert_eq!(egress.0.lock().unwrap()["/x"], 0);
//! # Ok(())
//! # }
//! ```
//!
//! The layer puts a [`CallRecord`](tower_vgi::CallRecord) into the request's extensions, which the core and the layers
//! inside fill in. It stands outside of everything that changes bodies, such as compression, so that the sizes are
//! those on the wire. Several observers in one stack share the record.

mod body;
mod future;
mod outcome;
#[cfg(any(feature = "access-log", feature = "otel", feature = "prometheus"))]
mod per_method;
mod service;
#[cfg(test)]
mod tests;
mod watch;

use http::Request;
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};

pub use body::{RequestBody, ResponseBody};
pub use future::ResponseFuture;
pub use outcome::{End, Outcome};
#[cfg(any(feature = "access-log", feature = "otel", feature = "prometheus"))]
pub(crate) use per_method::PerMethod;
pub use service::Observed;

/// Looks at requests from outside. It is cloned for each, so that clones have to be cheap.
pub trait Observe: Clone {
    /// What the observer keeps of a request until it has ended.
    type Seen;

    /// A request comes.
    fn begin<B>(&self, request: &mut Request<B>) -> Self::Seen;

    /// Surrounds everything that is done for a request, piece by piece: `work` is one poll of its future or its body.
    fn in_scope<R>(&self, seen: &Self::Seen, work: impl FnOnce() -> R) -> R {
        let _ = seen;
        work()
    }

    /// The answer has ended, or nobody waits for it any more. This is called exactly once, from wherever the end is
    /// noticed: it must not block.
    fn end(&self, seen: Self::Seen, outcome: Outcome<'_>);
}

/// Makes a layer of an observer. See the [module](self).
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ObserveLayer<O> {
    observer: O,
}

impl<O> ObserveLayer<O> {
    /// Has this observer look at all requests.
    pub fn new(observer: O) -> Self {
        Self { observer }
    }
}

impl<S, O: Clone> Layer<S> for ObserveLayer<O> {
    type Service = Observed<S, O>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed::new(inner, self.observer.clone())
    }
}

impl<O> Advertise for ObserveLayer<O> {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}
