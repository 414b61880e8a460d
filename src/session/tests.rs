//! The registry and the session of a call, without HTTP.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::*;
use crate::{AuthContext, RpcError};

const HOUR: Duration = Duration::from_secs(3600);

/// Counts how often what it made was closed.
#[derive(Clone, Default)]
struct Closed(Arc<AtomicUsize>);

impl Closed {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// An object whose drop counts.
    fn object(&self) -> Object {
        Object(self.clone())
    }

    /// An object whose close counts.
    fn closing(&self) -> Live {
        let closed = self.clone();
        let close = move |_: i64| async move {
            tokio::task::yield_now().await;
            closed.0.fetch_add(1, Ordering::SeqCst);
        };
        Live::closing(7_i64, close, Handle::current())
    }
}

struct Object(Closed);

impl Drop for Object {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn alice() -> AuthContext {
    AuthContext::authenticated("test", "alice")
}

fn owner() -> Owner {
    Owner::of(&alice())
}

fn call(sessions: &Sessions) -> CallSession {
    CallSession::new(sessions, HOUR)
}

fn live(closed: &Closed) -> Live {
    Live::new(closed.object(), Handle::current())
}

/// A call that opens a session and is over.
async fn open(sessions: &Sessions, live: Live, time_to_live: Duration) -> SessionId {
    let call = call(sessions);
    let _step = call.step().await.unwrap();
    call.open(live, owner(), Some(time_to_live)).unwrap();
    assert_eq!(call.settle(), SessionChange::Opened { id: call.id().unwrap(), time_to_live });
    call.id().unwrap()
}

fn resume(sessions: &Sessions, id: SessionId) -> Result<CallSession, RpcError> {
    call(sessions).resume(id, &alice())
}

/// Lets everything run that can.
async fn settled() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_object_is_found_again_and_closed_once() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, closed.closing(), HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let step = call.step().await.unwrap();
    *call.borrow::<i64>().unwrap() += 1;
    assert_eq!(*call.borrow::<i64>().unwrap(), 8);
    call.close().await.unwrap();
    assert_eq!((closed.count(), sessions.len(), call.settle()), (1, 0, SessionChange::Closed));
    assert_eq!((call.id(), call.touched()), (None, Some(id)));
    // Once more does nothing.
    call.close().await.unwrap();
    drop(step);
    assert!(resume(&sessions, id).unwrap_err().is_session_lost());
    assert!(!sessions.close(id, &alice()).await);
    assert_eq!(closed.count(), 1);
}

#[tokio::test]
async fn a_session_is_its_callers_only() {
    let sessions = Sessions::new();
    let id = open(&sessions, live(&Closed::default()), HOUR).await;
    let others = [
        AuthContext::anonymous(),
        AuthContext::authenticated("test", "bob"),
        AuthContext::authenticated("b", "alice"),
        alice().bound_to("mesh"),
        AuthContext::anonymous().bound_to("mesh"),
    ];
    for other in others {
        assert!(call(&sessions).resume(id, &other).unwrap_err().is_session_lost());
        assert!(!sessions.close(id, &other).await);
    }
    assert!(resume(&sessions, id).is_ok());
}

#[test]
fn an_owner_is_who_the_evidence_says_too() {
    let (anonymous, mesh) = (AuthContext::anonymous(), |caller: AuthContext| caller.bound_to("mesh"));
    let renamed = AuthContext { principal: "said and not proved".to_owned(), ..AuthContext::anonymous() };
    let callers = [anonymous.clone(), mesh(anonymous), alice(), mesh(alice()), mesh(mesh(alice()))];
    for (index, owner) in callers.iter().map(Owner::of).enumerate() {
        for (other, caller) in callers.iter().enumerate() {
            assert_eq!(owner.is(caller), index == other, "{index} {other}");
            assert_eq!(owner == Owner::of(caller), index == other, "{index} {other}");
        }
    }
    assert!(Owner::of(&mesh(AuthContext::anonymous())) == Owner::of(&mesh(renamed.clone())));
    assert!(Owner::of(&AuthContext::anonymous()).is(&renamed));
}

#[tokio::test]
async fn calls_of_a_session_run_one_by_one_in_their_order() {
    let sessions = Sessions::new();
    let id = open(&sessions, Live::new(Vec::<usize>::new(), Handle::current()), HOUR).await;
    let first = resume(&sessions, id).unwrap();
    let running = first.step().await.unwrap();
    let mut waiting = Vec::new();
    for number in 0..10 {
        let call = resume(&sessions, id).unwrap();
        waiting.push(tokio::spawn(async move {
            let _step = call.step().await.unwrap();
            tokio::task::yield_now().await;
            call.borrow::<Vec<usize>>().unwrap().push(number);
        }));
        settled().await;
    }
    // One that nobody waits for any more keeps nobody waiting.
    waiting[3].abort();
    // Other sessions do not wait.
    let other = open(&sessions, live(&Closed::default()), HOUR).await;
    drop(resume(&sessions, other).unwrap().step().await.unwrap());
    assert!(first.borrow::<Vec<usize>>().unwrap().is_empty());
    drop(running);
    for (number, call) in waiting.into_iter().enumerate() {
        assert_eq!(call.await.is_ok(), number != 3);
    }
    let last = resume(&sessions, id).unwrap();
    let _step = last.step().await.unwrap();
    assert_eq!(*last.borrow::<Vec<usize>>().unwrap(), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn what_a_call_has_borrowed_stays_with_it_also_when_it_is_over() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, closed.closing(), HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let step = call.step().await.unwrap();
    let guard = call.borrow::<i64>().unwrap();
    assert!(call.borrow::<i64>().unwrap_err().message().contains("in use"));
    assert!(call.close().await.unwrap_err().message().contains("in use"));
    drop(step);
    assert!(call.borrow::<i64>().unwrap_err().message().contains("is over"));
    let next = tokio::spawn({
        let next = resume(&sessions, id).unwrap();
        async move { next.step().await.map(drop) }
    });
    settled().await;
    assert!(!next.is_finished());
    drop(guard);
    next.await.unwrap().unwrap();
    assert_eq!(closed.count(), 0);
}

#[tokio::test]
async fn an_object_of_another_type_stays_where_it_is() {
    let sessions = Sessions::new();
    let id = open(&sessions, Live::new(7_i64, Handle::current()), HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let _step = call.step().await.unwrap();
    let error = call.borrow::<String>().unwrap_err();
    assert_eq!(error.type_name(), "TypeError");
    assert!(error.message().contains("String"), "{error}");
    assert_eq!(*call.borrow::<i64>().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn sessions_expire_each_in_its_time() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    for seconds in 1..=20 {
        open(&sessions, live(&closed), Duration::from_secs(seconds)).await;
    }
    for seconds in 1..=20 {
        sleep(Duration::from_millis(900)).await;
        assert_eq!(closed.count(), seconds - 1);
        sleep(Duration::from_millis(100)).await;
        settled().await;
        assert_eq!((closed.count(), sessions.len()), (seconds, 20 - seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_expires_in_use_is_closed_when_the_call_ends() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, closed.closing(), Duration::from_secs(1)).await;
    let call = resume(&sessions, id).unwrap();
    let step = call.step().await.unwrap();
    let waits = tokio::spawn({
        let next = resume(&sessions, id).unwrap();
        async move { next.step().await.map(drop) }
    });
    sleep(Duration::from_secs(2)).await;
    assert_eq!(*call.borrow::<i64>().unwrap(), 7);
    assert!(resume(&sessions, id).unwrap_err().is_session_lost());
    assert_eq!((closed.count(), sessions.len()), (0, 1));
    drop(step);
    // Who waited does not get it any more.
    assert!(waits.await.unwrap().unwrap_err().is_session_lost());
    settled().await;
    assert_eq!((closed.count(), sessions.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_to_expire_of_what_was_closed() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, live(&closed), Duration::from_secs(1)).await;
    assert!(sessions.close(id, &alice()).await);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(closed.count(), 1);
    // No time is too long.
    open(&sessions, live(&closed), Duration::MAX).await;
}

#[tokio::test]
async fn ending_a_session_waits_for_calls_that_were_there_before_and_for_nobody_who_asks() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, closed.closing(), HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let step = call.step().await.unwrap();
    let (caller, others) = (alice(), sessions.clone());
    let mut ending = Box::pin(others.close(id, &caller));
    assert!(poll_fn(|cx| Poll::Ready(ending.as_mut().poll(cx).is_pending())).await);
    settled().await;
    // The caller has gone; its wish counts.
    drop(ending);
    assert_eq!(closed.count(), 0);
    drop(step);
    sessions.drain_handle().drained().await;
    assert_eq!(closed.count(), 1);
}

#[tokio::test]
async fn of_several_who_end_a_session_one_does() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, closed.closing(), HOUR).await;
    let auth = alice();
    let ended = futures_util::future::join_all((0..8).map(|_| sessions.close(id, &auth))).await;
    assert_eq!(ended.into_iter().filter(|ended| *ended).count(), 1);
    assert_eq!(closed.count(), 1);
}

#[tokio::test]
async fn what_was_opened_and_cannot_be_told_is_closed() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let call = call(&sessions);
    let step = call.step().await.unwrap();
    call.open(live(&closed), owner(), None).unwrap();
    drop(step);
    call.abandon();
    assert_eq!((closed.count(), sessions.len()), (1, 0));
}

#[tokio::test]
async fn sessions_are_opened_once_and_in_time() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let call = call(&sessions);
    let error = call.open(live(&closed), owner(), None).unwrap_err();
    assert!(error.message().contains("too late"), "{error}");
    let step = call.step().await.unwrap();
    call.open(live(&closed), owner(), None).unwrap();
    let error = call.open(live(&closed), owner(), None).unwrap_err();
    assert!(error.message().contains("already active"), "{error}");
    // Of what could not be kept nothing is left.
    assert_eq!((closed.count(), sessions.len()), (2, 1));
    call.close().await.unwrap();
    call.open(live(&closed), owner(), None).unwrap();
    assert!(matches!(call.settle(), SessionChange::Opened { .. }));
    call.close().await.unwrap();
    assert!(call.open(live(&closed), owner(), None).unwrap_err().message().contains("too late"));
    drop(step);
    assert_eq!((closed.count(), sessions.len()), (5, 0));
}

#[tokio::test]
async fn one_session_more_than_there_may_be_is_refused_and_closed() {
    let (sessions, closed) = (Sessions::builder().max_sessions(1).build(), Closed::default());
    open(&sessions, live(&closed), HOUR).await;
    let call = call(&sessions);
    let _step = call.step().await.unwrap();
    let error = call.open(closed.closing(), owner(), None).unwrap_err();
    assert!(error.message().contains("holds 1 sessions"), "{error}");
    settled().await;
    assert_eq!((closed.count(), sessions.len(), call.settle()), (1, 1, SessionChange::None));
}

#[tokio::test]
async fn a_server_that_drains_keeps_what_it_has() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, closed.closing(), HOUR).await;
    let handle = sessions.drain_handle();
    handle.drain();
    assert!(handle.is_draining());
    {
        let call = call(&sessions);
        let _step = call.step().await.unwrap();
        let error = call.open(live(&closed), owner(), None).unwrap_err();
        assert!(error.is_server_draining() && error.retry_delay().is_some());
        assert_eq!(closed.count(), 1);
    }
    assert!(resume(&sessions, id).unwrap().step().await.is_ok());
    handle.resume();
    open(&sessions, live(&closed), HOUR).await;
    handle.shutdown().await;
    assert_eq!((closed.count(), handle.remaining()), (3, 0));
    assert!(resume(&sessions, id).unwrap_err().is_session_lost());
}

#[tokio::test]
async fn a_shutdown_waits_for_calls_that_use_sessions_and_for_closes() {
    let (sessions, slow) = (Sessions::new(), Arc::new(Notify::new()));
    let released = slow.clone();
    let object = Live::closing((), move |()| async move { released.notified().await }, Handle::current());
    let id = open(&sessions, object, HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let step = call.step().await.unwrap();
    let handle = sessions.drain_handle();
    let shutdown = tokio::spawn(async move { handle.shutdown().await });
    settled().await;
    drop(step);
    settled().await;
    assert!(!shutdown.is_finished(), "the close is under way");
    slow.notify_one();
    shutdown.await.unwrap();
    assert!(sessions.is_empty());
}

#[tokio::test]
async fn a_panic_at_the_end_of_an_object_is_nobody_elses() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as the test wants it");
        }
    }
    let sessions = Sessions::new();
    let bomb = open(&sessions, Live::new(Bomb, Handle::current()), HOUR).await;
    assert!(sessions.close(bomb, &alice()).await);
    let close = |()| async { panic!("as the test wants it") };
    let failing = open(&sessions, Live::closing((), close, Handle::current()), HOUR).await;
    assert!(sessions.close(failing, &alice()).await);
    assert!(sessions.is_empty());
}

#[tokio::test]
async fn objects_end_with_the_registry() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    open(&sessions, live(&closed), HOUR).await;
    let reaper = sessions.reaper_for_test();
    drop(sessions);
    settled().await;
    assert_eq!(closed.count(), 1);
    assert!(reaper.is_finished());
}

#[tokio::test]
async fn a_session_in_use_survives_a_panic_of_its_call() {
    let sessions = Sessions::new();
    let id = open(&sessions, Live::new(1_i64, Handle::current()), HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let panicked = tokio::spawn(async move {
        let _step = call.step().await.unwrap();
        let mut guard = call.borrow::<i64>().unwrap();
        *guard = 2;
        panic!("as the test wants it");
    });
    assert!(panicked.await.is_err());
    let call = resume(&sessions, id).unwrap();
    let _step = call.step().await.unwrap();
    assert_eq!(*call.borrow::<i64>().unwrap(), 2);
}

#[tokio::test]
async fn a_session_that_is_lost_while_a_call_that_waited_goes_away_is_closed() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, live(&closed), HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let step = call.step().await.unwrap();
    let waiting = resume(&sessions, id).unwrap();
    let mut waiting = Box::pin(waiting.step());
    assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
    // The lock goes to the one that waits, which has not run yet…
    drop(step);
    sessions.discard(&id);
    assert_eq!(closed.count(), 0);
    // …and never will.
    drop(waiting);
    assert_eq!((closed.count(), sessions.len()), (1, 0));
}

#[test]
fn sessions_expire_also_when_the_runtime_of_the_first_one_has_ended() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let first = runtime();
    first.block_on(async { open(&sessions, live(&closed), Duration::from_secs(1)).await });
    drop(first);
    runtime().block_on(async {
        open(&sessions, live(&closed), Duration::from_secs(1)).await;
        assert_eq!((closed.count(), sessions.len()), (0, 2));
        sleep(Duration::from_secs(5)).await;
        settled().await;
    });
    assert_eq!((closed.count(), sessions.len()), (2, 0));
}

#[tokio::test]
async fn of_those_who_end_a_session_that_is_in_use_only_one_waits() {
    let (sessions, closed) = (Sessions::new(), Closed::default());
    let id = open(&sessions, live(&closed), HOUR).await;
    let call = resume(&sessions, id).unwrap();
    let step = call.step().await.unwrap();
    let caller = alice();
    let mut first = Box::pin(sessions.close(id, &caller));
    assert!(poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending())).await);
    assert!(!sessions.close(id, &caller).await);
    drop(step);
    assert!(first.await);
    assert_eq!(closed.count(), 1);
}
