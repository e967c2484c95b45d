//! Making value of a public account private: the account signs, everybody sees how much.

use super::args::{Common, ShieldArgs};
use super::open::{Open, failed};
use super::progress::Stages;
use crate::error::CliError;
use crate::output;
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address as Account, B256, TxKind, U64, hex, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use core::time::Duration;
use serde_json::json;
use std::time::Instant;
use trellis_shielded::Address;
use trellis_wallet::{Asset, Call, Node as _, Receipt, RpcNode, add_asset};

/// What goes to the validator, in wei for a unit of gas.
const TIP: u128 = 1_000_000;
/// Longest time that a public transaction may wait.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(25);

pub(super) fn shield(common: &Common, args: &ShieldArgs) -> Result<(), CliError> {
    let mut stages = Stages::new(common.json);
    let mut open = Open::existing(common)?;
    let payer = Payer {
        signer: signer(args)?,
        chain_id: open.wallet.identity().chain_id,
    };
    if open.node.identity().map_err(failed)? != *open.wallet.identity() {
        return Err(failed(trellis_wallet::Error::OtherChain));
    }
    let asset = asset(&mut open, &payer, &args.asset)?;
    let value = asset.units(&args.amount).map_err(failed)?;
    let network = open.wallet.identity().network();
    let to = match &args.to {
        Some(text) => Address::parse(network, text).map_err(failed)?,
        None => open.wallet.address().map_err(failed)?.1,
    };
    let memo = args.memo.as_deref();
    let calls = open
        .wallet
        .shield(&asset, value, &to, memo, &mut rand::rng());
    let calls = calls.map_err(failed)?;
    open.keep()?;
    if let Some(approve) = &calls.approve {
        payer.carry_out(&open.node, approve)?;
        stages.done("let the pool take the tokens");
    }
    let (transaction, receipt) = payer.carry_out(&open.node, &calls.shield)?;
    stages.done(&format!("in block {}", receipt.block));
    open.sync()?;
    stages.done("ready to be spent");
    let (money, block) = (asset.money(value), receipt.block);
    if common.json {
        output::json(&json!({
            "asset": money.symbol(), "amount": money.amount().to_string(), "transaction": transaction, "block": block,
            "from": payer.signer.address(), "milliseconds": stages.total(),
        }));
        return Ok(());
    }
    output::line(format_args!("transaction {transaction} in block {block}"));
    output::line(format_args!(
        "{money} of {} are private now",
        payer.signer.address()
    ));
    Ok(())
}

fn signer(args: &ShieldArgs) -> Result<PrivateKeySigner, CliError> {
    let key = match (&args.from_key, args.dev) {
        (Some(key), _) => key.clone(),
        (None, Some(number)) => {
            let accounts = trellis_node::dev_accounts();
            let account = accounts.get(number);
            let missing = || {
                CliError::usage(format!(
                    "there are {} development accounts, from 0 on",
                    accounts.len()
                ))
            };
            account.ok_or_else(missing)?.secret_key_hex.clone()
        }
        (None, None) => return Err(CliError::usage("whose value? --from-key or --dev says it")),
    };
    // The key itself is in no message.
    key.trim()
        .parse()
        .map_err(|_| CliError::usage("the secret key is not 32 bytes of hexadecimal"))
}

/// The asset; a token that has no number in the pool gets one.
fn asset(open: &mut Open, payer: &Payer, text: &str) -> Result<Asset, CliError> {
    if let Ok(token) = text.parse::<Account>()
        && open.node.asset_of(token).map_err(failed)?.is_none()
    {
        payer.carry_out(&open.node, &add_asset(token))?;
    }
    open.wallet.find_asset(&open.node, text).map_err(failed)
}

/// A public account.
struct Payer {
    signer: PrivateKeySigner,
    chain_id: u64,
}

impl Payer {
    /// Signs and sends a call, and waits until it is in a block.
    fn carry_out(&self, node: &RpcNode, call: &Call) -> Result<(B256, Receipt), CliError> {
        let from = self.signer.address();
        let request =
            json!({ "from": from, "to": call.to, "value": call.value, "data": call.data });
        let gas: U64 = node
            .call("eth_estimateGas", json!([request]))
            .map_err(failed)?;
        let nonce: U64 = node
            .call("eth_getTransactionCount", json!([from, "pending"]))
            .map_err(failed)?;
        let base = node.base_fee().map_err(failed)?;
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: nonce.to(),
            // What a storage slot costs may change until the transaction is included.
            gas_limit: gas.to::<u64>().saturating_mul(5) / 4,
            max_fee_per_gas: base.saturating_mul(2).saturating_add(TIP),
            max_priority_fee_per_gas: TIP,
            to: TxKind::Call(call.to),
            value: call.value,
            input: call.data.clone(),
            ..TxEip1559::default()
        };
        let signature = self.signer.sign_hash_sync(&transaction.signature_hash());
        let signature = signature.map_err(|error| CliError::from_error("cannot sign", &error))?;
        let envelope: TxEnvelope = transaction.into_signed(signature).into();
        let raw = envelope.encoded_2718();
        let hash = keccak256(&raw);
        let _: B256 = node
            .call("eth_sendRawTransaction", json!([hex::encode_prefixed(raw)]))
            .map_err(failed)?;
        let receipt = wait(node, hash)?;
        match receipt.success {
            true => Ok((hash, receipt)),
            false => Err(CliError::new(format!(
                "transaction {hash} failed in block {}",
                receipt.block
            ))),
        }
    }
}

fn wait(node: &RpcNode, hash: B256) -> Result<Receipt, CliError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(receipt) = node.receipt(hash).map_err(failed)? {
            return Ok(receipt);
        }
        if Instant::now() > deadline {
            return Err(CliError::new(format!(
                "transaction {hash} is in no block after {PATIENCE:?}"
            )));
        }
        std::thread::sleep(PAUSE);
    }
}
