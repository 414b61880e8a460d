//! [`Latest`]: what became of a browser's latest login, as a cookie of its own has it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// What became of the latest login.
///
/// It is apart from the token, which the browser may not have kept and a header of somebody else may stand before: whether
/// another login is worth it does not depend on either.
#[derive(PartialEq, Eq)]
pub(super) enum Latest {
    /// The provider gave a token just now. If it is refused, so is the next: the provider would give one like it without
    /// asking anybody.
    LoggedIn {
        /// For a page elsewhere, which gets it once the token was found good.
        refresh: Option<Refresh>,
    },
    /// Somebody has logged out or was refused, and may want to be somebody else.
    Left,
}

/// A refresh token, and whom it is for: the browser may have logged in for another page meanwhile, and as somebody else.
#[derive(PartialEq, Eq)]
pub(super) struct Refresh {
    /// Of the token that was given with it, and the page that the login was for.
    whose: String,
    token: String,
}

impl Refresh {
    pub(super) fn new(refresh_token: String, token: &str, page: &str) -> Self {
        Self { whose: whose(token, page), token: refresh_token }
    }

    /// The refresh token, if it was given with this token for this page.
    pub(super) fn of(&self, token: &str, page: &str) -> Option<&str> {
        (self.whose == whose(token, page)).then_some(&self.token)
    }
}

/// A token has no spaces, so that no two pairs read the same.
fn whose(token: &str, page: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{token} {page}").as_bytes()))
}

impl Latest {
    pub(super) fn write(&self) -> String {
        match self {
            Self::LoggedIn { refresh: None } => "in".to_owned(),
            Self::LoggedIn { refresh: Some(Refresh { whose, token }) } => format!("in {whose} {token}"),
            Self::Left => "left".to_owned(),
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "in" => Some(Self::LoggedIn { refresh: None }),
            "left" => Some(Self::Left),
            _ => {
                let (whose, token) = text.strip_prefix("in ")?.split_once(' ')?;
                let refresh = Refresh { whose: whose.to_owned(), token: token.to_owned() };
                Some(Self::LoggedIn { refresh: Some(refresh) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        for token in [None, Some("a b".to_owned())] {
            let refresh = token.map(|token| Refresh::new(token, "secret", "https://ui.example/"));
            let latest = Latest::LoggedIn { refresh };
            assert!(Latest::read(&latest.write()) == Some(latest));
        }
        assert!(Latest::read(&Latest::Left.write()) == Some(Latest::Left));
        for text in ["", "in ", "in x", "out x", "left x"] {
            assert!(Latest::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_refresh_token_is_for_its_token_and_page() {
        let refresh = Refresh::new("again".to_owned(), "secret", "https://ui.example/");
        assert_eq!(refresh.of("secret", "https://ui.example/"), Some("again"));
        assert_eq!(refresh.of("another", "https://ui.example/"), None);
        assert_eq!(refresh.of("secret", "https://ui.example/other"), None);
    }
}
