//! [`Session`]: a login that is under way, as its cookie has it.

use super::destination::Destination;

/// What has to be known when the browser comes back from the provider.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Session {
    /// What the provider gives back: the answer is to this login.
    pub(super) state: String,
    /// What the challenge was made of.
    pub(super) verifier: String,
    pub(super) destination: Destination,
}

impl Session {
    /// None of the parts has spaces: state and verifier are base64url, and the others parts of URLs.
    pub(super) fn write(&self) -> String {
        let Self { state, verifier, destination } = self;
        match destination {
            Destination::Page(target) => format!("{state} {verifier} page {target}"),
            Destination::Frontend(url) => format!("{state} {verifier} frontend {url}"),
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ').map(str::to_owned);
        let (state, verifier, kind, place) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let destination = match kind.as_str() {
            "page" => Destination::Page(place),
            "frontend" => Destination::Frontend(place),
            _ => return None,
        };
        Some(Self { state, verifier, destination })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        for destination in [Destination::Page("/a?b".into()), Destination::Frontend("https://ui.example/#x".into())] {
            let session = Session { state: "s".into(), verifier: "v".into(), destination };
            assert_eq!(Session::read(&session.write()), Some(session));
        }
        for text in ["", "s v page", "s v elsewhere /"] {
            assert_eq!(Session::read(text), None, "{text}");
        }
    }
}
