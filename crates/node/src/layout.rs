//! The data directory.
//!
//! ```text
//! DIR/network.json      what the network is: version, id, modules, gas limit, genesis time, development keys
//! DIR/lock              held while a process runs on the directory
//! DIR/consensus/        every validator's consensus journals, blocks, certificates and state databases
//! DIR/history/V/MODULE/ validator V's history of a module
//! ```
//!
//! `network.json` is written once, completely, before anything else exists: a crash while creating a network leaves
//! either none or a whole one.

use crate::{DevConfig, NodeError, keys::StoredKeys};
use rand::{RngExt as _, rngs::SysRng};
use rand_core::UnwrapErr;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Version of everything under the data directory.
const VERSION: u64 = 1;

/// A network's fixed description.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkFile {
    pub(crate) version: u64,
    pub(crate) network_id: u64,
    pub(crate) modules: Vec<String>,
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
        let file = root.join("network.json");
        if !file.exists() && !is_empty(&root)? {
            return Err(NodeError::NotOurs { path: root });
        }
        let lock = lock(&root)?;
        if config.reset {
            reset(&root)?;
        }
        let network = if file.exists() {
            let network = read(&file)?;
            check(&root, &network, config)?;
            network
        } else {
            let network = generate(config)?;
            write(&root, &file, &network)?;
            network
        };
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

/// Whether the directory holds nothing but what an interrupted creation leaves.
fn is_empty(root: &Path) -> Result<bool, NodeError> {
    for entry in fs::read_dir(root).map_err(io("read", root))? {
        let name = entry.map_err(io("read", root))?.file_name();
        if name != "lock" && name != "network.json.new" {
            return Ok(false);
        }
    }
    Ok(true)
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

/// Deletes a network. `network.json` goes last, so that an interrupted reset is finished by the next.
fn reset(root: &Path) -> Result<(), NodeError> {
    for part in ["consensus", "history"] {
        let path = root.join(part);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(io("delete", &path))?;
        }
    }
    let path = root.join("network.json");
    if path.exists() {
        fs::remove_file(&path).map_err(io("delete", &path))?;
    }
    Ok(())
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
        gas_limit: config.gas_limit,
        genesis_timestamp_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        validators: config.validators,
        keys: StoredKeys::generate(&mut rng, config.validators)?,
    })
}

fn names(config: &DevConfig) -> Vec<String> {
    config.modules.iter().map(ToString::to_string).collect()
}

fn write(root: &Path, file: &Path, network: &NetworkFile) -> Result<(), NodeError> {
    let text = serde_json::to_vec_pretty(network)
        .map_err(|e| NodeError::Config(format!("cannot describe the network: {e}")))?;
    let new = root.join("network.json.new");
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&new).map_err(io("create", &new))?;
    out.write_all(&text)
        .and_then(|()| out.sync_all())
        .map_err(io("write", &new))?;
    fs::rename(&new, file).map_err(io("create", file))?;
    File::open(root)
        .and_then(|dir| dir.sync_all())
        .map_err(io("write", root))
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
