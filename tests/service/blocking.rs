//! `#[blocking]`: code that may block its thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::ThreadId;

use tower_vgi::rpc::{CallContext, LogLevel, RpcService};
use tower_vgi::{Result, RpcError};

use crate::support::{Arguments, Caller};

#[tower_vgi::service]
trait Cruncher {
    #[blocking]
    fn crunch(&self, n: i64) -> Result<i64>;
    #[blocking]
    fn log(&self, #[default("half way")] message: String, context: &CallContext) -> Result<()>;
    #[blocking]
    fn panic(&self) -> Result<()>;
    #[blocking]
    fn wait_until_alone(&self, context: &CallContext) -> Result<()>;
    #[blocking]
    fn provided(&self) -> Result<String> {
        Ok("from the trait".to_owned())
    }
    async fn thread(&self) -> Result<()>;
}

/// Remembers the threads on which its methods ran.
#[derive(Default)]
struct Machine {
    blocking: Mutex<Vec<ThreadId>>,
    other: Mutex<Vec<ThreadId>>,
    waiting: Signal,
    alone: Signal,
    calls: AtomicUsize,
}

impl Cruncher for Machine {
    fn crunch(&self, n: i64) -> Result<i64> {
        self.blocking.lock().unwrap().push(std::thread::current().id());
        if n < 0 {
            return Err(RpcError::value_error("n must not be negative"))?;
        }
        Ok((1..=n).product())
    }

    fn log(&self, message: String, context: &CallContext) -> Result<()> {
        context.log(LogLevel::Debug, message);
        Ok(())
    }

    fn panic(&self) -> Result<()> {
        panic!("out of paper")
    }

    fn wait_until_alone(&self, context: &CallContext) -> Result<()> {
        self.waiting.give();
        while !context.is_cancelled() {
            std::thread::yield_now();
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.alone.give();
        Ok(())
    }

    async fn thread(&self) -> Result<()> {
        self.other.lock().unwrap().push(std::thread::current().id());
        Ok(())
    }
}

/// Something that happens once.
#[derive(Default)]
struct Signal {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn give(&self) {
        *self.given.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut given = self.given.lock().unwrap();
        while !*given {
            given = self.changed.wait(given).unwrap();
        }
    }
}

fn callers(machine: &Arc<Machine>) -> [Caller<RpcService>; 2] {
    let service = RpcService::builder().protocol(CruncherServer::from_arc(machine.clone())).build().unwrap();
    Caller::both(service, "Cruncher")
}

#[tokio::test]
async fn blocking_code_runs_off_the_threads_of_the_runtime() {
    let machine = Arc::new(Machine::default());
    for caller in callers(&machine) {
        assert_eq!(caller.call("crunch", Arguments::none().with("n", 5_i64)).await.value::<i64>(), 120);
        assert_eq!(caller.call("thread", Arguments::none()).await.error(), None);
    }
    let (blocking, other) = (machine.blocking.lock().unwrap(), machine.other.lock().unwrap());
    assert_eq!((blocking.len(), other.len()), (2, 2));
    assert!(blocking.iter().all(|thread| !other.contains(thread)));
}

#[tokio::test]
async fn errors_logs_defaults_and_bodies_work_as_in_async_methods() {
    let machine = Arc::new(Machine::default());
    let [flat, namespaced] = callers(&machine);
    let error = namespaced.call("crunch", Arguments::none().with("n", -1_i64)).await.unwrap_error();
    assert_eq!(error, ("ValueError".to_owned(), "n must not be negative".to_owned()));
    let logs = flat.call("log", Arguments::none()).await.logs();
    assert_eq!(logs, [("DEBUG".to_owned(), "half way".to_owned())]);
    assert_eq!(flat.call("provided", Arguments::none()).await.value::<String>(), "from the trait");
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_call_alone() {
    let machine = Arc::new(Machine::default());
    for caller in callers(&machine) {
        let (kind, message) = caller.call("panic", Arguments::none()).await.unwrap_error();
        assert_eq!(kind, "RuntimeError");
        assert!(message.contains("out of paper"), "{message}");
        assert_eq!(caller.call("crunch", Arguments::none().with("n", 3_i64)).await.value::<i64>(), 6);
    }
}

#[tokio::test]
async fn blocking_code_is_told_when_its_caller_has_gone() {
    let machine = Arc::new(Machine::default());
    let [caller, _] = callers(&machine);
    let call = tokio::spawn(async move { caller.call("wait_until_alone", Arguments::none()).await });
    let waiting = machine.clone();
    tokio::task::spawn_blocking(move || waiting.waiting.wait()).await.unwrap();
    call.abort();
    let alone = machine.clone();
    tokio::task::spawn_blocking(move || alone.alone.wait()).await.unwrap();
    assert_eq!(machine.calls.load(Ordering::SeqCst), 1);
}
