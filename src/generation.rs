//! The two wire generations as a table of policies.
//!
//! This is the only place that compares them: everything else asks for a policy by name.

#[cfg(feature = "server")]
use crate::wire::{Metadata, keys};

/// Which form of the wire a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Routes `{prefix}/{method}`: releases up to 0.44 of the reference.
    Flat,
    /// Routes `{prefix}/{protocol}/{method}`: releases from 0.45 on.
    Namespaced,
}

/// How the columns of a request are compared with the declared parameters.
#[cfg(feature = "server")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterCheck {
    /// By name, in any order, converted within a family of types; defaults fill what is missing.
    ByName,
    /// Count, order, names, types and nullability as declared.
    Exact,
}

/// What a producer does when its response reaches the cap.
#[cfg(feature = "server")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProducerCap {
    /// Several batches go into one response until the cap is reached; the last may exceed it.
    Soft,
    /// One batch a response; one that exceeds the cap is an error.
    Hard,
}

impl Generation {
    /// Whether a record as the result is a nullable column.
    #[cfg(feature = "server")]
    pub(crate) fn nullable_record_results(self) -> bool {
        match self {
            Self::Flat => true,
            Self::Namespaced => false,
        }
    }

    /// Whether `VGI-Accept-Max-Response-Bytes` counts.
    pub(crate) fn reads_budget_header(self) -> bool {
        match self {
            Self::Flat => false,
            Self::Namespaced => true,
        }
    }
}

#[cfg(feature = "client")]
impl Generation {
    /// Whether a retry policy counts for calls, which may have run: the reference's later clients repeat none.
    pub(crate) fn repeats_calls(self) -> bool {
        match self {
            Self::Flat => true,
            Self::Namespaced => false,
        }
    }
}

#[cfg(feature = "server")]
impl Generation {
    pub(crate) fn parameter_check(self) -> ParameterCheck {
        match self {
            Self::Flat => ParameterCheck::ByName,
            Self::Namespaced => ParameterCheck::Exact,
        }
    }

    pub(crate) fn producer_cap(self) -> ProducerCap {
        match self {
            Self::Flat => ProducerCap::Soft,
            Self::Namespaced => ProducerCap::Hard,
        }
    }

    /// Whether a wrong content type is noticed before an unknown method.
    pub(crate) fn content_type_before_route(self) -> bool {
        match self {
            Self::Flat => true,
            Self::Namespaced => false,
        }
    }

    /// Whether a protocol named in the request has to be the one of the path.
    pub(crate) fn checks_protocol_key(self) -> bool {
        match self {
            Self::Flat => false,
            Self::Namespaced => true,
        }
    }

    /// What a producer's first step of a continuation sees as the metadata of its tick.
    pub(crate) fn continuation_tick(self, mut request: Metadata) -> Metadata {
        match self {
            Self::Flat => Metadata::new(),
            Self::Namespaced => {
                for key in [keys::STREAM_STATE, keys::CALL_STATE, keys::CANCEL] {
                    request.remove(key);
                }
                request
            }
        }
    }

    /// A label that keeps tokens of one generation from being used on the other.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Namespaced => "namespaced",
        }
    }
}

/// Which generations a server answers.
#[cfg(feature = "server")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generations {
    /// Both, on one port; the route decides.
    #[default]
    Both,
    /// One of them; routes of the other are not found.
    Only(Generation),
}

#[cfg(feature = "server")]
impl Generations {
    /// Whether requests of a generation are answered.
    pub fn contains(self, generation: Generation) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == generation,
        }
    }
}
