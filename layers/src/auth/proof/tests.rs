//! Proofs by the reference's own vectors, and everything that is wrong with others.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use tower_vgi::AuthReason;

use super::gate::Moment;
use super::token::{Flaw, verify};
use super::*;
use crate::auth::Gate;

/// Made by the reference: secret, server, time, token.
const VECTORS: [(&str, &str, u64, &str); 2] = [
    (
        "1111111111111111111111111111111111111111111111111111111111111111",
        "conformance-origin",
        1_700_000_000,
        "v1.conformance-proxy.1700000000.AAAAAAAAAAAAAAAAAAAAAA.pbkCqAOjBHRZQEdGllYzePRph5t7AfpPDYCuvS5JqL8",
    ),
    (
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "https://worker.example:8443/vgi",
        0,
        "v1.prod-use1_v2.0.Q0ZPUk1BTkNFTk9OQ0UxMQ.bKRfWWP_-J0HTsRw5BNSRbuHmZGgpwE2SYPwfq-dDSs",
    ),
];

const NOW: u64 = 1_700_000_000;
const SERVER: &str = "server-1";

fn secrets() -> ProofSecrets {
    ProofSecrets::new().with("edge", [1; 32], "edge-proxy").unwrap().with("edge-2", [2; 32], "edge-proxy").unwrap()
}

fn token(key_id: &str, secret: u8, server: &str, seconds: u64, nonce: u8) -> String {
    mint(&[secret; 32], key_id, server, seconds, [nonce; 16]).unwrap()
}

fn flaw(token: &str) -> Result<(), Flaw> {
    verify(token, &secrets(), SERVER, NOW, 30).map(|_| ())
}

fn look(gate: &ProxyProof, tokens: &[&str]) -> Result<String, (Option<AuthReason>, String)> {
    look_at(gate, tokens, Moment { seconds: NOW, instant: Instant::now() })
}

fn look_at(gate: &ProxyProof, tokens: &[&str], at: Moment) -> Result<String, (Option<AuthReason>, String)> {
    let mut headers = HeaderMap::new();
    for token in tokens {
        headers.append(PROXY_PROOF, HeaderValue::from_str(token).unwrap());
    }
    let seen = gate.look(&headers, at);
    let text = |name: &str, seen: &serde_json::Map<_, _>| seen[name].as_str().unwrap().to_owned();
    seen.map(|seen| format!("{} {} {}", text("verified", &seen), text("proxy", &seen), text("reason", &seen)))
        .map_err(|error| (error.reason(), error.detail().to_owned()))
}

#[test]
fn tokens_are_those_of_the_reference() {
    for (secret, server, seconds, token) in VECTORS {
        let secret: [u8; 32] = hex::decode(secret).unwrap().try_into().unwrap();
        let mut parts = token.split('.').skip(1);
        let (key_id, nonce) = (parts.next().unwrap(), parts.nth(1).unwrap());
        let secrets = ProofSecrets::new().with(key_id, secret, "the proxy").unwrap();
        let proof = verify(token, &secrets, server, seconds, 30).unwrap();
        assert_eq!((proof.key_id, proof.proxy, &proof.nonce[..]), (key_id, "the proxy", nonce.as_bytes()));
        assert_eq!(verify(token, &secrets, "another", seconds, 30), Err(Flaw::BadMac));
    }
    let base: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let derived = derive_secret(&base, "edge-1", "worker.example").unwrap();
    assert_eq!(hex::encode(derived), "c64a75b90452ccb716759473d0992e493f8814a5bebafdaddcde7bdd39bee50a");
}

#[test]
fn both_ends_of_the_time_window_are_kept() {
    for (seconds, expected) in [
        (NOW - 30, Ok(())),
        (NOW + 30, Ok(())),
        (NOW - 31, Err(Flaw::Expired)),
        (NOW + 31, Err(Flaw::NotYetValid)),
        (0, Err(Flaw::Expired)),
        (u64::MAX, Err(Flaw::NotYetValid)),
    ] {
        assert_eq!(flaw(&token("edge", 1, SERVER, seconds, 1)), expected, "{seconds}");
    }
    // More than fits into 64 bits.
    let far = "v1.edge.99999999999999999999.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(flaw(far), Err(Flaw::NotYetValid));
}

#[test]
fn only_the_secret_of_the_key_opens() {
    assert_eq!(flaw(&token("edge-2", 2, SERVER, NOW, 1)), Ok(()));
    assert_eq!(flaw(&token("edge", 2, SERVER, NOW, 1)), Err(Flaw::BadMac));
    assert_eq!(flaw(&token("edge-3", 1, SERVER, NOW, 1)), Err(Flaw::UnknownKey));
    assert_eq!(flaw(&token("edge", 1, "server-2", NOW, 1)), Err(Flaw::BadMac));
    let good = token("edge", 1, SERVER, NOW, 1);
    let parts: Vec<&str> = good.split('.').collect();
    let later = (NOW + 1).to_string();
    for (index, other) in [(2, later.as_str()), (3, "BBBBBBBBBBBBBBBBBBBBBA"), (4, &"A".repeat(43))] {
        let mut parts = parts.clone();
        parts[index] = other;
        assert_eq!(flaw(&parts.join(".")), Err(Flaw::BadMac), "{index}");
    }
}

#[test]
fn what_has_not_the_form_is_malformed() {
    let good = token("edge", 1, SERVER, NOW, 1);
    let (head, mac) = good.rsplit_once('.').unwrap();
    let long_id = format!("v1.{}.1.AAAAAAAAAAAAAAAAAAAAAA.{mac}", "k".repeat(65));
    let too_long = "x".repeat(600);
    let bad_macs = [&mac[..42], &format!("{mac}A"), &format!("{}=", &mac[..42]), &format!("{}+", &mac[..42])];
    let bad_macs = bad_macs.map(|mac| format!("{head}.{mac}"));
    let others = [
        "",
        "garbage",
        "v1.a.b.c",
        "v1.a.b.c.d.e",
        &good.replace("v1.", "v2."),
        &good.replace("edge", "ed!ge"),
        &good.replace("edge", ""),
        &good.replace(&NOW.to_string(), "+1700000000"),
        &good.replace(&NOW.to_string(), "-1"),
        &good.replace(&NOW.to_string(), ""),
        &good.replace(&NOW.to_string(), "1".repeat(21).as_str()),
        &format!("{good}.x"),
        &format!(" {good}"),
        &long_id,
        &too_long,
    ];
    for token in others.into_iter().chain(bad_macs.iter().map(String::as_str)) {
        assert_eq!(flaw(token), Err(Flaw::Malformed), "{token}");
    }
}

#[test]
fn refusals_are_alike_whatever_is_wrong() {
    let gate = ProxyProof::require(SERVER, secrets()).unwrap();
    let good = token("edge", 1, SERVER, NOW, 1);
    assert_eq!(look(&gate, &[&good]), Ok("true edge-proxy ok".to_owned()));
    let (old, foreign) = (token("edge", 1, SERVER, NOW - 60, 2), token("edge", 2, SERVER, NOW, 3));
    let fresh = token("edge", 1, SERVER, NOW, 9);
    for tokens in [&[][..], &["garbage"], &[&good], &[&old], &[&foreign], &[&fresh, &fresh]] {
        let refusal = look(&gate, tokens).unwrap_err();
        assert_eq!(refusal, (Some(AuthReason::ProxyRequired), "proxy proof required".to_owned()), "{tokens:?}");
    }
    assert_eq!(look(&gate, &[&fresh]), Ok("true edge-proxy ok".to_owned()));
    let counts = gate.counts();
    assert_eq!((counts.verified, counts.unverified), (2, 6));
    assert_eq!(gate.proxy_headers(), [PROXY_PROOF]);
}

#[test]
fn a_gate_that_only_looks_says_what_it_saw() {
    let gate = ProxyProof::allow(SERVER, secrets()).unwrap();
    let good = token("edge", 1, SERVER, NOW, 1);
    assert_eq!(look(&gate, &[&good]), Ok("true edge-proxy ok".to_owned()));
    assert_eq!(look(&gate, &[&good]), Ok("false  replayed".to_owned()));
    assert_eq!(look(&gate, &[]), Ok("false  no_proof".to_owned()));
    assert!(gate.proxy_headers().is_empty());

    let gate = gate.replay_capacity(0);
    for _ in 0..2 {
        assert_eq!(look(&gate, &[&good]), Ok("true edge-proxy ok".to_owned()));
    }
}

#[test]
fn a_proof_is_remembered_for_as_long_as_it_holds() {
    let gate = ProxyProof::allow(SERVER, secrets()).unwrap();
    let (good, start) = (token("edge", 1, SERVER, NOW + 30, 1), Instant::now());
    // From the very beginning of the first second in which it holds to the very end of the last one.
    let at = |milliseconds: u64| Moment {
        seconds: NOW + milliseconds / 1000,
        instant: start + Duration::from_millis(milliseconds),
    };
    assert_eq!(look_at(&gate, &[&good], at(0)), Ok("true edge-proxy ok".to_owned()));
    for milliseconds in [60_000, 60_001, 60_999] {
        assert_eq!(look_at(&gate, &[&good], at(milliseconds)), Ok("false  replayed".to_owned()), "{milliseconds}");
    }
    assert_eq!(look_at(&gate, &[&good], at(61_000)), Ok("false  expired".to_owned()));
}

#[test]
fn clones_remember_together() {
    let gate = ProxyProof::allow(SERVER, secrets()).unwrap().skew(Duration::from_secs(5));
    let good = token("edge", 1, SERVER, NOW, 1);
    assert_eq!(look(&gate.clone(), &[&good]), Ok("true edge-proxy ok".to_owned()));
    assert_eq!(look(&gate, &[&good]), Ok("false  replayed".to_owned()));
    assert_eq!(look(&gate, &[&token("edge", 1, SERVER, NOW + 6, 2)]), Ok("false  not_yet_valid".to_owned()));
}

#[test]
fn a_server_that_cannot_check_does_not_start() {
    let hex = "0".repeat(64);
    let text = format!("a:{hex}, b:{hex}");
    let parsed: ProofSecrets = text.parse().unwrap();
    assert!(parsed.get("a").is_some() && parsed.get("b").is_some());
    let short = format!("a:{}", &hex[1..]);
    let bad_id = format!("a.b:{hex}");
    let (swapped, second) = (format!("{hex}:a"), format!("a:{hex},b:{hex},{hex}:b"));
    let twice = format!("a:{hex},b:{hex},a:{}", "1".repeat(64));
    for (text, says) in [
        ("a", "entry 1"),
        ("a:xyz", "entry 1"),
        (short.as_str(), "64 hexadecimal digits"),
        (&bad_id, "a.b"),
        (&hex, "entry 1"),
        (&swapped, "entry 1"),
        (&second, "entry 3"),
        (&twice, "\"a\" is given twice"),
    ] {
        let error = text.parse::<ProofSecrets>().unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains(&hex[..60]), "{error}");
    }
    assert!(secrets().with("edge", [3; 32], "edge-proxy").is_err());
    assert!(ProxyProof::require(SERVER, ProofSecrets::new()).is_err());
    for server in ["", "a b", "ä", &"x".repeat(256)] {
        assert!(ProxyProof::allow(server, secrets()).is_err(), "{server}");
    }
    assert!(!format!("{parsed:?}").contains("000"));
}
