//! [`Document`]: a page written once, with holes for what each request fills in anew.

use bytes::{Bytes, BytesMut};

use super::address::Address;

/// Where the address of the server goes, such as `https://host/vgi`. A noncharacter of Unicode: no text has it.
pub(super) const BASE: char = '\u{FDD0}';
/// Where the mount prefix goes.
pub(super) const PREFIX: char = '\u{FDD1}';

/// A page with holes. Filling one copies it: nothing is kept for a request, whatever its caller says.
#[derive(Debug)]
pub(super) struct Document {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Base,
    Prefix,
}

impl Document {
    pub(super) fn new(html: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = html;
        while let Some((at, hole)) = rest.char_indices().find(|(_, c)| [BASE, PREFIX].contains(c)) {
            let (text, after) = rest.split_at(at);
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(if hole == BASE { Piece::Base } else { Piece::Prefix });
            rest = after.strip_prefix(hole).unwrap_or_default();
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Self { pieces }
    }

    /// The page as one caller sees it.
    pub(super) fn fill(&self, address: &Address) -> Bytes {
        let pieces = || {
            self.pieces.iter().map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Base => address.base(),
                Piece::Prefix => address.prefix(),
            })
        };
        let mut page = BytesMut::with_capacity(pieces().map(str::len).sum());
        for piece in pieces() {
            page.extend_from_slice(piece.as_bytes());
        }
        page.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn holes_are_filled_wherever_they_are() {
        let document = Document::new(&format!("{PREFIX}<a>{BASE}{PREFIX}ä{BASE}"));
        let request = Request::get("/").header("host", "h").body(()).unwrap();
        assert_eq!(document.fill(&Address::of(&request)), "<a>http://hähttp://h");
        assert_eq!(Document::new("").fill(&Address::of(&request)), "");
    }
}
