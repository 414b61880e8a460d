//! Cookies of logins: what is sealed into them, and who gets them.

use std::time::{SystemTime, UNIX_EPOCH};

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use tower_vgi::rpc::{Sealer, TokenKeys};

/// Of a login that is under way.
pub(super) const SESSION: &str = "_vgi_oauth_session";
/// The token.
pub(super) const TOKEN: &str = "_vgi_auth";
/// Who is logged in, for scripts of pages to show.
pub(super) const IDENTITY: &str = "_vgi_identity";
/// How long a login may take, in seconds.
pub(super) const SESSION_SECONDS: u64 = 600;
/// Browsers drop a cookie without a word whose name and value are longer together.
const MAX_LENGTH: usize = 4096;

/// What was sealed into a cookie.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) value: String,
    /// In seconds.
    pub(super) age: u64,
}

/// Seals and opens the cookies of one service.
pub(super) struct Cookies {
    sealer: Sealer,
    /// Where the token's is sent to, and below it the session's.
    prefix: String,
    is_secure: bool,
}

impl Cookies {
    pub(super) fn new(keys: &TokenKeys, prefix: &str, is_secure: bool) -> Self {
        Self { sealer: keys.sealer("oauth login"), prefix: prefix.to_owned(), is_secure }
    }

    /// None where it would be longer than browsers take.
    pub(super) fn set(&self, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        self.set_at(now(), name, value, max_age)
    }

    pub(super) fn set_at(&self, made: u64, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        let expires = max_age.map_or(u64::MAX, |age| made.saturating_add(age));
        let sealed = self.sealer.seal(format!("{made} {expires} {value}").as_bytes(), &[name.as_bytes()]);
        self.plain(name, &sealed, max_age)
    }

    pub(super) fn clear(&self, name: &str) -> Option<HeaderValue> {
        self.plain(name, "", Some(0))
    }

    /// One that is not sealed. None where it would be longer than browsers take. Of this host only, since no domain is
    /// named.
    pub(super) fn plain(&self, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        if name.len() + value.len() > MAX_LENGTH {
            return None;
        }
        let below = if name == SESSION { "/_oauth/" } else { "" };
        let path = format!("{}{below}", self.prefix);
        let path = if path.is_empty() { "/" } else { &path };
        let age = max_age.map_or_else(String::new, |age| format!("; Max-Age={age}"));
        let secure = if self.is_secure { "; Secure" } else { "" };
        let hidden = if name == IDENTITY { "" } else { "; HttpOnly" };
        HeaderValue::from_str(&format!("{name}={value}; Path={path}{age}{hidden}; SameSite=Lax{secure}")).ok()
    }

    /// What was sealed into a cookie of this name, if the browser has it and its time is not over.
    pub(super) fn get(&self, headers: &HeaderMap, name: &str) -> Option<Opened> {
        let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        // Of two the one that opens: somebody else on the domain may have set the other.
        let opened = pairs.find_map(
            |(key, value)| {
                if key == name { self.sealer.open(value, &[name.as_bytes()]) } else { None }
            },
        )?;
        let opened = String::from_utf8(opened).ok()?;
        let (made, rest) = opened.split_once(' ')?;
        let (expires, value) = rest.split_once(' ')?;
        let now = now();
        // Another server's clock may be ahead of this one's.
        let age = now.saturating_sub(made.parse().ok()?);
        (now < expires.parse().ok()?).then(|| Opened { value: value.to_owned(), age })
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(header: &HeaderValue) -> HeaderMap {
        let pair = header.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&format!("a=b; {pair}; c=d")).unwrap())])
    }

    #[test]
    fn a_cookie_is_of_use_to_its_server_for_its_purpose_and_time() {
        let cookies = Cookies::new(&TokenKeys::new([1; 32]), "/vgi", true);
        let header = cookies.set(TOKEN, "secret", Some(60)).unwrap();
        let text = header.to_str().unwrap();
        assert!(text.ends_with("; Path=/vgi; Max-Age=60; HttpOnly; SameSite=Lax; Secure"), "{text}");
        assert!(!text.contains("secret"));
        let opened = cookies.get(&jar(&header), TOKEN).unwrap();
        assert_eq!(opened.value, "secret");
        assert!(opened.age < 60);
        assert_eq!(cookies.get(&jar(&header), SESSION), None);
        let moved = jar(&HeaderValue::from_str(&text.replace(TOKEN, SESSION)).unwrap());
        assert_eq!(cookies.get(&moved, SESSION), None);
        assert_eq!(Cookies::new(&TokenKeys::new([2; 32]), "/vgi", true).get(&jar(&header), TOKEN), None);
        assert_eq!(cookies.get(&jar(&cookies.set(TOKEN, "secret", Some(0)).unwrap()), TOKEN), None);
        assert_eq!(cookies.get(&HeaderMap::new(), TOKEN), None);
        assert!(cookies.set(TOKEN, &"x".repeat(MAX_LENGTH), None).is_none());
    }

    #[test]
    fn scripts_read_only_what_is_to_be_shown() {
        let cookies = Cookies::new(&TokenKeys::new([1; 32]), "/vgi", true);
        let header = cookies.plain(IDENTITY, "e30", Some(60)).unwrap();
        assert_eq!(header, "_vgi_identity=e30; Path=/vgi; Max-Age=60; SameSite=Lax; Secure");
        let longest = MAX_LENGTH - IDENTITY.len();
        assert!(cookies.plain(IDENTITY, &"x".repeat(longest), None).is_some());
        assert!(cookies.plain(IDENTITY, &"x".repeat(longest + 1), None).is_none());
    }

    #[test]
    fn paths_are_those_of_the_service() {
        let path = |prefix, name| {
            let cookies = Cookies::new(&TokenKeys::new([1; 32]), prefix, false);
            let header = cookies.clear(name).unwrap();
            header.to_str().unwrap().to_owned()
        };
        assert_eq!(path("", TOKEN), "_vgi_auth=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        assert_eq!(path("/a", SESSION), "_vgi_oauth_session=; Path=/a/_oauth/; Max-Age=0; HttpOnly; SameSite=Lax");
        assert!(path("", SESSION).contains("Path=/_oauth/;"));
    }
}
