#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::advance;

use super::*;

/// Counts what it is asked, and answers when it is let.
struct Resolver {
    asked: AtomicUsize,
    answers: Semaphore,
}

impl Resolver {
    fn new(answers: usize) -> Arc<Self> {
        Arc::new(Self { asked: AtomicUsize::new(0), answers: Semaphore::new(answers) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl ResolveToken for Resolver {
    async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.answers.acquire().await.unwrap().forget();
        match token {
            "unknown" => Err(IdentityError::unresolved()),
            "down" => Err(IdentityError::unavailable("down")),
            "never kept" => Ok(TokenIdentity::new("bob").ttl_seconds(0)),
            "less than never" => Ok(TokenIdentity::new("bob").ttl_seconds(i64::MIN)),
            "for ever" => Ok(TokenIdentity::new("bob").ttl_seconds(i64::MAX)),
            _ => Ok(TokenIdentity::new(token).ttl_seconds(100)),
        }
    }
}

fn cached() -> (Arc<Resolver>, CachedTokens<Arc<Resolver>>) {
    let resolver = Resolver::new(Semaphore::MAX_PERMITS);
    (resolver.clone(), CachedTokens::new(resolver))
}

async fn seconds(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_what_is_left_of_its_time() {
    let (resolver, cached) = cached();
    assert_eq!(cached.resolve_token("a").await.unwrap(), TokenIdentity::new("a").ttl_seconds(100));
    seconds(60).await;
    assert_eq!(cached.resolve_token("a").await.unwrap(), TokenIdentity::new("a").ttl_seconds(40));
    assert_eq!(resolver.asked(), 1);
    seconds(40).await;
    assert_eq!(cached.resolve_token("a").await.unwrap().ttl_seconds, 100);
    assert_eq!(resolver.asked(), 2);
    assert_eq!(cached.resolve_token("b").await.unwrap().principal, "b");
    assert_eq!(resolver.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_be_kept_is_not() {
    let (resolver, cached) = cached();
    for (number, token) in ["never kept", "less than never", "down"].into_iter().enumerate() {
        for _ in 0..2 {
            let _ = cached.resolve_token(token).await;
        }
        assert_eq!(resolver.asked(), 2 * (number + 1), "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_decides_that_an_answer_is_kept_for_ever() {
    let (resolver, cached) = cached();
    let cached = cached.longest(Duration::from_secs(50));
    // Whoever keeps it in turn keeps it no longer either.
    assert_eq!(cached.resolve_token("for ever").await.unwrap().ttl_seconds, 50);
    seconds(49).await;
    assert_eq!(cached.resolve_token("for ever").await.unwrap().ttl_seconds, 1);
    seconds(1).await;
    cached.resolve_token("for ever").await.unwrap();
    assert_eq!(resolver.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn that_a_token_is_nobodys_is_kept_for_a_short_while() {
    let (resolver, cached) = cached();
    for _ in 0..3 {
        assert_eq!(cached.resolve_token("unknown").await, Err(IdentityError::unresolved()));
        seconds(4).await;
    }
    assert_eq!(resolver.asked(), 1);
    assert!(cached.resolve_token("unknown").await.is_err());
    assert_eq!(resolver.asked(), 2);
    let cached = cached.unknown_for(Duration::ZERO);
    seconds(60).await;
    for _ in 0..2 {
        assert!(cached.resolve_token("unknown").await.is_err());
    }
    assert_eq!(resolver.asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn as_many_are_kept_as_there_is_place_and_guesses_take_none_of_it() {
    let guesses = |token: &str| {
        let known = token.len() == 1;
        let token = token.to_owned();
        async move { if known { Ok(TokenIdentity::new(token)) } else { Err(IdentityError::unresolved()) } }
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = {
        let asked = asked.clone();
        move |token: &str| {
            asked.fetch_add(1, Ordering::SeqCst);
            guesses(token)
        }
    };
    let cached = CachedTokens::new(counting).capacity(4);
    for token in ["a", "b", "c"] {
        cached.resolve_token(token).await.unwrap();
    }
    for guess in 0..1000 {
        assert!(cached.resolve_token(&format!("guess {guess}")).await.is_err());
    }
    assert_eq!(asked.swap(0, Ordering::SeqCst), 1003);
    for token in ["a", "b", "c"] {
        cached.resolve_token(token).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    for token in ["d", "e"] {
        cached.resolve_token(token).await.unwrap();
    }
    // The oldest were forgotten.
    cached.resolve_token("c").await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    cached.resolve_token("a").await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn those_who_ask_at_the_same_time_share_one_answer() {
    for (token, principal) in [("a", Some("a")), ("unknown", None), ("down", None)] {
        let resolver = Resolver::new(0);
        let cached = Arc::new(CachedTokens::new(resolver.clone()));
        let asking: Vec<_> = (0..20)
            .map(|_| {
                let cached = cached.clone();
                tokio::spawn(async move { cached.resolve_token(token).await })
            })
            .collect();
        tokio::task::yield_now().await;
        while resolver.asked() == 0 {
            tokio::task::yield_now().await;
        }
        resolver.answers.add_permits(1);
        for answer in asking {
            let answer = answer.await.unwrap();
            assert_eq!(answer.ok().map(|identity| identity.principal).as_deref(), principal);
        }
        assert_eq!((resolver.asked(), cached.flights.len()), (1, 0), "{token}");
    }
}

#[tokio::test]
async fn one_who_goes_away_leaves_the_question_to_the_next() {
    let resolver = Resolver::new(0);
    let cached = Arc::new(CachedTokens::new(resolver.clone()));
    let ask = || {
        let cached = cached.clone();
        tokio::spawn(async move { cached.resolve_token("a").await })
    };
    let first = ask();
    while resolver.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let second = ask();
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    resolver.answers.add_permits(1);
    assert_eq!(second.await.unwrap().unwrap().principal, "a");
    assert_eq!((resolver.asked(), cached.flights.len()), (2, 0));

    // And if all go, nothing stays.
    let resolver = Resolver::new(0);
    let cached = CachedTokens::new(resolver.clone());
    {
        let mut asking = Box::pin(cached.resolve_token("a"));
        let mut waiting = Box::pin(cached.resolve_token("a"));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(asking.as_mut().poll(&mut context).is_pending() && waiting.as_mut().poll(&mut context).is_pending());
        assert_eq!(cached.flights.len(), 1);
    }
    assert_eq!(cached.flights.len(), 0);
}

/// Who asks leaves the map under its lock and lets go of the answer after it: neither may take the other for somebody who
/// stays.
#[test]
fn of_two_who_go_at_once_one_takes_the_question_away() {
    let cached = CachedTokens::new(Resolver::new(0));
    for round in 0..2_000_u32 {
        let hash: TokenHash = Sha256::digest(round.to_string()).into();
        let (cached, barrier) = (&cached, &std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(move || {
                    let flight = cached.flights.join(hash);
                    barrier.wait();
                    drop(flight);
                });
            }
        });
    }
    assert_eq!(cached.flights.len(), 0);
}

#[tokio::test]
async fn so_many_are_asked_for_at_once_and_no_more() {
    let resolver = Resolver::new(0);
    let cached = Arc::new(CachedTokens::new(resolver.clone()).max_concurrent(1));
    let first = tokio::spawn({
        let cached = cached.clone();
        async move { cached.resolve_token("a").await }
    });
    while resolver.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = cached.resolve_token("b").await.unwrap_err();
    assert_eq!((refused.kind(), refused.retry_delay()), (IdentityErrorKind::Unavailable, Some(BUSY)));
    resolver.answers.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap().principal, "a");
    assert_eq!(cached.resolve_token("b").await.unwrap().principal, "b");
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_that_can_be_said_is_kept_too() {
    let (resolver, cached) = cached();
    let cached = cached.longest(Duration::MAX);
    for _ in 0..2 {
        assert!(cached.resolve_token("for ever").await.unwrap().ttl_seconds > 1_000_000_000);
    }
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_not_shown() {
    let (_, cached) = cached();
    cached.resolve_token("s3cret").await.unwrap();
    assert!(!format!("{cached:?}").contains("s3cret"));
}
