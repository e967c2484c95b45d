//! Paying: read, plan, prove, send, and wait until it is in a block.

use super::args::{Common, FeeArgs, SendArgs, UnshieldArgs};
use super::open::{Open, failed, home};
use super::progress::Stages;
use crate::error::CliError;
use crate::output;
use core::time::Duration;
use serde_json::json;
use std::{path::PathBuf, time::Instant};
use trellis_circuits::Prover;
use trellis_shielded::{Address, PaymentRequest};
use trellis_wallet::{Asset, Dispatch, NATIVE, Node as _, Order, Receipt, Target, Terms};

/// Between two looks at the chain.
const PAUSE: Duration = Duration::from_millis(25);
/// Longest that a person waits for a block.
const PATIENCE: Duration = Duration::from_secs(60);
/// What links that ask to be paid begin with.
const LINK: &str = "trellis:";

pub(super) fn send(common: &Common, args: &SendArgs) -> Result<(), CliError> {
    let mut stages = Stages::new(common.json);
    let mut open = Open::existing(common)?;
    open.sync()?;
    stages.done("read the chain");
    let (order, asset) = order(&mut open, args)?;
    carry_out(&mut open, &mut stages, order, &asset, &args.fee)
}

/// What an address or a link, and the rest of the command line, say together.
fn order(open: &mut Open, args: &SendArgs) -> Result<(Order, Asset), CliError> {
    let network = open.wallet.identity().network();
    let is_link = args
        .to
        .get(..LINK.len())
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(LINK));
    let request = if is_link {
        PaymentRequest::parse(network, &args.to).map_err(failed)?
    } else {
        PaymentRequest::new(Address::parse(network, &args.to).map_err(failed)?)
    };
    let number = request.asset.to_string();
    let asset = args.asset.as_deref().unwrap_or(&number);
    let asset = open.wallet.find_asset(&open.node, asset).map_err(failed)?;
    if is_link && asset.number != request.asset {
        return Err(CliError::usage("the link asks for another asset"));
    }
    let value = match (&args.amount, request.amount) {
        (Some(text), asked) => {
            let value = asset.units(text).map_err(failed)?;
            if asked.is_some_and(|asked| asked.units(asset.decimals) != Ok(value)) {
                return Err(CliError::usage("the link asks for another amount"));
            }
            value
        }
        (None, Some(asked)) => asked.units(asset.decimals).map_err(failed)?,
        (None, None) => return Err(CliError::usage("the amount is missing")),
    };
    if let Some(label) = request.label.clone() {
        open.wallet.name_contact(&request.address, Some(label));
    }
    let to = Target::Private {
        address: Box::new(request.address),
        memo: args.memo.clone().or(request.memo),
    };
    let asset_number = asset.number;
    Ok((
        Order {
            asset: asset_number,
            value,
            to,
        },
        asset,
    ))
}

pub(super) fn unshield(common: &Common, args: &UnshieldArgs) -> Result<(), CliError> {
    let mut stages = Stages::new(common.json);
    let mut open = Open::existing(common)?;
    open.sync()?;
    stages.done("read the chain");
    let asset = open
        .wallet
        .find_asset(&open.node, &args.asset)
        .map_err(failed)?;
    let order = Order {
        asset: asset.number,
        value: asset.units(&args.amount).map_err(failed)?,
        to: Target::Public {
            recipient: args.to,
            gas: args.gas.unwrap_or_default(),
            call: args.call.clone().unwrap_or_default(),
        },
    };
    carry_out(&mut open, &mut stages, order, &asset, &args.fee)
}

/// Carries an order out, in one transfer or in several, and shows what became of it.
fn carry_out(
    open: &mut Open,
    stages: &mut Stages,
    order: Order,
    asset: &Asset,
    fee: &FeeArgs,
) -> Result<(), CliError> {
    let native = open.wallet.asset(NATIVE);
    let most = native.units(&fee.max_fee).map_err(failed)?;
    let paid = asset.money(order.value);
    let mut prover = None;
    let mut made: Vec<(Dispatch, Receipt)> = Vec::new();
    let mut next = Some(order);
    while let Some(order) = next {
        let terms = Terms::ask(&open.node, most).map_err(failed)?;
        let plan = open.wallet.plan(&order, &terms).map_err(failed)?;
        if plan.transfers > 1 && !fee.steps {
            let transfers = plan.transfers;
            return Err(failed(trellis_wallet::Error::NeedsSteps { transfers }));
        }
        if prover.is_none() {
            prover = Some(Prover::cached(&keys()?).map_err(failed)?);
            stages.done("made the circuit ready");
        }
        let Some(prover) = &prover else {
            return Err(CliError::new("there is no prover"));
        };
        let Open {
            wallet, file, node, ..
        } = open;
        let sent = wallet.dispatch(node, file, prover, plan, &terms, &mut rand::rng());
        let mut sent = sent.map_err(failed)?;
        stages.done("proved and sent");
        let receipt = wait(open, &sent)?;
        stages.done(&format!("in block {}", receipt.block));
        next = sent.rest.take();
        made.push((sent, receipt));
        open.sync()?;
    }
    let fees = made.iter().map(|(sent, _)| sent.fee).sum();
    let fees = native.money(fees);
    if open.common.json {
        let transfers = made.iter().map(
            |(sent, receipt)| json!({ "transaction": sent.transaction, "block": receipt.block }),
        );
        output::json(&json!({
            "asset": paid.symbol(), "amount": paid.amount().to_string(), "fee": fees.amount().to_string(),
            "transfers": transfers.collect::<Vec<_>>(), "milliseconds": stages.total(),
        }));
        return Ok(());
    }
    for (sent, receipt) in &made {
        output::line(format_args!(
            "transaction {} in block {}",
            sent.transaction, receipt.block
        ));
    }
    output::line(format_args!(
        "{paid} paid, for a fee of {fees}, in {} ms",
        stages.total()
    ));
    Ok(())
}

/// Where the proving key is kept, so that it is made once.
fn keys() -> Result<PathBuf, CliError> {
    Ok(home().map_or_else(|_| std::env::temp_dir(), |home| home.join("keys")))
}

/// Waits until a transfer is in a block, which is final.
fn wait(open: &Open, sent: &Dispatch) -> Result<Receipt, CliError> {
    let transaction = sent.transaction;
    let start = Instant::now();
    loop {
        // The head first: a transfer that is in no block up to its expiry then is in none for ever.
        let head = open.node.head().map_err(failed)?.number;
        if let Some(receipt) = open.node.receipt(transaction).map_err(failed)? {
            return Ok(receipt);
        }
        if head >= sent.expiry {
            return Err(CliError::new(format!(
                "{transaction} was in no block in time, and will never be: nothing was paid"
            ))
            .hint("try again; the network may be crowded"));
        }
        if start.elapsed() > PATIENCE {
            return Err(CliError::new(format!(
                "{transaction} is in no block yet; it may be until block {}: do not pay again before",
                sent.expiry
            ))
            .hint("`trellis wallet sync` sends it again, and says what became of it"));
        }
        std::thread::sleep(PAUSE);
    }
}
