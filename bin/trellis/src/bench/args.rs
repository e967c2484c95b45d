//! Options of `trellis bench load`.

use crate::values;
use alloy_primitives::U256;
use clap::Args;
use core::time::Duration;
use trellis_node::MNEMONIC;

/// Transfers per module when nothing is said: enough for several full blocks.
const LOAD_TRANSACTIONS: u64 = 20_000;
/// The same in latency mode, per way of measuring.
const LIGHT_TRANSACTIONS: u64 = 50;

pub(crate) const LOAD_EXAMPLES: &str = "What is measured:
  Transfers are signed before the clock starts. Included tx/s is the number of transfers found in
  blocks, divided by the time from the first send until the last of them was seen in a block. Every
  signed transfer is looked for: if one is missing, the exit code is 1. Latency is from sending a
  batch (with --rate: from when it was due) until the block was read; blocks are polled every 20 ms.

Examples:
  trellis bench load                            every module, as fast as possible
  trellis bench load --modules pay --rate 2000  a steady 2,000 tx/s on one module
  trellis bench load --light                    one transfer at a time: when is it final?
  trellis bench load --baseline http://127.0.0.1:9545
                                                the same against another chain, and the ratio";

/// `trellis bench load`.
#[derive(Args, Clone, Debug)]
pub(crate) struct LoadArgs {
    /// URL of the network; with a path, the one module it names
    #[arg(long, hide_env_values = true, env = "TRELLIS_URL", value_name = "URL", value_parser = values::url,
          default_value = "http://127.0.0.1:8545", help_heading = "Target")]
    pub(crate) url: String,
    /// Modules to load [default: all]
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        help_heading = "Target"
    )]
    pub(crate) modules: Vec<String>,
    /// Another chain to run the same load on afterwards, for the ratio
    #[arg(long, value_name = "URL", value_parser = values::url, help_heading = "Target")]
    pub(crate) baseline: Option<String>,
    /// Process whose memory and processor time are measured [default: the one listening on the URL's port, if local]
    #[arg(long, value_name = "PID", help_heading = "Target")]
    pub(crate) pid: Option<u32>,

    /// Transfers per module [default: 20000, with --light 50]
    #[arg(long, short = 'n', value_name = "N", value_parser = values::positive, help_heading = "Load")]
    pub(crate) transactions: Option<u64>,
    /// Transfers per module sent and included before the measurement begins
    #[arg(long, value_name = "N", value_parser = values::integer, default_value = "0", help_heading = "Load")]
    pub(crate) warmup: u64,
    /// Transfers per second over all modules; 0 is as fast as possible
    #[arg(long, value_name = "R", value_parser = values::integer, default_value = "0", help_heading = "Load")]
    pub(crate) rate: u64,
    /// Transactions in one HTTP request
    #[arg(long, value_name = "N", value_parser = values::positive, default_value = "100", help_heading = "Load")]
    pub(crate) batch: u64,
    /// HTTP connections per module; a sender stays on one
    #[arg(long, value_name = "N", value_parser = values::positive, default_value = "4", help_heading = "Load")]
    pub(crate) connections: u64,
    /// Send one transfer at a time and measure how long each takes to become final
    #[arg(long, help_heading = "Load")]
    pub(crate) light: bool,
    /// Longest pause before each transfer of --light; pauses are spread evenly below it
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "200ms", help_heading = "Load")]
    pub(crate) pause: Duration,
    /// Give up after this long without progress
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "30s", help_heading = "Load")]
    pub(crate) timeout: Duration,

    /// Sending accounts per module, derived from the mnemonic; those without funds are funded first, unmeasured
    #[arg(long, value_name = "N", value_parser = values::positive, default_value = "10", help_heading = "Accounts")]
    pub(crate) accounts: u64,
    /// Receiving accounts: 1 makes every transfer meet in one account, 0 gives each transfer a new one
    #[arg(long, value_name = "N", value_parser = values::integer, default_value = "1000", help_heading = "Accounts")]
    pub(crate) recipients: u64,
    /// Mnemonic of the senders; the first account pays for the others
    #[arg(long, env = "TRELLIS_MNEMONIC", hide_env_values = true, hide_default_value = true, value_name = "WORDS",
          default_value = MNEMONIC, help_heading = "Accounts")]
    pub(crate) mnemonic: String,
    /// Highest gas price, in gwei [default: 1000, or ten times the base fee]
    #[arg(long, value_name = "GWEI", value_parser = values::positive, help_heading = "Accounts")]
    pub(crate) max_fee: Option<u64>,

    /// Print the result as JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

impl LoadArgs {
    /// Transfers per module, the default depending on the mode.
    pub(crate) fn transfers(&self) -> u64 {
        self.transactions.unwrap_or(if self.light {
            LIGHT_TRANSACTIONS
        } else {
            LOAD_TRANSACTIONS
        })
    }

    /// The highest gas price in wei when the chain's base fee is `base_fee` wei.
    pub(crate) fn max_fee_wei(&self, base_fee: u64) -> u128 {
        const GWEI: u128 = 1_000_000_000;
        match self.max_fee {
            Some(gwei) => u128::from(gwei) * GWEI,
            None => (1_000 * GWEI).max(u128::from(base_fee) * 10),
        }
    }
}

/// Wei as ether, for messages: exact to a millionth, rounded down.
pub(crate) fn ether(wei: U256) -> String {
    let micro = wei / U256::from(1_000_000_000_000_u64);
    let (whole, fraction) = micro.div_rem(U256::from(1_000_000_u64));
    format!("{whole}.{:06} ether", fraction.to::<u64>())
}
