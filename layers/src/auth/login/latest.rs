//! [`Latest`]: what became of a browser's latest login, as a cookie of its own has it.

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
        refresh_token: Option<String>,
    },
    /// Somebody has logged out or was refused, and may want to be somebody else.
    Left,
}

impl Latest {
    pub(super) fn write(&self) -> String {
        match self {
            Self::LoggedIn { refresh_token } => format!("in {}", refresh_token.as_deref().unwrap_or_default()),
            Self::Left => "left".to_owned(),
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some(("in", token)) => {
                Some(Self::LoggedIn { refresh_token: (!token.is_empty()).then(|| token.to_owned()) })
            }
            None if text == "left" => Some(Self::Left),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        for refresh_token in [None, Some("a b".to_owned())] {
            let latest = Latest::LoggedIn { refresh_token };
            assert!(Latest::read(&latest.write()) == Some(latest));
        }
        assert!(Latest::read(&Latest::Left.write()) == Some(Latest::Left));
        for text in ["", "in", "out x", "left x"] {
            assert!(Latest::read(text).is_none(), "{text}");
        }
    }
}
