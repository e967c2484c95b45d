//! Reading the configuration file: which keys exist, and on which line something is wrong.

use crate::error::{CliError, nearest};
use std::{collections::BTreeMap, path::Path};
use toml::{Spanned, de::DeTable, de::DeValue};

/// The keys of a configuration file: the names of the options of `trellis dev`.
pub(crate) const KEYS: [&str; 14] = [
    "modules",
    "private",
    "validators",
    "block-time",
    "gas-limit",
    "network-id",
    "host",
    "port",
    "data-dir",
    "ephemeral",
    "reset",
    "history",
    "json",
    "log",
];

/// Largest configuration file read, in bytes. A larger one is some other file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The values of a configuration file as text, with their lines.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    name: String,
    values: BTreeMap<String, (String, usize)>,
}

impl ConfigFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let failed = |error: std::io::Error| {
            CliError::new(format!("cannot read configuration file {name}: {error}"))
        };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > FILE_BYTES_MAX {
            return Err(CliError::new(format!(
                "{name} has {size} bytes: it is not a configuration file"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse_text(&name, &text)
    }

    /// Reads `text`, which messages call `name`.
    pub(crate) fn parse_text(name: &str, text: &str) -> Result<Self, CliError> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            CliError::new(format!(
                "{name}, line {line}: not valid TOML: {}",
                error.message()
            ))
        })?;
        let mut values = BTreeMap::new();
        for (key, value) in table.into_inner() {
            let line = line_of(text, key.span().start);
            let key = key.into_inner();
            if !KEYS.contains(&key.as_ref()) {
                return Err(unknown_key(name, line, &key));
            }
            let value = as_text(&value).ok_or_else(|| {
                CliError::new(format!("{name}, line {line}: `{key}` must be a text, a number, true or false, or a list"))
            })?;
            values.insert(key.into_owned(), (value, line));
        }
        Ok(Self {
            name: name.to_owned(),
            values,
        })
    }

    /// The value of `key` read by `parse`, or `None` if the file does not have it.
    pub(crate) fn parse<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, CliError> {
        debug_assert!(KEYS.contains(&key), "{key} is not a key of the file");
        let Some((text, line)) = self.values.get(key) else {
            return Ok(None);
        };
        let read = parse(text);
        read.map(Some).map_err(|reason| {
            CliError::new(format!(
                "{}, line {line}: invalid value `{text}` for `{key}`: {reason}",
                self.name
            ))
        })
    }
}

/// A value as it would be written after the option of the same name. Lists of texts become `a,b,c`.
fn as_text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.as_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| match item.as_ref() {
                    DeValue::String(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect();
            Some(texts?.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn unknown_key(name: &str, line: usize, key: &str) -> CliError {
    let error = CliError::new(format!("{name}, line {line}: unknown key `{key}`"));
    match nearest(key, &KEYS) {
        Some(known) => error.hint(format!("did you mean `{known}`?")),
        None => error.hint(format!("the known keys are {}", KEYS.join(", "))),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}
