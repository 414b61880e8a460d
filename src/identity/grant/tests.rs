#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::AuthContext;
use crate::identity::{GrantRequest, IdentityError, MintGrant as _};

/// What the reference makes of given keys, nonces and times, takes, and does not take.
const VECTORS: &str = include_str!("../../../tests/data/identity/grants.json");

const NOW: u64 = 1_800_000_000;

fn keys_of(case: &Value, defaults: &Value) -> GrantKeys {
    let of = |name: &str| case.get(name).unwrap_or(&defaults[name]).clone();
    let keys: Vec<String> = serde_json::from_value(of("verify_keys_b64")).unwrap();
    let keys = GrantKeys::from_text(&keys.join(",")).unwrap();
    configured(keys, &of("audience"), &of("max_ttl_seconds"))
}

/// What the vectors ask for is for no check of ours to judge.
fn any_scope(keys: &GrantKeys) -> SealedGrants {
    SealedGrants::new(keys.clone()).allow_scopes(|_, _| true)
}

fn configured(keys: GrantKeys, audience: &Value, max: &Value) -> GrantKeys {
    keys.audience(audience.as_str().unwrap()).max_time_to_live(Duration::from_secs(max.as_u64().unwrap())).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn request_of(request: &Value) -> GrantRequest {
    let text = |name: &str| request[name].as_str().unwrap().to_owned();
    let scopes: Vec<String> = serde_json::from_value(request["scopes"].clone()).unwrap();
    let caller = AuthContext::authenticated("test", text("principal"));
    GrantRequest::new(caller, text("purpose"), request["ttl_seconds"].as_i64().unwrap()).scopes(scopes)
}

fn keys(byte: u8) -> GrantKeys {
    GrantKeys::new([[byte; 32]]).unwrap()
}

fn minted(keys: &GrantKeys, request: &GrantRequest) -> Result<String, IdentityError> {
    let grants = any_scope(keys);
    let grant = grants.grant(request, "id".to_owned(), at(NOW))?;
    grants.seal(&grant, envelope::random_nonce())
}

fn caller(principal: impl Into<String>) -> AuthContext {
    AuthContext::authenticated("test", principal)
}

fn grant_for(seconds: i64) -> GrantRequest {
    GrantRequest::new(caller("alice"), "report", seconds).scopes(["read"])
}

/// Whether the token is taken, and if not, whether it is told to be out of time.
fn outcome(keys: &GrantKeys, token: &str, now: u64) -> Result<(), bool> {
    keys.verify_at(token, at(now)).map(drop).map_err(InvalidGrant::is_out_of_time)
}

#[test]
fn grants_are_those_of_the_reference() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let defaults = &vectors["defaults"];
    for case in vectors["mint"].as_array().unwrap() {
        let key = GrantKeys::from_text(case["minting_key_b64"].as_str().unwrap()).unwrap();
        let keys = configured(key, &case["audience"], &case["max_ttl_seconds"]);
        let now = case["now"].as_u64().unwrap();
        let request = &case["request"];
        let id = request["grant_id"].as_str().unwrap().to_owned();
        let grant = any_scope(&keys).grant(&request_of(request), id, at(now)).unwrap();
        let nonce = hex::decode(case["nonce_hex"].as_str().unwrap()).unwrap().try_into().unwrap();
        assert_eq!(hex::encode(payload::encode(&grant).unwrap()), case["payload_hex"], "{}", case["name"]);
        assert_eq!(any_scope(&keys).seal(&grant, nonce).unwrap(), case["token"], "{}", case["name"]);
        assert_eq!(keys.verify_at(case["token"].as_str().unwrap(), at(now)).unwrap(), grant);
        assert_eq!(grant.expires_at.timestamp(), case["claims"]["expires_at"]);
    }
    let verify = |case: &Value| {
        let now = case.get("now").unwrap_or(&defaults["now"]).as_u64().unwrap();
        outcome(&keys_of(case, defaults), case["token"].as_str().unwrap(), now)
    };
    for case in vectors["accept"].as_array().unwrap() {
        assert_eq!(verify(case), Ok(()), "{}", case["name"]);
    }
    for case in vectors["reject"].as_array().unwrap() {
        assert_eq!(verify(case), Err(case["expired"] == true), "{}", case["name"]);
    }
}

#[tokio::test]
async fn a_grant_says_who_has_it_for_what_and_until_when() {
    let keys = keys(1).max_time_to_live(Duration::from_secs(60)).unwrap();
    let before = seconds(SystemTime::now());
    let issued = any_scope(&keys).mint_grant(&grant_for(3600)).await.unwrap();
    let grant = keys.verify(&issued.token).unwrap();
    assert_eq!((grant.principal.as_str(), grant.purpose.as_str()), ("alice", "report"));
    assert_eq!((grant.scopes, grant.grant_id.clone()), (vec!["read".to_owned()], issued.grant_id.clone()));
    assert_eq!((grant.expires_at, (grant.expires_at - grant.issued_at).num_seconds()), (issued.expires_at, 60));
    assert!(grant.issued_at.timestamp() >= before);
    assert!(issued.grant_id.len() == 32 && issued.grant_id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let again = any_scope(&keys).mint_grant(&grant_for(3600)).await.unwrap();
    assert!(again.token != issued.token && again.grant_id != issued.grant_id);
    assert!(!format!("{issued:?}").contains(&issued.token));
}

#[test]
fn what_cannot_be_given_is_refused_and_says_why() {
    let refused = |request: GrantRequest| {
        let error = minted(&keys(1), &request).unwrap_err();
        assert_eq!(error.kind(), crate::identity::IdentityErrorKind::GrantRefused);
        error.detail().to_owned()
    };
    for seconds in [0, -1, i64::MIN] {
        assert!(refused(grant_for(seconds)).contains("positive"));
    }
    assert!(refused(GrantRequest::new(caller(""), "report", 60)).contains("somebody's"));
    for long in [
        grant_for(60).scopes(vec!["s"; 70_000]),
        grant_for(60).scopes(["s".repeat(70_000)]),
        GrantRequest::new(caller("alice"), "p".repeat(4096), 60),
        GrantRequest::new(caller("alice"), "p".repeat(3000), 60),
    ] {
        assert_eq!(refused(long), "the purpose and the scopes are too long for a grant");
    }
    assert_eq!(
        refused(GrantRequest::new(caller("a".repeat(5000)), "", 60)),
        "the caller's principal is too long for a grant"
    );
    // However long it is asked for.
    let grant = any_scope(&keys(1)).grant(&grant_for(i64::MAX), "id".to_owned(), at(NOW)).unwrap();
    assert_eq!((grant.expires_at - grant.issued_at).num_days(), 7);
}

#[test]
fn callers_pass_on_what_they_have_and_nothing_else() {
    let own = SealedGrants::new(keys(1));
    let scopes = |grants: &SealedGrants, caller: AuthContext, scopes: &[&str]| {
        let request = GrantRequest::new(caller, "report", 60).scopes(scopes.iter().copied());
        grants.grant(&request, "id".to_owned(), at(NOW)).map(|grant| grant.scopes)
    };
    let given = |scopes: &[&str]| Ok(scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>());
    for claim in ["scope", "scp"] {
        let alice = || caller("alice").with_claim(claim, "reports:read openid");
        assert_eq!(scopes(&own, alice(), &["reports:read"]), given(&["reports:read"]));
        assert_eq!(scopes(&own, alice(), &[]), given(&[]));
        for wanted in [&["reports:write"][..], &["reports:read", "reports:write"], &["reports"], &[""]] {
            let error = scopes(&own, alice(), wanted).unwrap_err();
            assert_eq!(error.kind(), crate::identity::IdentityErrorKind::GrantRefused);
            assert!(error.detail().contains("not the caller's to pass on"), "{error}");
        }
    }
    // Who has none passes none on, and what else is known of them counts only where you say so.
    let bob = || caller("bob").with_claim("roles", vec!["admin"]).with_claim("scopes", vec!["admin"]);
    assert!(scopes(&own, bob(), &["admin"]).is_err());
    let by_role = own.allow_scopes(|caller, scope| caller.claims.has_scope("roles", scope));
    assert_eq!(scopes(&by_role, bob(), &["admin"]), given(&["admin"]));
    assert!(scopes(&by_role, caller("carol").with_claim("scope", "admin"), &["admin"]).is_err());
}

#[test]
fn a_grant_is_good_in_its_time_and_a_minute_around_it() {
    let keys = keys(1);
    let token = minted(&keys, &grant_for(100)).unwrap();
    for now in [NOW - 60, NOW, NOW + 100, NOW + 159] {
        assert_eq!(outcome(&keys, &token, now), Ok(()), "{now}");
    }
    for now in [0, NOW - 61, NOW + 160, u64::from(u32::MAX)] {
        assert_eq!(outcome(&keys, &token, now), Err(true), "{now}");
    }
    let strict = keys.clone().clock_skew(Duration::ZERO).unwrap();
    assert_eq!(outcome(&strict, &token, NOW + 100), Err(true));
    let lax = keys.clock_skew(Duration::from_secs(3600)).unwrap();
    assert_eq!((outcome(&lax, &token, NOW + 3699), outcome(&lax, &token, NOW + 3700)), (Ok(()), Err(true)));
}

#[test]
fn no_byte_of_it_can_be_changed_or_left_out() {
    let keys = keys(1);
    let token = minted(&keys, &grant_for(100)).unwrap();
    for index in 0..token.len() {
        assert_eq!(outcome(&keys, &token[..index], NOW), Err(false), "cut at {index}");
        let mut changed = token.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        assert_eq!(outcome(&keys, &String::from_utf8(changed).unwrap(), NOW), Err(false), "byte {index}");
    }
    // Out of its time, it is told no more of what was changed.
    let end = if token.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{end}", &token[..token.len() - 1]);
    assert_eq!(outcome(&keys, &changed, NOW + 1_000_000), Err(false));
}

#[test]
fn it_is_written_in_one_way_only() {
    let keys = keys(1);
    // Of a length that leaves bits over.
    let token = (0..4).map(|more| minted(&keys, &GrantRequest::new(caller("a".repeat(1 + more)), "", 9)).unwrap());
    for token in token {
        let spellings = [
            format!("{token}="),
            format!("{token}=="),
            format!("{token} "),
            format!(" {token}"),
            format!("{token}\n"),
            token.to_ascii_uppercase(),
            token.replace("vgig1.", "VGIG1."),
            token.replace("vgig1.", "vgig1.vgig1."),
            token.replace("vgig1.", "vgig2."),
            token.replace("vgig1.", ""),
            token.replace(['-', '_'], "+"),
        ];
        for spelling in spellings.iter().filter(|spelling| **spelling != token) {
            assert_eq!(outcome(&keys, spelling, NOW), Err(false), "{spelling}");
        }
        let stem = &token[..token.len() - 1];
        let taken = URL_SAFE.chars().filter(|last| outcome(&keys, &format!("{stem}{last}"), NOW).is_ok());
        assert_eq!(taken.count(), 1);
    }
}

const URL_SAFE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn keys_audiences_and_lifetimes_keep_deployments_apart() {
    let (ours, others) = (keys(1).audience("ours"), keys(1).audience("others"));
    let token = minted(&ours, &grant_for(3600)).unwrap();
    assert_eq!(outcome(&ours, &token, NOW), Ok(()));
    assert_eq!(outcome(&others, &token, NOW), Err(false));
    assert_eq!(outcome(&keys(1), &token, NOW), Err(false));
    assert_eq!(outcome(&keys(2).audience("ours"), &token, NOW), Err(false));
    let shorter = ours.max_time_to_live(Duration::from_secs(3599)).unwrap();
    assert_eq!(outcome(&shorter, &token, NOW), Err(false));
}

#[test]
fn another_keys_id_does_not_open_it() {
    let both = GrantKeys::new([[1; 32], [2; 32]]).unwrap();
    let token = minted(&both, &grant_for(100)).unwrap();
    let mut sealed = URL_SAFE_NO_PAD.decode(&token[GRANT_PREFIX.len()..]).unwrap();
    let second = keys(2).minting().id().to_vec();
    sealed.splice(..8, second);
    let swapped = format!("{GRANT_PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed));
    assert_eq!(outcome(&both, &swapped, NOW), Err(false));
}

#[test]
fn keys_rotate() {
    let old = keys(1);
    let (new, gone) = (GrantKeys::new([[2; 32], [1; 32]]).unwrap(), keys(2));
    let (before, after) = (minted(&old, &grant_for(100)).unwrap(), minted(&new, &grant_for(100)).unwrap());
    assert_eq!((outcome(&new, &before, NOW), outcome(&new, &after, NOW)), (Ok(()), Ok(())));
    assert_eq!((outcome(&gone, &before, NOW), outcome(&gone, &after, NOW)), (Err(false), Ok(())));
}

#[test]
fn what_is_long_or_has_no_grant_inside_is_refused() {
    let keys = keys(1);
    for token in
        ["", "vgig1.", "vgig1", "vgig1.AAAA", "a.b.c", &"A".repeat(1 << 20), &format!("vgig1.{}", "A".repeat(1 << 20))]
    {
        assert_eq!(outcome(&keys, token, NOW), Err(false));
    }
}

#[test]
fn what_is_sealed_has_to_be_a_grant_to_its_last_byte() {
    let keys = keys(1);
    let grant = any_scope(&keys).grant(&grant_for(100), "id".to_owned(), at(NOW)).unwrap();
    let whole = payload::encode(&grant).unwrap();
    let seal = |payload: &[u8]| {
        let key = keys.minting();
        let write = |sealed: &mut Vec<u8>| sealed.extend_from_slice(payload);
        let envelope =
            envelope::seal_with(key.bytes(), &keys.associated(key), envelope::random_nonce(), 0, write).unwrap();
        format!("{GRANT_PREFIX}{}", URL_SAFE_NO_PAD.encode([key.id(), &envelope].concat()))
    };
    assert_eq!(outcome(&keys, &seal(&whole), NOW), Ok(()));
    for cut in 0..whole.len() {
        assert_eq!(outcome(&keys, &seal(&whole[..cut]), NOW), Err(false), "{cut}");
    }
    assert_eq!(outcome(&keys, &seal(&[&whole[..], b"\0"].concat()), NOW), Err(false));
    let mut not_text = whole.clone();
    let alice = not_text.windows(5).position(|window| window == b"alice").unwrap();
    not_text[alice] = 0xff;
    assert_eq!(outcome(&keys, &seal(&not_text), NOW), Err(false));
    let nobody = Grant { principal: String::new(), ..grant.clone() };
    assert_eq!(outcome(&keys, &seal(&payload::encode(&nobody).unwrap()), NOW), Err(false));
    let backwards = Grant { expires_at: grant.issued_at, ..grant };
    assert_eq!(outcome(&keys, &seal(&payload::encode(&backwards).unwrap()), NOW), Err(false));
}
