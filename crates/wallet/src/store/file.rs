//! The file: written beside itself, flushed, and moved into place.

use super::{Cost, Keep, StoreError, Vault, from_bytes, to_bytes};
use crate::Wallet;
use rand_core::CryptoRng;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

/// A wallet's file, open for this process alone.
pub struct WalletFile<R> {
    path: PathBuf,
    vault: Vault,
    rng: R,
    /// Held as long as the wallet is open; the system frees it if the process dies.
    _lock: File,
}

impl<R> std::fmt::Debug for WalletFile<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WalletFile").field(&self.path).finish()
    }
}

impl<R: CryptoRng> WalletFile<R> {
    /// Makes the file of a new wallet.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one: a wallet is never overwritten.
    pub fn create(
        path: &Path,
        passphrase: &str,
        cost: Cost,
        wallet: &Wallet,
        mut rng: R,
    ) -> Result<Self, StoreError> {
        if let Some(directory) = directory(path) {
            fs::create_dir_all(directory).map_err(|error| io(path, &error))?;
        }
        let lock = lock(path)?;
        if path.exists() {
            return Err(StoreError::Exists(path.display().to_string()));
        }
        let vault = Vault::new(passphrase, cost, &mut rng)?;
        let mut file = Self {
            path: path.to_owned(),
            vault,
            rng,
            _lock: lock,
        };
        file.keep(wallet)?;
        Ok(file)
    }

    /// Opens the file of a wallet.
    ///
    /// # Errors
    /// There is none, another process has it, the passphrase is wrong, or the file is damaged.
    pub fn open(path: &Path, passphrase: &str, rng: R) -> Result<(Self, Wallet), StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.display().to_string()));
        }
        let lock = lock(path)?;
        let bytes = fs::read(path).map_err(|error| io(path, &error))?;
        let (vault, text) = Vault::open(passphrase, &bytes)?;
        let wallet = from_bytes(&text).ok_or(StoreError::Damaged)?;
        let file = Self {
            path: path.to_owned(),
            vault,
            rng,
            _lock: lock,
        };
        Ok((file, wallet))
    }

    fn replace(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let beside = beside(&self.path, "new");
        let mut file =
            private(OpenOptions::new().write(true).create(true).truncate(true)).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        // The name is in the directory: without this a crash may bring the old one back.
        if cfg!(unix) {
            File::open(directory(&self.path).unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

impl<R: CryptoRng> Keep for WalletFile<R> {
    fn keep(&mut self, wallet: &Wallet) -> Result<(), StoreError> {
        let bytes = self.vault.seal(&to_bytes(wallet), &mut self.rng);
        self.replace(&bytes).map_err(|error| io(&self.path, &error))
    }
}

/// Takes the wallet for this process.
fn lock(path: &Path) -> Result<File, StoreError> {
    let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
        .open(beside(path, "lock"))
        .map_err(|error| io(path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.display().to_string())),
        // Some file systems have no locks; the wallet is more use without than not at all.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(lock),
        Err(TryLockError::Error(error)) => Err(io(path, &error)),
    }
}

/// For the owner's eyes only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

fn directory(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

fn io(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
