//! The command line: what can be asked, and what each answer says in `--help`.
//!
//! Every option of `dev` can also be an environment variable or a key of the configuration file; [`crate::config`] merges
//! them, so the options here are all optional and their defaults are named in the help text only.

use crate::{
    bench::{ExecArgs, LoadArgs, MessagesArgs, PaymentsArgs},
    values::{self, ModuleNames},
    wallet::args::WalletArgs,
};
use alloy_primitives::B256;
use clap::{Args, Parser, Subcommand};
use core::time::Duration;
use std::{net::IpAddr, path::PathBuf};

/// Version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Commit this binary was built from; empty when it was not built from a git checkout.
pub(crate) const COMMIT: &str = env!("TRELLIS_BUILD_COMMIT");

/// `trellis`
#[derive(Debug, Parser)]
#[command(
    name = "trellis",
    version = env!("TRELLIS_BUILD_VERSION"),
    about = "A modular blockchain: one validator set runs many modules, each a complete EVM chain of its own",
    after_help = "Examples:
  trellis dev                                 a network on http://127.0.0.1:8545
  trellis dev --ephemeral --modules hub,pay   two modules, nothing kept on disk
  trellis bench load                          20,000 transfers to every module of it
  trellis bench load --light                  how long one transfer takes to become final

`trellis <command> --help` explains a command. Exit codes: 0 success, 1 failure, 2 a command line
that makes no sense.",
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole network in this process, with funded accounts and nothing to configure
    #[command(after_help = DEV_EXAMPLES)]
    Dev(DevArgs),
    /// Measure a running network, or how fast blocks execute
    #[command(subcommand, arg_required_else_help = true)]
    Bench(BenchCommand),
    /// Follow messages between modules
    #[command(subcommand, arg_required_else_help = true)]
    Message(MessageCommand),
    /// Hold, send and receive privately
    #[command(arg_required_else_help = true, after_help = crate::wallet::args::EXAMPLES)]
    Wallet(Box<WalletArgs>),
    /// Check or print the configuration of `trellis dev`
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  trellis completions zsh > ~/.zfunc/_trellis")]
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Send transfers over HTTP and measure how many are included, and how fast
    #[command(after_help = crate::bench::LOAD_EXAMPLES)]
    Load(Box<LoadArgs>),
    /// Send messages from one module to another and measure how fast they arrive
    #[command(after_help = crate::bench::MESSAGES_EXAMPLES)]
    Messages(MessagesArgs),
    /// Make private transfers and measure how many are included, and how fast
    #[command(after_help = crate::bench::PAYMENTS_EXAMPLES)]
    Payments(PaymentsArgs),
    /// Execute blocks in this process and measure every way to do it against plain revm
    #[command(after_help = crate::bench::EXEC_EXAMPLES)]
    Exec(Box<ExecArgs>),
}

/// What to ask about messages.
#[derive(Debug, Subcommand)]
pub(crate) enum MessageCommand {
    /// Show how far a message is, and wait for its end
    #[command(after_help = crate::message::EXAMPLES)]
    Status(StatusArgs),
}

/// `trellis message status`
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Id of the message, or hash of the transaction that sent it
    pub(crate) hash: B256,
    /// URL of the network; any module of it will do
    #[arg(long, default_value = "http://127.0.0.1:8545", value_name = "URL")]
    pub(crate) url: String,
    /// Show what is known now instead of waiting for the end
    #[arg(long)]
    pub(crate) once: bool,
    /// Longest time to wait, in seconds
    #[arg(long, default_value_t = 60, value_name = "S")]
    pub(crate) timeout: u64,
    /// One JSON object, as `trellis_getMessage` answers
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and say what is wrong with it
    Check {
        /// The file to check
        file: PathBuf,
    },
    /// Print the configuration `trellis dev` would use, as a file, with the origin of every value
    Show(DevArgs),
}

const DEV_EXAMPLES: &str = "Configuration:
  Every option is also an environment variable (--block-time is TRELLIS_BLOCK_TIME) and a key of the
  file given with --config (block-time = \"100ms\"). An option beats the environment, the environment
  beats the file. `trellis config show` prints the outcome.

Examples:
  trellis dev                                 three modules, kept in ./trellis-data
  trellis dev --reset                         the same from a new genesis
  trellis dev --ephemeral --validators 4      consensus between four validators, nothing on disk
  trellis dev --modules hub,energy --block-time 1s --port 9000
  trellis dev --json | jq .                   start-up and status as JSON lines";

/// `trellis dev`, and `trellis config show`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DevArgs {
    /// Names of the modules, the hub first [default: hub,market,pay]
    #[arg(long, hide_env = true, env = "TRELLIS_MODULES", value_name = "A,B,C", value_parser = values::modules, help_heading = "Network")]
    pub(crate) modules: Option<ModuleNames>,
    /// Modules with private payments, or none [default: pay, if there is one]
    #[arg(long, hide_env = true, env = "TRELLIS_PRIVATE", value_name = "A,B", value_parser = values::private, help_heading = "Network")]
    pub(crate) private: Option<ModuleNames>,
    /// Validators in this process, 1 to 16; 4 tolerate one fault [default: 1]
    #[arg(long, hide_env = true, env = "TRELLIS_VALIDATORS", value_name = "N", value_parser = values::validators, help_heading = "Network")]
    pub(crate) validators: Option<u32>,
    /// Time between blocks: 100ms, 1s, or milliseconds [default: 100ms]
    #[arg(long, hide_env = true, env = "TRELLIS_BLOCK_TIME", value_name = "TIME", value_parser = values::block_time, help_heading = "Network")]
    pub(crate) block_time: Option<Duration>,
    /// Gas a block may use, per module [default: 200000000]
    #[arg(long, hide_env = true, env = "TRELLIS_GAS_LIMIT", value_name = "GAS", value_parser = values::gas_limit, help_heading = "Network")]
    pub(crate) gas_limit: Option<u64>,
    /// Number of the network; the modules' chain ids are derived from it
    #[arg(long, hide_env = true, env = "TRELLIS_NETWORK_ID", value_name = "N", value_parser = values::positive, help_heading = "Network")]
    pub(crate) network_id: Option<u64>,

    /// Address to listen on; 0.0.0.0 opens it to other machines [default: 127.0.0.1]
    #[arg(long, hide_env = true, env = "TRELLIS_HOST", value_name = "IP", value_parser = values::host, help_heading = "Server")]
    pub(crate) host: Option<IpAddr>,
    /// Port of HTTP and WebSocket for all modules; further validators take the ports after it; 0 takes free ones [default: 8545]
    #[arg(long, hide_env = true, env = "TRELLIS_PORT", value_name = "PORT", value_parser = values::port, help_heading = "Server")]
    pub(crate) port: Option<u16>,

    /// Directory the chain is kept in [default: ./trellis-data]
    #[arg(
        long,
        hide_env = true,
        env = "TRELLIS_DATA_DIR",
        value_name = "DIR",
        help_heading = "Storage"
    )]
    pub(crate) data_dir: Option<PathBuf>,
    /// Keep nothing on disk; wins over a data directory from elsewhere
    #[arg(long, hide_env = true, env = "TRELLIS_EPHEMERAL", value_name = "BOOL", value_parser = values::boolean, num_args = 0..=1,
          require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Storage")]
    pub(crate) ephemeral: Option<bool>,
    /// Delete the chain in the data directory and begin with a new genesis
    #[arg(long, hide_env = true, env = "TRELLIS_RESET", value_name = "BOOL", value_parser = values::boolean, num_args = 0..=1,
          require_equals = true, default_missing_value = "true", help_heading = "Storage")]
    pub(crate) reset: Option<bool>,
    /// Recent blocks whose state can still be queried [default: 256]
    #[arg(long, hide_env = true, env = "TRELLIS_HISTORY", value_name = "BLOCKS", value_parser = values::positive, help_heading = "Storage")]
    pub(crate) history: Option<u64>,

    /// TOML file with the same names as these options
    #[arg(
        long,
        hide_env = true,
        env = "TRELLIS_CONFIG",
        value_name = "FILE",
        help_heading = "Configuration and output"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print start-up and status as JSON lines
    #[arg(long, hide_env = true, env = "TRELLIS_JSON", value_name = "BOOL", value_parser = values::boolean, num_args = 0..=1,
          require_equals = true, default_missing_value = "true", help_heading = "Configuration and output")]
    pub(crate) json: Option<bool>,
    /// What to log to stderr: error, warn, info, debug, or a filter such as trellis_rpc=debug [default: warnings]
    #[arg(
        long,
        hide_env = true,
        env = "TRELLIS_LOG",
        value_name = "FILTER",
        help_heading = "Configuration and output"
    )]
    pub(crate) log: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
