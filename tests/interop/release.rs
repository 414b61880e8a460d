//! The releases of vgi-rpc that have to be served.

/// One release on the package index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Release {
    /// Flat: the oldest that is supported.
    V0_19_0,
    /// Flat: the newest of its kind.
    V0_42_3,
    /// Namespaced.
    V0_52_2,
}

impl Release {
    pub(crate) const ALL: [Self; 3] = [Self::V0_19_0, Self::V0_42_3, Self::V0_52_2];

    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::V0_19_0 => "0.19.0",
            Self::V0_42_3 => "0.42.3",
            Self::V0_52_2 => "0.52.2",
        }
    }

    /// How many tests the release's suite has over HTTP. A run of fewer is not a good run.
    pub(crate) const fn tests(self) -> usize {
        match self {
            Self::V0_19_0 => 102,
            Self::V0_42_3 => 104,
            Self::V0_52_2 => 113,
        }
    }

    /// The packages that are installed, all of them pinned.
    pub(crate) const fn requirements(self) -> &'static str {
        match self {
            Self::V0_19_0 => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/requirements-0.19.0.txt"),
            Self::V0_42_3 => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/requirements-0.42.3.txt"),
            Self::V0_52_2 => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/requirements-0.52.2.txt"),
        }
    }
}
