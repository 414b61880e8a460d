//! Cookies of logins: what is sealed into them, and who gets them.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use tower_vgi::rpc::{Sealer, TokenKeys};

use super::claims::now;
use super::config::Login;

/// Of a login that is under way. Up to so many of a browser's tabs can log in at the same time; more would make its requests
/// too long for servers on the way. Which one a login has is by chance, so that of two tabs the later one may take that of
/// the earlier: cookies below a prefix are not seen where logins begin.
pub(super) const SESSIONS: [&str; 4] =
    ["_vgi_oauth_session", "_vgi_oauth_session_1", "_vgi_oauth_session_2", "_vgi_oauth_session_3"];
/// The token.
pub(super) const TOKEN: &str = "_vgi_auth";
/// What became of the latest login.
pub(super) const LATEST: &str = "_vgi_login";
/// Who is logged in, for scripts of pages to show.
pub(super) const IDENTITY: &str = "_vgi_identity";
/// How long a login may take, in seconds.
pub(super) const SESSION_SECONDS: u64 = 600;
/// Browsers drop those of which name and value are longer.
const MAX_LENGTH: usize = 4096;
/// What the cookies of a login may have together. Browsers send them with every request, and servers on the way take heads
/// of 8 KiB.
pub(super) const MAX_TOGETHER: usize = 6 * 1024;
/// Where a login that is under way is to lead is no longer than this: several may be beside the others.
const MAX_SESSION: usize = 1024;

/// The cookie of the login with this state.
pub(super) fn session(state: &str) -> &'static str {
    SESSIONS[usize::from(state.bytes().next().unwrap_or_default()) % SESSIONS.len()]
}

/// What was sealed into a cookie.
#[derive(PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) value: String,
    /// In seconds.
    pub(super) age: u64,
    /// Whether it is known how long the value is good for. It still is.
    pub(super) is_bounded: bool,
}

/// Seals and opens the cookies of one service.
pub(super) struct Cookies {
    sealer: Sealer,
    /// What they are good for: this service, as this client of this provider.
    context: [String; 3],
    /// Where the token's is sent to, and below it the session's.
    prefix: String,
    is_secure: bool,
}

impl Cookies {
    pub(super) fn new(keys: &TokenKeys, login: &Login) -> Self {
        let (origin, prefix) = login.origin_and_prefix();
        Self {
            sealer: keys.sealer("oauth login"),
            context: [login.service.clone(), login.issuer.clone(), login.client_id.clone()],
            prefix: prefix.to_owned(),
            is_secure: origin.starts_with("https://"),
        }
    }

    /// None where it would be longer than browsers take.
    pub(super) fn set(&self, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        self.set_at(now(), name, value, max_age)
    }

    pub(super) fn set_at(&self, made: u64, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        let expires = max_age.map_or(u64::MAX, |age| made.saturating_add(age));
        let sealed = self.sealer.seal(format!("{made} {expires} {value}").as_bytes(), &self.associated(name));
        self.header(name, &sealed, max_age)
    }

    /// One that is not sealed, and that scripts may read. None where it would be longer than browsers take.
    pub(super) fn show(&self, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        self.header(name, value, max_age)
    }

    pub(super) fn clear(&self, name: &str) -> Option<HeaderValue> {
        self.header(name, "", Some(0))
    }

    fn associated<'a>(&'a self, name: &'a str) -> [&'a [u8]; 4] {
        let [service, issuer, client] = &self.context;
        [name.as_bytes(), service.as_bytes(), issuer.as_bytes(), client.as_bytes()]
    }

    /// Whether browsers can be told to take it from this very host only, and not from others of its domain: that is so for
    /// those of all of a host. Scripts know the other one by its name.
    fn is_of_host(&self, name: &str) -> bool {
        self.is_secure && self.prefix.is_empty() && name != IDENTITY
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", if self.is_of_host(name) { "__Host-" } else { "" })
    }

    /// Of this host only, since no domain is named.
    fn header(&self, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        let is_session = SESSIONS.contains(&name);
        let below = if is_session && !self.is_of_host(name) { "/_oauth/" } else { "" };
        let path = format!("{}{below}", self.prefix);
        let path = if path.is_empty() { "/" } else { &path };
        let age = max_age.map_or_else(String::new, |age| format!("; Max-Age={age}"));
        let secure = if self.is_secure { "; Secure" } else { "" };
        let hidden = if name == IDENTITY { "" } else { "; HttpOnly" };
        let name = self.name(name);
        let longest = if is_session { MAX_SESSION } else { MAX_LENGTH };
        if name.len() + value.len() > longest {
            return None;
        }
        HeaderValue::from_str(&format!("{name}={value}; Path={path}{age}{hidden}; SameSite=Lax{secure}")).ok()
    }

    /// What was sealed into a cookie of this name, if the browser has it and its time is not over.
    pub(super) fn get(&self, headers: &HeaderMap, name: &str) -> Option<Opened> {
        let wanted = self.name(name);
        let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        // Cookies of others may be of whatever bytes they like.
        let mut opened = pairs
            .filter_map(|pair| pair.trim_ascii_start().strip_prefix(wanted.as_bytes())?.strip_prefix(b"="))
            .filter_map(|value| self.open(name, value.trim_ascii_end()));
        let first = opened.next()?;
        // Another host of the domain may have set the other, and may have us take its login for this one's.
        opened.all(|other| other.value == first.value).then_some(first)
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Opened> {
        let opened = String::from_utf8(self.sealer.open(sealed, &self.associated(name))?).ok()?;
        let (made, rest) = opened.split_once(' ')?;
        let (expires, value) = rest.split_once(' ')?;
        let (made, expires): (u64, u64) = (made.parse().ok()?, expires.parse().ok()?);
        let now = now();
        // Another server's clock may be ahead of this one's.
        let age = now.saturating_sub(made);
        (now < expires).then(|| Opened { value: value.to_owned(), age, is_bounded: expires < u64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(key: u8, service: &str) -> Cookies {
        Cookies::new(&TokenKeys::new([key; 32]), &Login::new(service, "https://i.example", "client"))
    }

    fn pair(header: &HeaderValue) -> String {
        header.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn jar(pairs: impl AsRef<[u8]>) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(pairs.as_ref()).unwrap())])
    }

    fn value(cookies: &Cookies, jar: &HeaderMap, name: &str) -> Option<String> {
        cookies.get(jar, name).map(|opened| opened.value)
    }

    #[test]
    fn a_cookie_is_of_use_to_its_server_for_its_purpose_and_time() {
        let ours = cookies(1, "https://a.example/vgi");
        let header = ours.set(TOKEN, "secret", Some(60)).unwrap();
        let text = header.to_str().unwrap();
        assert!(text.ends_with("; Path=/vgi; Max-Age=60; HttpOnly; SameSite=Lax; Secure"), "{text}");
        assert!(!text.contains("secret"));
        let sent = jar(format!("a=b; {}; c=d", pair(&header)));
        let opened = ours.get(&sent, TOKEN).unwrap();
        assert!(opened.value == "secret" && opened.is_bounded && opened.age < 60);
        assert_eq!(value(&ours, &sent, LATEST), None);
        let moved = jar(pair(&header).replace(TOKEN, LATEST));
        assert_eq!(value(&ours, &moved, LATEST), None);
        assert_eq!(value(&cookies(2, "https://a.example/vgi"), &sent, TOKEN), None);
        // The same keys may be those of several services.
        assert_eq!(value(&cookies(1, "https://b.example/vgi"), &sent, TOKEN), None);
        assert_eq!(value(&ours, &jar(pair(&ours.set(TOKEN, "secret", Some(0)).unwrap())), TOKEN), None);
        assert_eq!(value(&ours, &HeaderMap::new(), TOKEN), None);
        assert!(!ours.get(&jar(pair(&ours.set(TOKEN, "secret", None).unwrap())), TOKEN).unwrap().is_bounded);
    }

    /// Browsers drop longer ones without a word.
    #[test]
    fn name_and_value_are_no_longer_than_browsers_take() {
        let ours = cookies(1, "https://a.example");
        let longest = (0..MAX_LENGTH).rev().find_map(|length| ours.set(TOKEN, &"x".repeat(length), None)).unwrap();
        let length = pair(&longest).len() - 1;
        assert!((MAX_LENGTH - 3..=MAX_LENGTH).contains(&length), "{length}");
        assert!(ours.show(IDENTITY, &"x".repeat(MAX_LENGTH - IDENTITY.len()), None).is_some());
        assert!(ours.show(IDENTITY, &"x".repeat(MAX_LENGTH - IDENTITY.len() + 1), None).is_none());
    }

    #[test]
    fn cookies_of_others_are_in_nobodys_way() {
        let ours = cookies(1, "https://a.example/vgi");
        let good = pair(&ours.set(TOKEN, "secret", None).unwrap());
        let sent = jar([b"name=J\xf6rg; ".as_slice(), good.as_bytes(), b" ;_vgi_auth=\xff; x"].concat());
        assert_eq!(value(&ours, &sent, TOKEN).as_deref(), Some("secret"));
    }

    /// Another host of the domain can set one beside it.
    #[test]
    fn of_two_that_open_none_counts() {
        let ours = cookies(1, "https://a.example/vgi");
        let [alice, again, mallory] =
            ["alice", "alice", "mallory"].map(|token| pair(&ours.set(TOKEN, token, None).unwrap()));
        assert_eq!(value(&ours, &jar(format!("{alice}; {again}")), TOKEN).as_deref(), Some("alice"));
        assert_eq!(value(&ours, &jar(format!("{mallory}; {alice}")), TOKEN), None);
    }

    #[test]
    fn scripts_read_only_what_is_to_be_shown() {
        let header = cookies(1, "https://a.example/vgi").show(IDENTITY, "e30", Some(60)).unwrap();
        assert_eq!(header, "_vgi_identity=e30; Path=/vgi; Max-Age=60; SameSite=Lax; Secure");
    }

    #[test]
    fn paths_are_those_of_the_service() {
        let clear = |service, name| cookies(1, service).clear(name).unwrap().to_str().unwrap().to_owned();
        let text = clear("http://localhost", TOKEN);
        assert_eq!(text, "_vgi_auth=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        let text = clear("http://localhost/a", SESSIONS[0]);
        assert_eq!(text, "_vgi_oauth_session=; Path=/a/_oauth/; Max-Age=0; HttpOnly; SameSite=Lax");
        assert!(clear("http://localhost", SESSIONS[0]).contains("Path=/_oauth/;"));
    }

    /// Browsers take these from no other host of the domain.
    #[test]
    fn those_of_a_whole_host_are_bound_to_it() {
        let ours = cookies(1, "https://a.example");
        for name in [TOKEN, LATEST, SESSIONS[0]] {
            let header = ours.set(name, "x", None).unwrap();
            let text = header.to_str().unwrap();
            assert!(text.starts_with(&format!("__Host-{name}=")) && text.contains("; Path=/;"), "{text}");
            assert_eq!(value(&ours, &jar(pair(&header)), name).as_deref(), Some("x"));
            assert_eq!(value(&ours, &jar(&pair(&header)["__Host-".len()..]), name), None);
        }
        assert!(ours.show(IDENTITY, "x", None).unwrap().to_str().unwrap().starts_with(IDENTITY));
    }
}
