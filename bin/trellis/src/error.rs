//! What the command line says when something goes wrong: one `error:` line, a `hint:` line if there is something to do,
//! and an exit code.

use std::{error::Error, fmt, process::ExitCode};

/// A failure shown to the user.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl CliError {
    /// A failure of the work itself: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: 1,
        }
    }

    /// A command line that does not make sense: exit code 2, as for the errors clap finds itself.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: 2,
        }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `context: error: its source: ...`, with a source left out where the text before it already says the same.
    pub(crate) fn from_error(context: &str, error: &dyn Error) -> Self {
        let mut message = if context.is_empty() {
            error.to_string()
        } else {
            format!("{context}: {error}")
        };
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self::new(message)
    }

    /// Writes the failure to stderr and gives the exit code of the process.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("{self}");
        ExitCode::from(self.code)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// The candidate most like `text`, if one is close enough to be what was meant: much alike, or one slip of a finger away.
pub(crate) fn nearest<'a>(text: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| {
            let slip = strsim::damerau_levenshtein(text, candidate) <= 1;
            let likeness = strsim::jaro_winkler(text, candidate);
            (if slip { 1.0 + likeness } else { likeness }, *candidate)
        })
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_is_found_and_nonsense_is_not() {
        let keys = ["port", "host", "block-time", "gas-limit"];
        assert_eq!(nearest("prot", &keys), Some("port"));
        assert_eq!(nearest("block_time", &keys), Some("block-time"));
        assert_eq!(nearest("gaslimit", &keys), Some("gas-limit"));
        assert_eq!(nearest("zzz", &keys), None);
        assert_eq!(nearest("dve", &["bench", "dev"]), Some("dev"));
    }

    #[test]
    fn a_source_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let error = CliError::from_error("starting", &Outer(std::io::Error::other("inner")));
        assert_eq!(error.to_string(), "error: starting: outer: inner");
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Repeats(#[source] std::io::Error);
        let error =
            CliError::from_error("", &Repeats(std::io::Error::other("inner"))).hint("do this");
        assert_eq!(error.to_string(), "error: outer: inner\nhint: do this");
    }
}
