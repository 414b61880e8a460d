//! Keys that come and go.

use std::task::{Context, Waker};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::json;
use tower_vgi::AuthReason::InvalidCredential;

use super::issuer::{AUDIENCE, Issuer, SigningKey};
use super::{Jwt, JwtBuilder, ask, caller};

fn discovered(issuer: &Issuer) -> JwtBuilder {
    Jwt::builder().issuer(&issuer.url).audience(AUDIENCE)
}

#[tokio::test]
async fn keys_are_found_once_and_kept() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let at_url = Jwt::builder().issuer("any name").audience(AUDIENCE).jwks_url(format!("{}/keys", issuer.url));
    for (jwt, name) in [(discovered(&issuer), issuer.url.as_str()), (at_url, "any name")] {
        let (jwt, before) = (jwt.remembered_tokens(0).build().unwrap(), issuer.asked());
        assert_eq!(issuer.asked(), before);
        for _ in 0..3 {
            assert_eq!(caller(&jwt, &key.token(name, &json!({}))).await.as_deref(), Ok("alice"));
        }
        assert_eq!(issuer.asked(), before + 1);
    }
}

#[tokio::test]
async fn those_who_need_the_same_fetch_share_it() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let jwt = discovered(&issuer).build().unwrap();
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (jwt, token) = (jwt.clone(), key.token(&issuer.url, &json!({})));
            tokio::spawn(async move { ask(&jwt, &token).await.is_ok() })
        })
        .collect();
    for asked in asking {
        assert!(asked.await.unwrap());
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn who_goes_away_leaves_the_fetch_to_the_others() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let jwt = discovered(&issuer).build().unwrap();
    let token = key.token(&issuer.url, &json!({}));
    {
        let mut first = Box::pin(ask(&jwt, &token));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(caller(&jwt, &token).await.as_deref(), Ok("alice"));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_found_and_the_old_one_is_gone() {
    let (old, new) = (SigningKey::new("old", Algorithm::ES256), SigningKey::new("new", Algorithm::EdDSA));
    let issuer = Issuer::start(&[&old]).await;
    let jwt = discovered(&issuer).refresh_interval(Duration::ZERO).build().unwrap();
    let (of_old, of_new) = (old.token(&issuer.url, &json!({})), new.token(&issuer.url, &json!({})));
    assert!(ask(&jwt, &of_old).await.is_ok());
    assert_eq!(caller(&jwt, &of_new).await.unwrap_err().0, Some(InvalidCredential));
    issuer.rotate(&[&old, &new]);
    assert!(ask(&jwt, &of_new).await.is_ok() && ask(&jwt, &of_old).await.is_ok());
    issuer.rotate(&[&new]);
    // A token that names an unknown key makes it look, and then what was remembered does not count any more.
    assert!(ask(&jwt, &SigningKey::new("x", Algorithm::EdDSA).token(&issuer.url, &json!({}))).await.is_err());
    assert_eq!(caller(&jwt, &of_old).await.unwrap_err().0, Some(InvalidCredential));
    assert!(ask(&jwt, &of_new).await.is_ok());
}

#[tokio::test]
async fn old_keys_are_looked_up_again_behind_the_back_of_requests() {
    let (old, new) = (SigningKey::new("k", Algorithm::ES256), SigningKey::new("k", Algorithm::ES256));
    let issuer = Issuer::start(&[&old]).await;
    let jwt = discovered(&issuer).refresh_after(Duration::ZERO).refresh_interval(Duration::ZERO).build().unwrap();
    let token = old.token(&issuer.url, &json!({}));
    assert!(ask(&jwt, &token).await.is_ok());
    issuer.rotate(&[&new]);
    while ask(&jwt, &token).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(ask(&jwt, &new.token(&issuer.url, &json!({}))).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_fetch() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let jwt = discovered(&issuer).build().unwrap();
    let unknown = SigningKey::new("x", Algorithm::ES256);
    // The first is told that the issuer has no such key, the others that nobody can tell before it may be asked again.
    for number in 0..200 {
        let header =
            jsonwebtoken::Header { kid: Some(number.to_string()), ..jsonwebtoken::Header::new(Algorithm::ES256) };
        let token = unknown.token_with(&header, &issuer.url, &json!({}));
        let expected = (number == 0).then_some(InvalidCredential);
        assert_eq!(caller(&jwt, &token).await.unwrap_err().0, expected);
    }
    assert_eq!(issuer.asked(), 1);
    assert!(ask(&jwt, &key.token(&issuer.url, &json!({}))).await.is_ok());
}

#[tokio::test]
async fn while_the_issuer_is_down_known_keys_stay_in_use() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let mut issuer = Issuer::start(&[&key]).await;
    let builder = || discovered(&issuer).refresh_after(Duration::ZERO).refresh_interval(Duration::ZERO);
    let (jwt, late) = (builder().build().unwrap(), builder().build().unwrap());
    let token = key.token(&issuer.url, &json!({}));
    assert!(ask(&jwt, &token).await.is_ok());
    issuer.take_down().await;
    for count in 0..3 {
        let token = key.token(&issuer.url, &json!({"jti": count}));
        assert!(ask(&jwt, &token).await.is_ok());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nobody can tell whether the issuer has such a key, nor whether a token is good before its keys were ever seen.
    let unknown = SigningKey::new("x", Algorithm::ES256).token(&issuer.url, &json!({}));
    assert_eq!(ask(&jwt, &unknown).await.unwrap_err().reason(), None);
    assert_eq!(ask(&late, &token).await.unwrap_err().reason(), None);
}
