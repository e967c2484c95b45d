//! Where each setting of `trellis dev` comes from: option, then environment, then file, then default.
//!
//! A file is TOML with the names of the options. Its values go through the parsers of the options ([`crate::values`]), so a
//! value means the same wherever it is written. An unknown key is an error: a misspelt setting that is silently ignored
//! costs its author an evening.

mod file;

use crate::{
    args::DevArgs,
    error::CliError,
    values::{self, ModuleNames},
};
use clap::{ArgMatches, parser::ValueSource};
use core::{fmt, time::Duration};
pub(crate) use file::ConfigFile;
use std::{
    fmt::Write as _,
    net::IpAddr,
    path::{Path, PathBuf},
};
use trellis_node::DevConfig;

/// What is logged when nothing is said: warnings, without the state database's remarks that a new one is empty.
const DEFAULT_LOG: &str = "warn,commonware_storage::qmdb=error";

/// Where a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An option on the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// Nowhere: the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "option",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Everything `trellis dev` can be told, merged.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) modules: Setting<ModuleNames>,
    pub(crate) private: Setting<Option<ModuleNames>>,
    pub(crate) validators: Setting<u32>,
    pub(crate) block_time: Setting<Duration>,
    pub(crate) gas_limit: Setting<u64>,
    pub(crate) network_id: Setting<Option<u64>>,
    pub(crate) host: Setting<IpAddr>,
    pub(crate) port: Setting<u16>,
    pub(crate) data_dir: Setting<PathBuf>,
    pub(crate) ephemeral: Setting<bool>,
    pub(crate) reset: Setting<bool>,
    pub(crate) history: Setting<u64>,
    pub(crate) json: Setting<bool>,
    pub(crate) log: Setting<String>,
}

impl Settings {
    /// Merges the options and environment in `args` with the file they name and the defaults. `matches` says which of
    /// the two a value in `args` came from.
    pub(crate) fn resolve(args: &DevArgs, matches: &ArgMatches) -> Result<Self, CliError> {
        let file = args
            .config
            .as_deref()
            .map(ConfigFile::read)
            .transpose()?
            .unwrap_or_default();
        let origin = |name: &str| match matches.value_source(&name.replace('-', "_")) {
            Some(ValueSource::EnvVariable) => Origin::Environment,
            _ => Origin::Flag,
        };
        let settings = Self::merge(args, &origin, &file)?;
        settings.check()?;
        Ok(settings)
    }

    /// The settings of a file alone: what `trellis config check` verifies.
    pub(crate) fn from_file(path: &Path) -> Result<Self, CliError> {
        Self::merge(
            &DevArgs::default(),
            &|_| Origin::Flag,
            &ConfigFile::read(path)?,
        )
    }

    fn merge(
        args: &DevArgs,
        origin: &dyn Fn(&str) -> Origin,
        file: &ConfigFile,
    ) -> Result<Self, CliError> {
        let default = DevConfig::default();
        let merge = Merge { origin, file };
        let data_dir = default
            .data_dir
            .unwrap_or_else(|| PathBuf::from("./trellis-data"));
        Ok(Self {
            modules: merge.pick(
                "modules",
                args.modules.clone(),
                values::modules,
                ModuleNames(default.modules),
            )?,
            private: merge.pick(
                "private",
                args.private.clone().map(Some),
                |text| values::private(text).map(Some),
                None,
            )?,
            validators: merge.pick(
                "validators",
                args.validators,
                values::validators,
                default.validators,
            )?,
            block_time: merge.pick(
                "block-time",
                args.block_time,
                values::block_time,
                default.block_time,
            )?,
            gas_limit: merge.pick(
                "gas-limit",
                args.gas_limit,
                values::gas_limit,
                default.gas_limit,
            )?,
            network_id: merge.pick(
                "network-id",
                args.network_id.map(Some),
                |text| values::positive(text).map(Some),
                default.network_id,
            )?,
            host: merge.pick("host", args.host, values::host, default.host)?,
            port: merge.pick("port", args.port, values::port, default.port)?,
            data_dir: merge.pick(
                "data-dir",
                args.data_dir.clone(),
                |text| Ok(PathBuf::from(text)),
                data_dir,
            )?,
            ephemeral: merge.pick("ephemeral", args.ephemeral, values::boolean, false)?,
            reset: merge.pick("reset", args.reset, values::boolean, default.reset)?,
            history: merge.pick("history", args.history, values::positive, default.history)?,
            json: merge.pick("json", args.json, values::boolean, false)?,
            log: merge.pick(
                "log",
                args.log.clone(),
                |text| Ok(text.to_owned()),
                DEFAULT_LOG.to_owned(),
            )?,
        })
    }

    /// Refuses what was asked twice in contradictory ways on one command line.
    fn check(&self) -> Result<(), CliError> {
        if self.ephemeral.value
            && self.ephemeral.origin == Origin::Flag
            && self.data_dir.origin == Origin::Flag
        {
            return Err(CliError::usage(
                "--ephemeral keeps nothing on disk and cannot be used with --data-dir",
            )
            .hint("leave out one of the two"));
        }
        Ok(())
    }

    /// What the node is started with.
    pub(crate) fn dev_config(&self) -> DevConfig {
        DevConfig {
            modules: self.modules.value.0.clone(),
            private: self.private.value.clone().map(|names| names.0),
            validators: self.validators.value,
            host: self.host.value,
            port: self.port.value,
            data_dir: (!self.ephemeral.value).then(|| self.data_dir.value.clone()),
            reset: self.reset.value,
            block_time: self.block_time.value,
            gas_limit: self.gas_limit.value,
            history: self.history.value,
            network_id: self.network_id.value,
        }
    }

    /// The settings as a configuration file that gives the same settings when read again.
    pub(crate) fn to_toml(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let list = |names: &ModuleNames| {
            let names = names.0.iter().map(|name| quoted(name.as_str()));
            format!("[{}]", names.collect::<Vec<_>>().join(", "))
        };
        let mut text = String::new();
        let mut line = |key: &str, value: String, origin: Origin| {
            let setting = format!("{key} = {value}");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{setting:<44} # {origin}");
        };
        line("modules", list(&self.modules.value), self.modules.origin);
        let private = self.private.origin;
        match &self.private.value {
            None => line("# private", "pay, if there is one".to_owned(), private),
            Some(names) if names.0.is_empty() => line("private", quoted("none"), private),
            Some(names) => line("private", list(names), private),
        }
        line(
            "validators",
            self.validators.value.to_string(),
            self.validators.origin,
        );
        line(
            "block-time",
            quoted(&format!("{}ms", self.block_time.value.as_millis())),
            self.block_time.origin,
        );
        line(
            "gas-limit",
            self.gas_limit.value.to_string(),
            self.gas_limit.origin,
        );
        match self.network_id.value {
            Some(id) => line("network-id", id.to_string(), self.network_id.origin),
            None => line(
                "# network-id",
                "chosen by the node".to_owned(),
                self.network_id.origin,
            ),
        }
        line(
            "host",
            quoted(&self.host.value.to_string()),
            self.host.origin,
        );
        line("port", self.port.value.to_string(), self.port.origin);
        line(
            "data-dir",
            quoted(&self.data_dir.value.to_string_lossy()),
            self.data_dir.origin,
        );
        line(
            "ephemeral",
            self.ephemeral.value.to_string(),
            self.ephemeral.origin,
        );
        line("reset", self.reset.value.to_string(), self.reset.origin);
        line(
            "history",
            self.history.value.to_string(),
            self.history.origin,
        );
        line("json", self.json.value.to_string(), self.json.origin);
        line("log", quoted(&self.log.value), self.log.origin);
        text
    }
}

/// The places a setting can come from.
struct Merge<'a> {
    origin: &'a dyn Fn(&str) -> Origin,
    file: &'a ConfigFile,
}

impl Merge<'_> {
    fn pick<T>(
        &self,
        name: &str,
        given: Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
        default: T,
    ) -> Result<Setting<T>, CliError> {
        if let Some(value) = given {
            // A wrong value in the file is told even when an option overrules it.
            self.file.parse(name, parse)?;
            return Ok(Setting {
                value,
                origin: (self.origin)(name),
            });
        }
        Ok(match self.file.parse(name, parse)? {
            Some(value) => Setting {
                value,
                origin: Origin::File,
            },
            None => Setting {
                value: default,
                origin: Origin::Default,
            },
        })
    }
}

#[cfg(test)]
mod tests;
