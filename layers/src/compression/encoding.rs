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
        match encoding {
            Encoding::Zstd => self.zstd = false,
            Encoding::Gzip => self.gzip = false,
        }
        self
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
