//! [`Case`]: a method, how it is called, and what comes of it in a form that can be compared.

use std::fmt::{Debug, Write as _};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tower_vgi::RpcError;
use tower_vgi::client::{Channel, LogMessage, ProducerStream};
use tower_vgi::wire::AnnotatedBatch;

use crate::peer::{Any, Peer};
use crate::protocol::ConformanceServiceClient;

pub(crate) type Proxy = ConformanceServiceClient<Any>;

/// Everything that a case calls through.
pub(crate) struct Client {
    /// The proxy of a channel with default settings.
    pub(crate) proxy: Proxy,
    /// One batch a request, and none ahead.
    pub(crate) patient: Channel<Any>,
    logs: Arc<Mutex<Vec<String>>>,
}

impl Client {
    pub(crate) fn of(peer: &Peer) -> Self {
        let logs = Arc::new(Mutex::new(Vec::new()));
        let seen = logs.clone();
        let log = move |message: &LogMessage| {
            // Servers may add members of their own; those of the application are text.
            let extra: Vec<_> = message.extra.iter().filter(|(_, value)| value.is_string()).collect();
            seen.lock().unwrap().push(format!("{}: {} {extra:?}", message.level.as_str(), message.message));
        };
        let patient = peer.builder().streamed_producers(false).request_ahead(false);
        Self {
            proxy: Proxy::new(peer.channel(peer.builder().on_log(log.clone()))),
            patient: peer.channel(patient.on_log(log)),
            logs,
        }
    }
}

type Run = fn(Client) -> Pin<Box<dyn Future<Output = String> + Send>>;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
}

impl Case {
    pub(crate) async fn run(&self, client: Client) -> String {
        let logs = client.logs.clone();
        let mut result = (self.run)(client).await;
        for log in logs.lock().unwrap().iter() {
            write!(result, "\n  logged {log}").unwrap();
        }
        result
    }
}

/// A case of each name: what comes of the calls, one after the other.
macro_rules! cases {
    ($($name:ident: |$client:ident| $body:expr;)*) => {
        vec![$($crate::case::Case {
            name: stringify!($name),
            run: |$client| Box::pin(async move { $body }),
        }),*]
    };
}
pub(crate) use cases;

pub(crate) fn show<T: Debug>(result: Result<T, RpcError>) -> String {
    match result {
        Ok(value) => shortened(format!("{value:?}")),
        Err(error) => fail(&error),
    }
}

/// The beginning of a long text, and a number that stands for the whole of it.
fn shortened(text: String) -> String {
    const MOST: usize = 1000;
    if text.len() <= MOST {
        return text;
    }
    let beginning: String = text.chars().take(MOST / 4).collect();
    format!("{beginning}… {} bytes, hashed {:x}", text.len(), BuildHasherDefault::<DefaultHasher>::new().hash_one(text))
}

/// Only of the namespaced generation errors have codes.
pub(crate) fn fail(error: &RpcError) -> String {
    format!("failed with {error}")
}

pub(crate) fn show_batch(batch: &AnnotatedBatch) -> String {
    let columns: Vec<_> = batch.batch.schema().fields().iter().map(|field| field.to_string()).collect();
    let mut metadata: Vec<_> = batch
        .metadata
        .iter()
        .map(|(key, value)| format!("{} = {}", String::from_utf8_lossy(key), String::from_utf8_lossy(value)))
        .collect();
    metadata.sort();
    let values: Vec<String> =
        batch.batch.columns().iter().map(|column| shortened(format!("{column:?}").replace('\n', " "))).collect();
    format!("{} rows of {columns:?}: {values:?} {metadata:?}", batch.batch.num_rows())
}

/// All batches of a producer, and how it ends.
pub(crate) async fn show_stream<H: Debug>(stream: Result<ProducerStream<Any, H>, RpcError>) -> String {
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(error) => return fail(&error),
    };
    let mut shown = format!("header {:?}", stream.header());
    loop {
        match stream.next().await {
            Ok(Some(batch)) => write!(shown, "\n  {}", show_batch(&batch)).unwrap(),
            Ok(None) => return shown,
            Err(error) => {
                write!(shown, "\n  {}", fail(&error)).unwrap();
                assert_eq!(stream.next().await.unwrap(), None, "it goes on after an error");
                return shown;
            }
        }
    }
}
