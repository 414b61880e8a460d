//! What is told on stderr while a call is under way: log messages, the header of a stream, progress.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tower_vgi::client::LogMessage;

/// The lines on stderr. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// Whether a line that will be replaced stands there.
    fleeting: Arc<Mutex<bool>>,
}

impl Status {
    /// A message of the server's.
    pub(crate) fn log(&self, log: &LogMessage) {
        let extra = match log.extra.is_empty() {
            true => String::new(),
            false => format!(" {}", serde_json::Value::Object(log.extra.clone())),
        };
        self.say(&format!("{}: {}{extra}", log.level.as_str(), printable(&log.message)));
    }

    /// A line that stays.
    pub(crate) fn say(&self, line: &str) {
        let mut fleeting = self.fleeting.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if std::mem::take(&mut *fleeting) { CLEAR } else { "" };
        // Nobody is there to be told when stderr is closed.
        let _ = writeln!(io::stderr(), "{clear}{line}");
    }

    /// A line in place of the one before.
    pub(crate) fn fleeting(&self, line: &str) {
        let mut fleeting = self.fleeting.lock().unwrap_or_else(PoisonError::into_inner);
        *fleeting = true;
        let mut stderr = io::stderr();
        let _ = write!(stderr, "{CLEAR}{line}").and_then(|()| stderr.flush());
    }

    /// Whether somebody watches.
    pub(crate) fn is_watched() -> bool {
        io::stderr().is_terminal()
    }
}

/// Back to the begin of the line, and nothing on it.
const CLEAR: &str = "\r\x1b[2K";

/// A server does not get to control the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\n' && char != '\t' { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_not_printed() {
        assert_eq!(printable("a\u{1b}[2Jb\n\tc\r"), "a\u{fffd}[2Jb\n\tc\u{fffd}");
    }
}
