//! What the measurements of messages and of payments share: how they run and what they print first, and who sends.

use super::{
    machine::Machine,
    rpc::{RpcClient, RpcError},
    workload::{Sender, derive, with_nonces},
};
use crate::{
    args::{COMMIT, VERSION},
    error::CliError,
    output,
};
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_signer::SignerSync as _;
use serde::Serialize;
use std::process::ExitCode;
use trellis_node::MNEMONIC;

/// Accounts that send, of those every development chain funds.
const SENDERS: u64 = 10;

/// Program, machine and command of a measurement.
#[derive(Serialize)]
pub(super) struct Setting {
    version: &'static str,
    commit: &'static str,
    machine: Machine,
    command: String,
}

impl Setting {
    /// Of this process.
    pub(super) fn read() -> Self {
        Self {
            version: VERSION,
            commit: COMMIT,
            machine: Machine::read(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
        }
    }

    /// For a person.
    pub(super) fn show(&self) {
        let machine = &self.machine;
        output::line(format_args!(
            "machine       {} cores, {}, {}",
            machine.cores,
            machine.cpu.as_deref().unwrap_or_default(),
            machine.os
        ));
        output::line(format_args!("command       {}", self.command));
    }
}

/// What was measured.
pub(super) trait Report: Serialize {
    /// For a person.
    fn show(&self);
}

/// Runs a measurement and prints it.
pub(super) fn run<R: Report>(
    json: bool,
    measure: impl Future<Output = Result<R, CliError>>,
) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::from_error("cannot start the runtime", &error))?;
    let report = runtime.block_on(measure)?;
    if json {
        let value = serde_json::to_value(&report)
            .map_err(|error| CliError::from_error("cannot write the result", &error))?;
        output::json(&value);
    } else {
        report.show();
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what a request was for.
pub(super) fn failed(what: &str) -> impl Fn(RpcError) -> CliError + '_ {
    move |error| CliError::from_error(what, &error)
}

/// Accounts with coin, and their next nonces.
pub(super) async fn senders(client: &RpcClient) -> Result<Vec<Sender>, CliError> {
    with_nonces(client, &derive(MNEMONIC, SENDERS)?).await
}

/// Ten times the price of the newest block, at least `least`: every block of a run accepts it.
pub(super) async fn price(client: &RpcClient, least: u128) -> Result<u128, CliError> {
    let block = client.latest_block().await;
    let block = block.map_err(failed("cannot read a block"))?;
    let base_fee: u64 = block.base_fee_per_gas.map_or(0, |fee| fee.to());
    Ok(u128::from(base_fee).saturating_mul(10).max(least))
}

/// A call to be signed.
pub(super) struct Call {
    pub(super) chain_id: u64,
    pub(super) gas_limit: u64,
    pub(super) max_fee: u128,
    pub(super) to: Address,
    pub(super) value: u128,
    pub(super) input: Bytes,
}

impl Call {
    /// Signs it with the sender's next nonce.
    pub(super) fn sign(self, sender: &mut Sender) -> TxEnvelope {
        let tx = TxEip1559 {
            chain_id: self.chain_id,
            nonce: sender.nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: self.max_fee,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(self.to),
            value: U256::from(self.value),
            input: self.input,
            ..TxEip1559::default()
        };
        sender.nonce += 1;
        let signature = sender
            .signer
            .sign_hash_sync(&tx.signature_hash())
            .expect("signing a 32-byte hash with a local key cannot fail");
        tx.into_signed(signature).into()
    }
}
