//! The data directory.
//!
//! ```text
//! DIR/network.json      what the network is: version, id, modules, gas limit, genesis time, development keys
//! DIR/lock              held while a process runs on the directory
//! DIR/consensus/        every validator's consensus journals, blocks, certificates and state databases; its file
//!                       `network` says of which network
//! DIR/history/V/MODULE/ validator V's history of a module
//! ```
//!
//! `network.json` is written once, completely, before anything else exists: a crash while creating a network leaves
//! either none or a whole one. Deleting a network begins with its name: `network.json` becomes `resetting`, which stays
//! until a new network is written, so that what a crash cut short is finished by the next start, whatever it asks for.
//! A directory that lost a part later, or holds a part of another network, is refused: a
//! validator that begins anew may contradict what it voted for (STA-1).

use crate::{
    DevConfig, NodeError,
    keys::{Keys, StoredKeys},
};
use alloy_primitives::{B256, keccak256};
use rand::{RngExt as _, rngs::SysRng};
use rand_core::UnwrapErr;
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Version of everything under the data directory. Blocks of version 1 had no access list, those of version 2 no outbox;
/// networks of version 3 had no private payments.
const VERSION: u64 = 4;

/// Everything the node writes into a data directory.
const PARTS: [&str; 7] = [
    "network.json",
    "network.json.new",
    "resetting",
    "space-probe",
    "lock",
    "consensus",
    "history",
];

/// Name of the file in `consensus/` that says which network it belongs to.
const STAMP: &str = "network";

/// Room a device must have for a write that failed to have had another cause, in bytes: more than any single write.
const PROBE_BYTES: usize = 8 << 20;

/// A network's fixed description.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkFile {
    pub(crate) version: u64,
    pub(crate) network_id: u64,
    pub(crate) modules: Vec<String>,
    /// Those with private payments.
    pub(crate) private: Vec<String>,
    pub(crate) gas_limit: u64,
    pub(crate) genesis_timestamp_ms: u64,
    pub(crate) validators: u32,
    pub(crate) keys: StoredKeys,
}

/// An open data directory. Dropping it releases the lock, and deletes an ephemeral one that nobody took over.
pub(crate) struct Layout {
    root: PathBuf,
    pub(crate) network: NetworkFile,
    _lock: File,
    ephemeral: Option<tempfile::TempDir>,
}

impl Layout {
    /// Opens or creates the directory `config` asks for.
    pub(crate) fn open(config: &DevConfig) -> Result<Self, NodeError> {
        let (root, ephemeral) = match &config.data_dir {
            Some(path) => (path.clone(), None),
            None => {
                let dir = tempfile::Builder::new()
                    .prefix("trellis-")
                    .tempdir()
                    .map_err(io("create", &std::env::temp_dir()))?;
                (dir.path().to_owned(), Some(dir))
            }
        };
        fs::create_dir_all(&root).map_err(io("create", &root))?;
        let (file, resetting) = (root.join("network.json"), root.join("resetting"));
        if !file.exists() && !resetting.exists() && !is_empty(&root)? {
            return Err(NodeError::NotOurs { path: root });
        }
        let lock = lock(&root)?;
        if config.reset || resetting.exists() {
            reset(&root, &file, &resetting)?;
        }
        let network = if file.exists() {
            let network = read(&file)?;
            check(&root, &network, config)?;
            network
        } else {
            let network = generate(config)?;
            let text = serde_json::to_vec_pretty(&network)
                .map_err(|e| NodeError::Config(format!("cannot describe the network: {e}")))?;
            write(&root, &file, &text)?;
            network
        };
        if resetting.exists() {
            fs::remove_file(&resetting).map_err(io("delete", &resetting))?;
        }
        Ok(Self {
            root,
            network,
            _lock: lock,
            ephemeral,
        })
    }

    /// The directory, unless it vanishes with the process.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.ephemeral.is_none().then_some(self.root.as_path())
    }

    /// Takes over the deletion of an ephemeral directory, which must outlive every open file in it.
    pub(crate) fn take_ephemeral(&mut self) -> Option<tempfile::TempDir> {
        self.ephemeral.take()
    }

    /// The directory, also if it vanishes with the process.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The network's keys.
    pub(crate) fn load_keys(&self) -> Result<Keys, NodeError> {
        let keys = self
            .network
            .keys
            .load()
            .map_err(|reason| self.damaged_description(reason))?;
        if keys.validators.len() != self.network.validators as usize {
            let (found, named) = (keys.validators.len(), self.network.validators);
            let reason = format!("keys of {found} validators, {named} expected");
            return Err(self.damaged_description(reason));
        }
        Ok(keys)
    }

    /// `network.json` cannot be used.
    pub(crate) fn damaged_description(&self, reason: impl Into<String>) -> NodeError {
        NodeError::Damaged {
            path: self.root.join("network.json"),
            reason: reason.into(),
        }
    }

    /// Makes sure that `consensus/` is this network's, and marks a new one as that.
    pub(crate) fn claim_consensus(&self, keys: &Keys) -> Result<(), NodeError> {
        let path = self.consensus();
        let file = path.join(STAMP);
        let stamp = self.stamp(keys).to_string();
        if file.exists() {
            let found = fs::read_to_string(&file).map_err(io("read", &file))?;
            return if found == stamp {
                Ok(())
            } else {
                Err(NodeError::OtherPart { path })
            };
        }
        let recorded = self.root.join("history").exists();
        let voted = path.exists() && entries(&path)?.iter().any(|name| name != "network.new");
        if recorded || voted {
            let reason = "what the validators voted for, or whose it is, is missing".to_owned();
            return Err(NodeError::Damaged { path, reason });
        }
        fs::create_dir_all(&path).map_err(io("create", &path))?;
        write(&path, &file, stamp.as_bytes())?;
        // The name of the new directory, too.
        File::open(&self.root)
            .and_then(|dir| dir.sync_all())
            .map_err(io("write", &self.root))
    }

    fn stamp(&self, keys: &Keys) -> B256 {
        let mut preimage = b"trellis/consensus/1".to_vec();
        preimage.extend_from_slice(&self.network.network_id.to_be_bytes());
        preimage.extend_from_slice(&self.network.genesis_timestamp_ms.to_be_bytes());
        preimage.extend_from_slice(keys.digest().as_slice());
        keccak256(preimage)
    }

    /// Makes sure that the history of a module and what its validator voted for are both there, or both still to come.
    /// The genesis is recorded before a validator votes, and it votes before there is a block.
    pub(crate) fn check_parts(
        &self,
        validator: usize,
        module: &str,
        recorded: Option<u64>,
    ) -> Result<(), NodeError> {
        let voted = self
            .consensus()
            .join(format!("{}-simplex", partition(validator, module)))
            .exists();
        match (recorded, voted) {
            (None, true) => Err(NodeError::Damaged {
                path: self.history(validator, module),
                reason: "the blocks are missing that its validator voted for".into(),
            }),
            (Some(1..), false) => Err(NodeError::Damaged {
                path: self.consensus(),
                reason: format!(
                    "what validator {validator} voted for in module {module} is missing"
                ),
            }),
            _ => Ok(()),
        }
    }

    /// Where consensus keeps its partitions.
    pub(crate) fn consensus(&self) -> PathBuf {
        self.root.join("consensus")
    }

    /// Where a validator keeps a module's history.
    pub(crate) fn history(&self, validator: usize, module: &str) -> PathBuf {
        self.root
            .join("history")
            .join(validator.to_string())
            .join(module)
    }
}

fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> NodeError + 'a {
    move |source| NodeError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Prefix of the partitions of a module at a validator.
pub(crate) fn partition(validator: usize, module: &str) -> String {
    format!("v{validator}-{module}")
}

/// Whether the device that holds `root` has no room.
pub(crate) fn is_full(root: &Path) -> bool {
    let probe = root.join("space-probe");
    let written = fs::write(&probe, vec![1; PROBE_BYTES]);
    // Left behind it does no harm, and a device that cannot delete has said so already.
    fs::remove_file(probe).ok();
    let full = [
        std::io::ErrorKind::StorageFull,
        std::io::ErrorKind::QuotaExceeded,
    ];
    written.is_err_and(|error| full.contains(&error.kind()))
}

fn entries(path: &Path) -> Result<Vec<OsString>, NodeError> {
    let entries = fs::read_dir(path).map_err(io("read", path))?;
    entries
        .map(|entry| Ok(entry.map_err(io("read", path))?.file_name()))
        .collect()
}

/// Whether the directory holds nothing but what an interrupted creation leaves.
fn is_empty(root: &Path) -> Result<bool, NodeError> {
    Ok(entries(root)?
        .iter()
        .all(|name| name == "lock" || name == "network.json.new"))
}

fn lock(root: &Path) -> Result<File, NodeError> {
    let path = root.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(NodeError::Locked {
            path: root.to_owned(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(io("lock", &path)(source)),
    }
}

/// Deletes a network. From the first step on `resetting` tells the next start to go on.
///
/// Without a description that can be read, the directory is a network's only if it holds nothing but parts of one.
fn reset(root: &Path, file: &Path, resetting: &Path) -> Result<(), NodeError> {
    if file.exists() {
        let unreadable = matches!(read(file), Err(NodeError::Damaged { .. }));
        let foreign = |name: &OsString| !PARTS.iter().any(|part| name == part);
        if unreadable && entries(root)?.iter().any(foreign) {
            return Err(NodeError::NotOurs {
                path: root.to_owned(),
            });
        }
        fs::rename(file, resetting).map_err(io("rename", file))?;
        sync(root)?;
    }
    for part in ["consensus", "history"] {
        let path = root.join(part);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(io("delete", &path))?;
        }
    }
    Ok(())
}

/// Makes renames in a directory durable.
fn sync(root: &Path) -> Result<(), NodeError> {
    File::open(root)
        .and_then(|dir| dir.sync_all())
        .map_err(io("write", root))
}

fn generate(config: &DevConfig) -> Result<NetworkFile, NodeError> {
    let mut rng = UnwrapErr(SysRng);
    // Six digits: chain ids are this times 1,000 plus the module's index.
    let network_id = config
        .network_id
        .unwrap_or_else(|| rng.random_range(100_000..1_000_000));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(NetworkFile {
        version: VERSION,
        network_id,
        modules: names(config),
        private: config.private(),
        gas_limit: config.gas_limit,
        genesis_timestamp_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        validators: config.validators,
        keys: StoredKeys::generate(rng, config.validators).map_err(NodeError::Config)?,
    })
}

fn names(config: &DevConfig) -> Vec<String> {
    config.modules.iter().map(ToString::to_string).collect()
}

/// Writes `file` in the directory `root` whole or not at all.
fn write(root: &Path, file: &Path, text: &[u8]) -> Result<(), NodeError> {
    let new = PathBuf::from(format!("{}.new", file.display()));
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&new).map_err(io("create", &new))?;
    out.write_all(text)
        .and_then(|()| out.sync_all())
        .map_err(io("write", &new))?;
    fs::rename(&new, file).map_err(io("create", file))?;
    sync(root)
}

fn read(file: &Path) -> Result<NetworkFile, NodeError> {
    let text = fs::read(file).map_err(io("read", file))?;
    let damaged = |e: serde_json::Error| NodeError::Damaged {
        path: file.to_owned(),
        reason: e.to_string(),
    };
    // The version first: fields of another version are not this one's to judge.
    let any: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
    let found = any
        .get("version")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or_default();
    if found != VERSION {
        let path = file.parent().unwrap_or(file).to_owned();
        return Err(NodeError::Version {
            path,
            found,
            expected: VERSION,
        });
    }
    serde_json::from_value(any).map_err(damaged)
}

fn check(root: &Path, network: &NetworkFile, config: &DevConfig) -> Result<(), NodeError> {
    let same = |field, found: String, asked: String| {
        if found == asked {
            Ok(())
        } else {
            Err(NodeError::OtherNetwork {
                path: root.to_owned(),
                field,
                found,
                asked,
            })
        }
    };
    same(
        "modules",
        network.modules.join(","),
        names(config).join(","),
    )?;
    same(
        "private modules",
        network.private.join(","),
        config.private().join(","),
    )?;
    same(
        "validators",
        network.validators.to_string(),
        config.validators.to_string(),
    )?;
    same(
        "gas limit",
        network.gas_limit.to_string(),
        config.gas_limit.to_string(),
    )?;
    let asked = config.network_id.unwrap_or(network.network_id);
    same(
        "network id",
        network.network_id.to_string(),
        asked.to_string(),
    )
}

#[cfg(test)]
mod tests;
