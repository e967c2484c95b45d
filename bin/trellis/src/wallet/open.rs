//! The file, the passphrase, the node: what every command begins with.

use super::{args::Common, progress::Reading};
use crate::error::CliError;
use rand::rngs::ThreadRng;
use std::{
    io::{IsTerminal as _, stdin},
    path::PathBuf,
};
use trellis_wallet::{
    Cost, Error, Keys, Node as _, NodeError, RpcNode, StoreError, Synced, Wallet, WalletFile,
};
use zeroize::Zeroizing;

const PASSPHRASE: &str = "TRELLIS_PASSPHRASE";

/// An open wallet.
pub(super) struct Open {
    pub(super) wallet: Wallet,
    pub(super) file: WalletFile<ThreadRng>,
    pub(super) node: RpcNode,
    pub(super) common: Common,
}

impl Open {
    /// Opens the wallet's file.
    pub(super) fn existing(common: &Common) -> Result<Self, CliError> {
        let path = path(common)?;
        if !path.exists() {
            return Err(failed(StoreError::Missing(path.display().to_string())));
        }
        let (file, wallet) =
            WalletFile::open(&path, &passphrase(false)?, rand::rng()).map_err(failed)?;
        Ok(Self {
            wallet,
            file,
            node: node(common)?,
            common: common.clone(),
        })
    }

    /// Makes a wallet's file. The birthday is that of the newest block if nobody says another.
    pub(super) fn new(
        common: &Common,
        birthday: Option<u64>,
        keys: impl FnOnce(trellis_shielded::Network) -> Result<Keys, CliError>,
    ) -> Result<Self, CliError> {
        let path = path(common)?;
        if path.exists() {
            return Err(failed(StoreError::Exists(path.display().to_string()))
                .hint("name another file with --wallet"));
        }
        let node = node(common)?;
        let identity = node.identity().map_err(failed)?;
        let head = node.head().map_err(failed)?.number;
        // Whether there are private payments at all is better known now than at the first payment.
        node.latest(head).map_err(failed)?;
        let keys = keys(identity.network())?;
        let wallet = Wallet::new(keys, identity, birthday.unwrap_or(head));
        let passphrase = passphrase(true)?;
        let file = WalletFile::create(&path, &passphrase, Cost::STRONG, &wallet, rand::rng());
        Ok(Self {
            wallet,
            file: file.map_err(failed)?,
            node,
            common: common.clone(),
        })
    }

    /// Reads what is new, unless nobody wants to, and sends again what is on its way.
    pub(super) fn fresh(common: &Common) -> Result<Self, CliError> {
        let mut open = Self::existing(common)?;
        if !common.offline {
            open.sync()?;
            open.wallet.resend(&open.node);
        }
        Ok(open)
    }

    /// Reads what is new.
    pub(super) fn sync(&mut self) -> Result<Synced, CliError> {
        let mut reading = Reading::default();
        let watch = &mut |progress: &_| reading.show(progress);
        let synced = self.wallet.sync(&self.node, &mut self.file, watch);
        reading.finish();
        let synced = synced.map_err(failed)?;
        if synced.repaired {
            eprintln!("what this wallet knew did not fit to the chain: it was read again");
        }
        Ok(synced)
    }

    /// Keeps the wallet.
    pub(super) fn keep(&mut self) -> Result<(), CliError> {
        trellis_wallet::Keep::keep(&mut self.file, &self.wallet).map_err(failed)
    }
}

/// A failure of the wallet, with what can be done about it.
pub(super) fn failed(error: impl Into<Error>) -> CliError {
    let error = error.into();
    let hint = match &error {
        Error::Node(NodeError::Unreachable { .. }) => {
            Some("start a network with `trellis dev`, or name a module of one with --url")
        }
        Error::Node(NodeError::NoPool) => {
            Some("name a module with private payments: --url http://127.0.0.1:8545/pay")
        }
        Error::NeedsSteps { .. } => Some("add --steps to make them one after the other"),
        Error::FeeTooHigh { .. } => Some("allow more with --max-fee, or wait"),
        Error::OtherChain => Some(
            "a network that was reset needs new wallets; --url and --wallet say which belong together",
        ),
        Error::CannotWith(_) => Some("open the wallet that was made from the 24 words"),
        _ => None,
    };
    let shown = CliError::from_error("", &error);
    match hint {
        Some(hint) => shown.hint(hint),
        None => shown,
    }
}

pub(super) fn node(common: &Common) -> Result<RpcNode, CliError> {
    RpcNode::new(&common.url).map_err(failed)
}

/// Where things of this program are kept.
pub(super) fn home() -> Result<PathBuf, CliError> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or_else(|| {
        CliError::new("there is no home directory").hint("name a file with --wallet")
    })?;
    Ok(home.join(".trellis"))
}

fn path(common: &Common) -> Result<PathBuf, CliError> {
    match &common.wallet {
        Some(path) => Ok(path.clone()),
        None => Ok(home()?.join("wallet")),
    }
}

/// The passphrase from the environment, or from a person; twice if it is new.
fn passphrase(new: bool) -> Result<Zeroizing<String>, CliError> {
    if let Ok(passphrase) = std::env::var(PASSPHRASE) {
        return Ok(Zeroizing::new(passphrase));
    }
    let first = ask("Passphrase: ")?;
    if new {
        if first.is_empty() {
            return Err(CliError::new("the passphrase is empty").hint(format!(
                "set {PASSPHRASE} to nothing if that is what you want"
            )));
        }
        if ask("The same again: ")? != first {
            return Err(CliError::new("the two are not the same"));
        }
    }
    Ok(first)
}

/// A secret that a person types, or that stands in a pipe.
pub(super) fn ask(what: &str) -> Result<Zeroizing<String>, CliError> {
    let typed = if stdin().is_terminal() {
        rpassword::prompt_password(what)
    } else {
        let mut line = String::new();
        stdin().read_line(&mut line).map(|_| line)
    };
    let typed = typed.map_err(|error| CliError::from_error("nothing was typed", &error))?;
    let typed = Zeroizing::new(typed);
    let typed = Zeroizing::new(typed.trim_end_matches(['\r', '\n']).to_owned());
    if typed.is_empty() && !stdin().is_terminal() {
        let what = what.trim_end_matches([':', ' ']).to_lowercase();
        return Err(
            CliError::new(format!("nobody is here to type: {what}")).hint(format!(
                "set {PASSPHRASE}, and give the rest on standard input"
            )),
        );
    }
    Ok(typed)
}
