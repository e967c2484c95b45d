//! The wallet's file: encrypted with a passphrase, old or new whatever happens while it is written.

mod crypt;
#[cfg(feature = "native")]
mod file;

use crate::Wallet;
use crate::data::Data;
use crate::keys::Keys;
use crate::passed;
pub use crypt::{Cost, Vault};
#[cfg(feature = "native")]
pub use file::WalletFile;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Why the wallet's file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The passphrase is another one.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// The bytes are not what was written.
    #[error("the wallet file is damaged: restore the wallet from its 24 words")]
    Damaged,
    /// Not a wallet file.
    #[error("this is not a wallet file")]
    NotAWallet,
    /// Written by software of another time.
    #[error("the wallet file has version {0}, which this software does not know")]
    Version(u8),
    /// The file asks for more work than any honest one.
    #[error("the wallet file asks for more memory or time than this software gives")]
    Cost,
    /// There is none.
    #[error("there is no wallet at {0}: make one with `trellis wallet create`")]
    Missing(String),
    /// There is one already.
    #[error("there is a wallet at {0} already")]
    Exists(String),
    /// Another process has it open.
    #[error("another process uses the wallet at {0}")]
    Locked(String),
    /// The disk.
    #[error("the wallet file at {path}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// What happened.
        reason: String,
    },
}

/// Keeps a wallet. What is kept is there after a crash.
pub trait Keep {
    /// Keeps all of it, or leaves what was kept before.
    fn keep(&mut self, wallet: &Wallet) -> Result<(), StoreError>;
}

/// Keeps nothing: for tests, and where something else does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forget;

impl Keep for Forget {
    fn keep(&mut self, _: &Wallet) -> Result<(), StoreError> {
        Ok(())
    }
}

#[derive(Serialize)]
struct Written<'a> {
    account: Option<u32>,
    key: &'a str,
    data: &'a Data,
}

#[derive(Deserialize)]
struct Read {
    account: Option<u32>,
    key: String,
    data: Data,
}

impl Drop for Read {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// What is encrypted: `uint64 length`, JSON of that length, and the transfers that passed.
pub(crate) fn to_bytes(wallet: &Wallet) -> Zeroizing<Vec<u8>> {
    let (account, key) = wallet.keys.to_saved();
    let written = Written {
        account,
        key: &key,
        data: &wallet.data,
    };
    let mut text = Zeroizing::new(Vec::with_capacity(1 << 16));
    // Maps have keys that are texts or numbers, so nothing can fail.
    serde_json::to_writer(&mut *text, &written).expect("the wallet's data is JSON");
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 8));
    bytes.extend((text.len() as u64).to_be_bytes());
    bytes.extend_from_slice(&text);
    passed::encode(&wallet.data.chain.passed, &mut bytes);
    bytes
}

/// Reads [`to_bytes`].
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Wallet> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    let mut read: Read = serde_json::from_slice(text).ok()?;
    let network = read.data.identity.network();
    let keys = Keys::from_saved(network, read.account, &read.key)?;
    let mut data = std::mem::replace(
        &mut read.data,
        Data::new(crate::node::Identity::default(), 0),
    );
    data.chain.passed = passed::decode(rest)?;
    Some(Wallet { keys, data })
}
