//! Tokens that somebody has made up, each refused for its reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use tower_vgi::AuthReason::{ExpiredCredential, InvalidCredential};

use super::issuer::{SigningKey, good_claims, public_rsa_key};
use super::{ISSUER, ask, caller, given};

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn every_claim_counts() {
    let key = SigningKey::new("k", Algorithm::ES256);
    let jwt = given(&[&key]).build().unwrap();
    let now = get_current_timestamp();
    for (claims, reason, detail) in [
        (json!({"exp": now - 3600}), ExpiredCredential, "the token has expired"),
        (json!({"exp": 0}), ExpiredCredential, "the token has expired"),
        (json!({"exp": null}), InvalidCredential, "the token has no claim exp"),
        (json!({"exp": "soon"}), InvalidCredential, "the token has no claim exp"),
        (json!({"nbf": now + 3600}), InvalidCredential, "the token is not valid yet"),
        (json!({"nbf": "soon"}), InvalidCredential, "the token's claim nbf has not the form it should"),
        (json!({"aud": "another"}), InvalidCredential, "the token was made for another audience"),
        (json!({"aud": ["another"]}), InvalidCredential, "the token was made for another audience"),
        (json!({"aud": []}), InvalidCredential, "the token was made for another audience"),
        (json!({"aud": null}), InvalidCredential, "the token has no claim aud"),
        (json!({"iss": "https://evil.example"}), InvalidCredential, "the token is of an issuer that is not accepted"),
        (json!({"iss": [ISSUER, "x"]}), InvalidCredential, "the token is of an issuer that is not accepted"),
        (json!({"iss": null}), InvalidCredential, "the token has no claim iss"),
        (json!({"sub": null}), InvalidCredential, "the token's claim sub names nobody"),
    ] {
        let refused = caller(&jwt, &key.token(ISSUER, &claims)).await;
        assert_eq!(refused, Err((Some(reason), detail.to_owned())), "{claims}");
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_none() {
    let key = SigningKey::new("k", Algorithm::ES256);
    let jwt = given(&[&key]).build().unwrap();
    let claims = part(&good_claims(ISSUER, &json!({})));
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{claims}.{signature}", part(&json!({"alg": algorithm, "kid": "k"})));
            let (reason, _) = caller(&jwt, &token).await.unwrap_err();
            assert_eq!(reason, Some(InvalidCredential), "{token}");
        }
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let rsa = SigningKey::new("k", Algorithm::RS256);
    let jwt = given(&[&rsa]).build().unwrap();
    let claims = good_claims(ISSUER, &json!({}));
    let mut secrets = public_rsa_key();
    secrets.push(rsa.jwk()["n"].as_str().unwrap().as_bytes().to_vec());
    for secret in secrets {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header { kid: Some("k".to_owned()), ..Header::new(algorithm) };
            let token = encode(&header, &claims, &EncodingKey::from_secret(&secret).unwrap()).unwrap();
            let refused = caller(&jwt, &token).await.unwrap_err();
            assert_eq!(refused, (Some(InvalidCredential), "the token's algorithm is not accepted".to_owned()));
        }
    }
    // Not even where the issuer publishes a secret.
    let secret = json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"});
    let keys = json!({"keys": [rsa.jwk(), secret]}).to_string();
    let jwt = given(&[&rsa]).jwks(keys).build().unwrap();
    let header = Header { kid: Some("s".to_owned()), ..Header::new(Algorithm::HS256) };
    let token = encode(&header, &claims, &EncodingKey::from_secret(b"secret").unwrap()).unwrap();
    assert_eq!(caller(&jwt, &token).await.unwrap_err().0, Some(InvalidCredential));
}

#[tokio::test]
async fn a_key_is_for_its_own_kind_of_algorithm() {
    // The RSA key is the same one, published for RS256 only.
    let (rs256, ps256) = (SigningKey::new("k", Algorithm::RS256), SigningKey::new("k", Algorithm::PS256));
    let jwt = given(&[&rs256]).build().unwrap();
    assert!(ask(&jwt, &rs256.token(ISSUER, &json!({}))).await.is_ok());
    assert_eq!(caller(&jwt, &ps256.token(ISSUER, &json!({}))).await.unwrap_err().0, Some(InvalidCredential));
    let jwt = given(&[&rs256]).algorithms([Algorithm::ES256]).build().unwrap();
    assert_eq!(caller(&jwt, &rs256.token(ISSUER, &json!({}))).await.unwrap_err().0, Some(InvalidCredential));
    // A key that is not for signatures, and one that is too small to be.
    let mut encryption = rs256.jwk();
    encryption["use"] = "enc".into();
    let mut small = rs256.jwk();
    small["n"] = URL_SAFE_NO_PAD.encode([0xff; 128]).into();
    for key in [encryption, small] {
        let keys = json!({"keys": [key]}).to_string();
        assert!(given(&[]).jwks(keys).build().unwrap_err().to_string().contains("no public key"));
    }
}

#[tokio::test]
async fn nothing_of_a_token_can_be_changed() {
    let key = SigningKey::new("k", Algorithm::EdDSA);
    let jwt = given(&[&key]).build().unwrap();
    let token = key.token(ISSUER, &json!({}));
    assert!(ask(&jwt, &token).await.is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let claims = part(&good_claims(ISSUER, &json!({"sub": "mallory"})));
    let critical = part(&json!({"alg": "EdDSA", "kid": "k", "crit": ["x"], "x": 1}));
    let embedded = part(&json!({"alg": "EdDSA", "kid": "k", "jwk": SigningKey::new("k", Algorithm::EdDSA).jwk()}));
    let elsewhere = part(&json!({"alg": "EdDSA", "kid": "k", "jku": "https://evil.example/keys"}));
    for token in [
        format!("{}.{claims}.{}", parts[0], parts[2]),
        format!("{critical}.{}.{}", parts[1], parts[2]),
        format!("{embedded}.{}.{}", parts[1], parts[2]),
        format!("{elsewhere}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.{token}"),
        format!("{token}="),
        parts[0].to_owned(),
        "..".to_owned(),
        "x".to_owned(),
        "\u{7f}".replace('\u{7f}', "%00"),
        SigningKey::new("k", Algorithm::EdDSA).token(ISSUER, &json!({})),
        SigningKey::new("k", Algorithm::ES256).token(ISSUER, &json!({})),
        SigningKey::new("other", Algorithm::EdDSA).token(ISSUER, &json!({})),
        format!("{}.{}.{}", part(&json!([])), parts[1], parts[2]),
        format!("{}.{}.{}", part(&json!({"alg": "EdDSA", "kid": 7})), parts[1], parts[2]),
        "x".repeat(15 * 1024),
    ] {
        let (reason, detail) = caller(&jwt, &token).await.unwrap_err();
        assert_eq!(reason, Some(InvalidCredential), "{detail}: {token}");
    }
    assert!(ask(&jwt, &token).await.is_ok());
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let key = SigningKey::new("k", Algorithm::ES256);
    let jwt = given(&[&key]).leeway(std::time::Duration::ZERO).build().unwrap();
    let token = key.token(ISSUER, &json!({"exp": get_current_timestamp() + 1}));
    assert!(ask(&jwt, &token).await.is_ok());
    let refused = loop {
        if let Err(error) = ask(&jwt, &token).await {
            break error;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(refused.reason(), Some(ExpiredCredential));
}
