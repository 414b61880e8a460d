//! [`Failure`]: why the program ends, with its exit code.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use tower_vgi::RpcError;

use crate::status::printable;

/// Why the program ends before its time.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server answered with an error.
    Refused(RpcError),
    /// The command line is wrong, or an argument does not fit.
    Usage(String),
    /// There was no answer, or none of the protocol.
    Unreachable(RpcError),
    /// Something failed on this side.
    Local(String),
    /// Who reads the output has gone: nothing to complain about.
    ReaderGone,
    /// Ctrl-C.
    Interrupted,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn local(what: impl Display, error: &dyn Error) -> Self {
        Self::Local(format!("{what}: {error}"))
    }

    /// What went wrong while writing what was asked for.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::local("the output cannot be written", error),
        }
    }

    /// Says on stderr what happened; gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        if let Some(text) = self.text() {
            // Where stderr is closed, the exit code has to do.
            let _ = writeln!(io::stderr(), "{}", printable(&text));
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Local(_) => 4,
            Self::Interrupted => 130,
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::ReaderGone | Self::Interrupted => None,
            Self::Usage(message) | Self::Local(message) => Some(format!("error: {message}")),
            Self::Unreachable(error) => Some(format!("error: {}", error.message())),
            Self::Refused(error) => Some(refusal(error)),
        }
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        let answered = error.http_status().is_some();
        match error.type_name() {
            "ConnectionError" | "TimeoutError" if !answered => Self::Unreachable(error),
            // Something answered, but no server of this protocol; or what it said could not be read.
            "HttpError" if error.server_id().is_none() => Self::Unreachable(error),
            // Made here: the URL is wrong.
            "ValueError" if !answered => Self::Usage(error.message().to_owned()),
            _ => Self::Refused(error),
        }
    }
}

/// What the server said, for people.
fn refusal(error: &RpcError) -> String {
    let mut text = error.to_string();
    if let Some(kind) = error.kind() {
        text.push_str(&format!(" [{kind}]"));
    }
    if let Some(delay) = error.retry_delay() {
        text.push_str(&format!("\n  try again in {delay:?}"));
    }
    if let Some(hint) = error.proxy_hint() {
        text.push_str(&format!("\n  {hint}"));
    }
    if let Some(id) = error.request_id() {
        text.push_str(&format!("\n  request {id}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_exit_code() {
        let code = |error: RpcError| Failure::from(error).code();
        assert_eq!(code(RpcError::new("ConnectionError", "refused")), 3);
        assert_eq!(code(RpcError::new("TimeoutError", "no response")), 3);
        assert_eq!(code(RpcError::new("HttpError", "a page")), 3);
        assert_eq!(code(RpcError::value_error("not a URL")), 2);
        assert_eq!(code(RpcError::runtime_error("no")), 1);
        assert_eq!(code(RpcError::new("AuthenticationError", "who?")), 1);
        assert_eq!(Failure::output(&io::ErrorKind::BrokenPipe.into()).code(), 0);
        assert_eq!(Failure::output(&io::ErrorKind::StorageFull.into()).code(), 4);
    }

    #[test]
    fn a_refusal_says_what_can_be_done() {
        let detail = tower_vgi::ErrorDetail::retry_info(std::time::Duration::from_millis(1500));
        let error = RpcError::runtime_error("not now").with_kind("busy").with_detail(detail);
        assert_eq!(refusal(&error), "RuntimeError: not now [busy]\n  try again in 1.5s");
    }
}
