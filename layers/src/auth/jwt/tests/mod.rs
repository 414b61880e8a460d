//! Tokens of a real issuer, and all that is wrong with others.

mod age;
mod attacks;
mod issuer;
mod rotation;

use http::request::Parts;
use http::{HeaderValue, Request, header};
use jsonwebtoken::Algorithm;
use serde_json::json;
use tower_vgi::{AuthContext, AuthReason};

use super::*;
use crate::auth::{AuthError, Authenticate as _};
use issuer::{AUDIENCE, SigningKey};

fn head(token: &str) -> Parts {
    let mut head = Request::new(()).into_parts().0;
    head.headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    head
}

async fn ask(jwt: &Jwt, token: &str) -> Result<AuthContext, AuthError> {
    jwt.authenticate(&head(token)).await
}

/// The caller's name, or the reason and the detail of a refusal.
async fn caller(jwt: &Jwt, token: &str) -> Result<String, (Option<AuthReason>, String)> {
    let caller = ask(jwt, token).await;
    caller.map(|caller| caller.principal).map_err(|error| (error.reason(), error.detail().to_owned()))
}

const ISSUER: &str = "https://issuer.example";

fn given(keys: &[&SigningKey]) -> JwtBuilder {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    Jwt::builder().issuer(ISSUER).audience(AUDIENCE).jwks(json!({"keys": keys}).to_string())
}

#[tokio::test]
async fn every_algorithm_of_public_keys_is_understood() {
    for algorithm in [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ] {
        let key = SigningKey::new("k", algorithm);
        let jwt = given(&[&key]).build().unwrap();
        let claims = json!({"scope": "read write"});
        // Once checked, and once remembered.
        for _ in 0..2 {
            let caller = ask(&jwt, &key.token(ISSUER, &claims)).await.unwrap();
            assert_eq!((caller.domain.as_str(), caller.principal.as_str()), ("jwt", "alice"), "{algorithm:?}");
            assert!(caller.authenticated && caller.claims["scope"] == "read write");
        }
    }
}

#[tokio::test]
async fn who_the_caller_is_called_is_configured() {
    let key = SigningKey::new("k", Algorithm::EdDSA);
    let jwt = given(&[&key]).principal_claim("email").domain("corp").build().unwrap();
    let caller = ask(&jwt, &key.token(ISSUER, &json!({"email": "a@example"}))).await.unwrap();
    assert_eq!((caller.domain.as_str(), caller.principal.as_str()), ("corp", "a@example"));
    for name in [json!(null), json!(""), json!(7)] {
        let refused = ask(&jwt, &key.token(ISSUER, &json!({"email": name}))).await.unwrap_err();
        assert_eq!(refused.reason(), Some(AuthReason::InvalidCredential), "{name}");
    }
}

#[tokio::test]
async fn one_of_several_issuers_and_audiences_is_enough() {
    let key = SigningKey::new("k", Algorithm::ES256);
    let jwt = given(&[&key]).issuer("https://other.example").audience("second").build().unwrap();
    let claims = json!({"aud": ["first", "second"]});
    assert_eq!(caller(&jwt, &key.token("https://other.example", &claims)).await.as_deref(), Ok("alice"));
}

#[tokio::test]
async fn clocks_may_differ_by_the_leeway() {
    let key = SigningKey::new("k", Algorithm::ES256);
    let jwt = given(&[&key]).leeway(std::time::Duration::from_secs(60)).build().unwrap();
    let now = jsonwebtoken::get_current_timestamp();
    for claims in [json!({"exp": now - 30}), json!({"nbf": now + 30})] {
        assert_eq!(caller(&jwt, &key.token(ISSUER, &claims)).await.as_deref(), Ok("alice"), "{claims}");
    }
}

#[tokio::test]
async fn a_token_without_a_key_id_may_be_signed_by_any_key_of_its_kind() {
    let keys = ["a", "b"].map(|id| SigningKey::new(id, Algorithm::ES256));
    let other = SigningKey::new("c", Algorithm::EdDSA);
    let jwt = given(&[&other, &keys[0], &keys[1]]).build().unwrap();
    let header = jsonwebtoken::Header::new(Algorithm::ES256);
    for key in &keys {
        assert_eq!(caller(&jwt, &key.token_with(&header, ISSUER, &json!({}))).await.as_deref(), Ok("alice"));
    }
    let foreign = SigningKey::new("a", Algorithm::ES256).token_with(&header, ISSUER, &json!({}));
    assert_eq!(caller(&jwt, &foreign).await.unwrap_err().1, "the token's signature is not valid");
}

#[test]
fn what_cannot_be_checked_is_not_built() {
    let key = SigningKey::new("k", Algorithm::ES256);
    let says = |builder: JwtBuilder| builder.build().unwrap_err().to_string();
    assert!(says(Jwt::builder().audience("a").jwks("{}")).contains("who may have made"));
    assert!(says(Jwt::builder().issuer("i").jwks("{}")).contains("for whom"));
    assert!(says(given(&[&key]).algorithms([])).contains("by which algorithms"));
    assert!(says(given(&[&key]).algorithms([Algorithm::ES256, Algorithm::HS256])).contains("HMAC"));
    assert!(says(given(&[])).contains("no public key"));
    assert!(says(given(&[&key]).jwks("x")).contains("no JSON"));
    assert!(says(given(&[&key]).leeway(std::time::Duration::MAX)).contains("leeway"));
    assert!(says(Jwt::builder().issuer("alice").audience("a")).contains("no address"));
    assert!(says(given(&[&key]).jwks_url("ftp://a/b")).contains("no address"));
    for at in [given(&[&key]).jwks_url("http://keys.example"), Jwt::builder().issuer("http://a.example").audience("a")]
    {
        assert!(says(at.clone()).contains("allow_http"));
        assert!(at.allow_http().build().is_ok());
    }
    assert!(given(&[&key]).jwks_url("http://localhost/keys").build().is_ok());
}
