//! [`ErrorCode`]: classes of errors.

/// What a program can do about an error; the set of gRPC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The caller gave up.
    Cancelled,
    /// Not classified.
    #[default]
    Unknown,
    /// The request is wrong in itself.
    InvalidArgument,
    /// Time ran out.
    DeadlineExceeded,
    /// What was asked for does not exist.
    NotFound,
    /// What was to be made exists.
    AlreadyExists,
    /// The caller may not do this.
    PermissionDenied,
    /// A quota or a limit is used up.
    ResourceExhausted,
    /// The system is not in the state that the call needs.
    FailedPrecondition,
    /// A conflict; try again from a higher level.
    Aborted,
    /// A value lies outside of what exists.
    OutOfRange,
    /// Not implemented here.
    Unimplemented,
    /// A defect of the server.
    Internal,
    /// Not now; try again.
    Unavailable,
    /// Data is lost or damaged.
    DataLoss,
    /// The caller is not known.
    Unauthenticated,
}

impl ErrorCode {
    const NAMES: [(Self, &'static str); 16] = [
        (Self::Cancelled, "CANCELLED"),
        (Self::Unknown, "UNKNOWN"),
        (Self::InvalidArgument, "INVALID_ARGUMENT"),
        (Self::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (Self::NotFound, "NOT_FOUND"),
        (Self::AlreadyExists, "ALREADY_EXISTS"),
        (Self::PermissionDenied, "PERMISSION_DENIED"),
        (Self::ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (Self::FailedPrecondition, "FAILED_PRECONDITION"),
        (Self::Aborted, "ABORTED"),
        (Self::OutOfRange, "OUT_OF_RANGE"),
        (Self::Unimplemented, "UNIMPLEMENTED"),
        (Self::Internal, "INTERNAL"),
        (Self::Unavailable, "UNAVAILABLE"),
        (Self::DataLoss, "DATA_LOSS"),
        (Self::Unauthenticated, "UNAUTHENTICATED"),
    ];

    /// The code's name on the wire.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(code, _)| *code == self).map_or("UNKNOWN", |(_, name)| name)
    }

    /// The code of a name on the wire; an unknown name is [`ErrorCode::Unknown`].
    pub fn from_wire(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, known)| *known == name).map_or(Self::Unknown, |(code, _)| *code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_round_trips_by_name() {
        for (code, name) in ErrorCode::NAMES {
            assert_eq!(ErrorCode::from_wire(name), code);
            assert_eq!(code.as_str(), name);
        }
        assert_eq!(ErrorCode::from_wire("NEW_ONE"), ErrorCode::Unknown);
    }
}
