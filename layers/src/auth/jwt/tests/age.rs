//! Keys that grow old, and an issuer that is slow, silent or behind.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jsonwebtoken::Algorithm;
use serde_json::json;
use tokio::time::{advance, sleep};
use tower_vgi::AuthReason::InvalidCredential;
use tower_vgi::BoxError;

use super::issuer::{AUDIENCE, SigningKey};
use super::{ISSUER, Jwt, JwtBuilder, ask, caller, head};
use crate::auth::{Authenticate as _, chain};

const HOUR: Duration = Duration::from_secs(3600);

/// What is fetched, without a network: time stands still but where a test moves it.
#[derive(Clone, Default)]
struct Document {
    keys: Arc<Mutex<Option<Vec<serde_json::Value>>>>,
    asked: Arc<AtomicUsize>,
}

impl Document {
    fn of(keys: &[&SigningKey]) -> Self {
        let document = Self::default();
        document.publish(keys);
        document
    }

    fn publish(&self, keys: &[&SigningKey]) {
        *self.keys.lock().unwrap() = Some(keys.iter().map(|key| key.jwk()).collect());
    }

    fn take_down(&self) {
        *self.keys.lock().unwrap() = None;
    }

    /// Each fetch takes two seconds.
    fn jwt(&self) -> JwtBuilder {
        let document = self.clone();
        Jwt::builder().issuer(ISSUER).audience(AUDIENCE).jwks_url("https://keys.example").fetch_with(move |_| {
            let Document { keys, asked } = document.clone();
            async move {
                asked.fetch_add(1, Ordering::SeqCst);
                let keys = keys.lock().unwrap().clone();
                sleep(Duration::from_secs(2)).await;
                Ok::<_, BoxError>(Bytes::from(json!({"keys": keys.ok_or("down")?}).to_string()))
            }
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn key(id: &'static str) -> SigningKey {
    SigningKey::new(id, Algorithm::EdDSA)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_taken_back_in_a_quiet_time_opens_nothing() {
    let (old, new) = (key("old"), key("new"));
    let document = Document::of(&[&old]);
    let jwt = document.jwt().build().unwrap();
    let (of_old, of_new) = (old.token(ISSUER, &json!({})), new.token(ISSUER, &json!({})));
    assert!(ask(&jwt, &of_old).await.is_ok());
    document.publish(&[&new]);
    advance(2 * HOUR).await;
    // Neither as one that is remembered, nor as one that is checked.
    assert_eq!(caller(&jwt, &of_old).await.unwrap_err().0, Some(InvalidCredential));
    assert!(ask(&jwt, &of_new).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_keeps_us_from_the_issuer_does_not_keep_a_key_good() {
    let key = key("k");
    let document = Document::of(&[&key]);
    let jwt = document.jwt().stale_for(2 * HOUR).build().unwrap();
    let token = key.token(ISSUER, &json!({}));
    assert!(ask(&jwt, &token).await.is_ok());
    document.take_down();
    advance(2 * HOUR).await;
    assert!(ask(&jwt, &token).await.is_ok());
    advance(HOUR).await;
    for token in [token.clone(), key.token(ISSUER, &json!({"jti": "another"}))] {
        let refused = ask(&jwt, &token).await.unwrap_err();
        assert_eq!(refused.reason(), None, "{refused}");
    }
    document.publish(&[&key]);
    advance(Duration::from_secs(10)).await;
    assert!(ask(&jwt, &token).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_made_after_the_last_fetch_is_not_said_to_be_nobodys() {
    let (old, new, nobodys) = (key("old"), key("new"), key("nobodys"));
    let document = Document::of(&[&old]);
    let jwt = document.jwt().build().unwrap();
    assert_eq!(caller(&jwt, &nobodys.token(ISSUER, &json!({}))).await.unwrap_err().0, Some(InvalidCredential));
    document.publish(&[&old, &new]);
    let token = new.token(ISSUER, &json!({}));
    advance(Duration::from_secs(4)).await;
    let refused = ask(&jwt, &token).await.unwrap_err();
    assert_eq!((refused.reason(), refused.retry_seconds()), (None, Some(6)));
    advance(Duration::from_secs(6)).await;
    assert!(ask(&jwt, &token).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_fetch_that_fails_does_not_try_again() {
    let document = Document::default();
    let jwt = document.jwt().refresh_interval(Duration::ZERO).build().unwrap();
    let token = key("k").token(ISSUER, &json!({}));
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (jwt, token) = (jwt.clone(), token.clone());
            tokio::spawn(async move { ask(&jwt, &token).await.unwrap_err().reason() })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), None);
    }
    assert_eq!(document.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_never_ends_is_given_up() {
    let jwt = Document::default().jwt().fetch_with(|_| pending()).build().unwrap();
    assert_eq!(ask(&jwt, &key("k").token(ISSUER, &json!({}))).await.unwrap_err().reason(), None);
}

#[tokio::test(start_paused = true)]
async fn the_tokens_of_another_issuer_are_left_to_the_next_in_a_chain() {
    let (first, second) = (key("first"), key("second"));
    let (of_first, other) = (Document::of(&[&first]), "https://other.example");
    let both = chain(
        of_first.jwt().build().unwrap(),
        Document::of(&[&second]).jwt().issuer(other).domain("second").build().unwrap(),
    );
    for number in 0..3 {
        let token = second.token(other, &json!({"jti": number}));
        assert_eq!(both.authenticate(&head(&token)).await.unwrap().domain, "second");
    }
    assert_eq!(of_first.asked(), 0);
}
