use crate::limits::MODULES_MAX;
use core::{fmt, str::FromStr};

/// A module's index in its network. Module 0 is the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(u32);

impl ModuleId {
    /// The hub: module 0, where the network keeps its own records.
    pub const HUB: Self = Self(0);

    /// The module at `index`, or `None` above [`MODULES_MAX`].
    pub fn new(index: u32) -> Option<Self> {
        ((index as usize) < MODULES_MAX).then_some(Self(index))
    }

    /// Position in the network's module list.
    pub const fn index(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A module's name, which is also its URL path: 1 to 24 characters of `a-z`, `0-9` and `-`, starting with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(String);

/// Why a text is not a module name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "module name `{0}` must be 1 to 24 characters of a-z, 0-9 and '-', start with a letter, and not be a reserved path"
)]
pub struct ModuleNameError(String);

impl ModuleName {
    /// Paths the RPC server keeps for itself.
    pub const RESERVED: [&'static str; 4] = ["ready", "metrics", "health", "api"];

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModuleName {
    type Err = ModuleNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = (1..=24).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if shape && !Self::RESERVED.contains(&text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ModuleNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_url_paths() {
        for good in ["hub", "pay", "a", "energy-2", "m0"] {
            assert!(good.parse::<ModuleName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "Hub",
            "0m",
            "-a",
            "a/b",
            "a b",
            "ready",
            "abcdefghijklmnopqrstuvwxy",
        ] {
            assert!(bad.parse::<ModuleName>().is_err(), "{bad}");
        }
    }
}
