//! Writing to stdout when nobody may be reading any more: `trellis dev | head` keeps its network running.

use core::fmt;
use std::io::{IsTerminal, Write};

/// Writes one line. A closed pipe is not an error.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Writes `text` as it is. A closed pipe is not an error.
pub(crate) fn text(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes `value` as one line of JSON.
pub(crate) fn json(value: &serde_json::Value) {
    line(format_args!("{value}"));
}

/// Whether a person watches: both streams are a terminal, so a line may be redrawn in place.
pub(crate) fn is_interactive() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}
