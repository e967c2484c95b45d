//! What can be asked of a wallet.

use alloy_primitives::{Address as Account, B256, Bytes};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str =
    "The passphrase of the file comes from TRELLIS_PASSPHRASE, or is asked for.

Examples:
  trellis wallet create                       a new wallet, and the 24 words that restore it
  trellis wallet shield 5 --dev 0             5 ETH of a development account become private
  trellis wallet send pay7786... 1.5          pay somebody privately
  trellis wallet history --json | jq .        what came and went";

/// `trellis wallet`
#[derive(Args, Debug)]
pub(crate) struct WalletArgs {
    /// What every command may be told.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: WalletCommand,
}

/// What every command may be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// URL of a module with private payments
    #[arg(
        long,
        global = true,
        env = "TRELLIS_URL",
        default_value = "http://127.0.0.1:8545/pay",
        value_name = "URL"
    )]
    pub(crate) url: String,
    /// The wallet's file [default: ~/.trellis/wallet]
    #[arg(long, global = true, env = "TRELLIS_WALLET", value_name = "FILE")]
    pub(crate) wallet: Option<PathBuf>,
    /// One JSON object instead of words
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show what is known without asking the node
    #[arg(long, global = true)]
    pub(crate) offline: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Make a new wallet and show the 24 words that restore it
    Create,
    /// Make a wallet from its 24 words; nothing else is ever needed
    Restore(RestoreArgs),
    /// Make a wallet that only watches, from a viewing key
    Watch(WatchArgs),
    /// Show an address to be paid at
    Address(AddressArgs),
    /// Show what the wallet has
    Balance,
    /// Make value of a public account private
    Shield(ShieldArgs),
    /// Pay somebody privately
    Send(SendArgs),
    /// Make a link, or a code, that asks to be paid
    Request(RequestArgs),
    /// Take value out to a public account, or into a call of a contract
    Unshield(UnshieldArgs),
    /// Show what came and went
    History(HistoryArgs),
    /// Read what is new on the chain
    Sync,
    /// Show the key that lets somebody see and not spend
    ExportViewingKey(ExportArgs),
    /// Make a file that shows one payment to somebody, and nothing else
    Disclose(DiscloseArgs),
    /// Check such a file against the chain; needs no wallet
    VerifyDisclosure(VerifyArgs),
    /// Show a period for bookkeeping, as CSV or with --json
    Statement(StatementArgs),
}

/// `restore`
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The block before which the wallet has no notes: reading begins there
    #[arg(long, default_value_t = 0, value_name = "BLOCK")]
    pub(crate) birthday: u64,
    /// Which account of the words
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) account: u32,
}

/// `watch`
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// The viewing key; asked for if it is not here, where others may read it
    pub(crate) key: Option<String>,
    /// The block before which the wallet has no notes
    #[arg(long, default_value_t = 0, value_name = "BLOCK")]
    pub(crate) birthday: u64,
}

/// `address`
#[derive(Args, Debug)]
pub(crate) struct AddressArgs {
    /// One that nobody was told yet; nobody can tell that it is yours too
    #[arg(long)]
    pub(crate) new: bool,
    /// What to call it
    #[arg(long, requires = "new", value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// A code to scan
    #[arg(long)]
    pub(crate) qr: bool,
}

/// `shield`
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("account").required(true))]
pub(crate) struct ShieldArgs {
    /// How much, such as 1.5
    pub(crate) amount: String,
    /// Of what: a symbol, a number, or the address of a token
    #[arg(long, default_value = "ETH", value_name = "ASSET")]
    pub(crate) asset: String,
    /// Secret key of the account that pays, as hexadecimal
    #[arg(
        long,
        group = "account",
        env = "TRELLIS_FROM_KEY",
        hide_env_values = true,
        value_name = "HEX"
    )]
    pub(crate) from_key: Option<String>,
    /// Number of a funded account of a development network
    #[arg(long, group = "account", value_name = "N")]
    pub(crate) dev: Option<usize>,
    /// Whose it becomes [default: this wallet's]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Option<String>,
    /// What the owner reads
    #[arg(long, value_name = "TEXT")]
    pub(crate) memo: Option<String>,
}

/// What every transfer may be told.
#[derive(Args, Debug)]
pub(crate) struct FeeArgs {
    /// The most that one transfer may cost, in ETH
    #[arg(long, default_value = "0.05", value_name = "ETH")]
    pub(crate) max_fee: String,
    /// Make more than one transfer if the money lies in many notes
    #[arg(long)]
    pub(crate) steps: bool,
}

/// `send`
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// Whom: an address, or a link that asks to be paid
    pub(crate) to: String,
    /// How much, such as 1.5; a link may say it
    pub(crate) amount: Option<String>,
    /// Of what: a symbol, a number, or the address of a token [default: ETH, or what the link says]
    #[arg(long, value_name = "ASSET")]
    pub(crate) asset: Option<String>,
    /// What the payee reads, up to 512 bytes
    #[arg(long, value_name = "TEXT")]
    pub(crate) memo: Option<String>,
    /// What it may cost.
    #[command(flatten)]
    pub(crate) fee: FeeArgs,
}

/// `request`
#[derive(Args, Debug)]
pub(crate) struct RequestArgs {
    /// How much; the payer decides without
    pub(crate) amount: Option<String>,
    /// Of what: a symbol, a number, or the address of a token
    #[arg(long, default_value = "ETH", value_name = "ASSET")]
    pub(crate) asset: String,
    /// What the note is to say
    #[arg(long, value_name = "TEXT")]
    pub(crate) memo: Option<String>,
    /// What the payer may call you
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// A code to scan
    #[arg(long)]
    pub(crate) qr: bool,
}

/// `unshield`
#[derive(Args, Debug)]
pub(crate) struct UnshieldArgs {
    /// The account, or the contract
    pub(crate) to: Account,
    /// How much, such as 1.5
    pub(crate) amount: String,
    /// Of what: a symbol, a number, or the address of a token
    #[arg(long, default_value = "ETH", value_name = "ASSET")]
    pub(crate) asset: String,
    /// Call of the contract after it was paid, as hexadecimal
    #[arg(long, value_name = "HEX", requires = "gas")]
    pub(crate) call: Option<Bytes>,
    /// What the call may use
    #[arg(long, value_name = "GAS", requires = "call")]
    pub(crate) gas: Option<u64>,
    /// What it may cost.
    #[command(flatten)]
    pub(crate) fee: FeeArgs,
}

/// `history`
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// How many lines, the newest first
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
}

/// Which viewing key.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeyKind {
    /// Sees everything
    Full,
    /// Sees what comes in, not whether it is spent
    Incoming,
    /// Sees what was sent
    Outgoing,
}

/// `export-viewing-key`
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Which
    #[arg(value_enum, default_value = "full")]
    pub(crate) kind: KeyKind,
}

/// `disclose`
#[derive(Args, Debug)]
pub(crate) struct DiscloseArgs {
    /// Transaction of the payment, as `history` shows it
    pub(crate) payment: B256,
    /// Which payment of the transaction, if there are more
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) number: usize,
    /// For whom the file is made
    #[arg(long = "for", value_name = "NAME")]
    pub(crate) audience: Option<String>,
    /// What they asked to have in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) nonce: Option<String>,
    /// Where to write it [default: the terminal]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `verify-disclosure`
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The file
    pub(crate) file: PathBuf,
}

/// `statement`
#[derive(Args, Debug)]
pub(crate) struct StatementArgs {
    /// First day, such as 2026-10-01 (UTC)
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<String>,
    /// First day that no longer belongs to it
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<String>,
    /// Where to write it [default: the terminal]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
