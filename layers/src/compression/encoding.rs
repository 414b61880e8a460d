//! The encodings that the protocol knows.

/// A way to compress a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Zstandard.
    Zstd,
    /// gzip, which is several times slower.
    Gzip,
}

impl Encoding {
    /// All, the preferred one first.
    pub(super) const ALL: [Self; 2] = [Self::Zstd, Self::Gzip];

    /// The name in HTTP headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The encoding of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }
}

/// Some of the encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encodings {
    zstd: bool,
    gzip: bool,
}

impl Encodings {
    pub(super) const ALL: Self = Self { zstd: true, gzip: true };
    pub(super) const NONE: Self = Self { zstd: false, gzip: false };

    pub(super) fn without(mut self, encoding: Encoding) -> Self {
        self.set(encoding, false);
        self
    }

    /// Those that are in both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { zstd: self.zstd && other.zstd, gzip: self.gzip && other.gzip }
    }

    fn set(&mut self, encoding: Encoding, contained: bool) {
        match encoding {
            Encoding::Zstd => self.zstd = contained,
            Encoding::Gzip => self.gzip = contained,
        }
    }

    pub(super) fn contains(self, encoding: Encoding) -> bool {
        match encoding {
            Encoding::Zstd => self.zstd,
            Encoding::Gzip => self.gzip,
        }
    }

    /// `zstd, gzip`, as headers and messages have it.
    pub(super) fn list(self) -> String {
        let names = Encoding::ALL.into_iter().filter(|encoding| self.contains(*encoding)).map(Encoding::name);
        names.collect::<Vec<_>>().join(", ")
    }
}

impl FromIterator<Encoding> for Encodings {
    fn from_iter<I: IntoIterator<Item = Encoding>>(encodings: I) -> Self {
        let mut set = Self::NONE;
        encodings.into_iter().for_each(|encoding| set.set(encoding, true));
        set
    }
}
