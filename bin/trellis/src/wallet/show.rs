//! What a wallet knows.

use super::args::{AddressArgs, Common, HistoryArgs, RequestArgs};
use super::open::{Open, failed};
use crate::error::CliError;
use crate::output;
use serde_json::{Value, json};
use trellis_shielded::PaymentRequest;
use trellis_wallet::{Balance, Line, Pending, Purpose, Wallet, qr, time};

pub(super) fn address(common: &Common, args: &AddressArgs) -> Result<(), CliError> {
    let mut open = Open::existing(common)?;
    let (number, address) = if args.new {
        let new = open
            .wallet
            .new_address(args.label.clone())
            .map_err(failed)?;
        open.keep()?;
        new
    } else {
        open.wallet.address().map_err(failed)?
    };
    let address = address.to_string();
    if common.json {
        let label = open.wallet.label(number);
        output::json(&json!({ "address": address, "number": number, "label": label }));
        return Ok(());
    }
    output::line(format_args!("{address}"));
    show_code(args.qr, &address)
}

pub(super) fn request(common: &Common, args: &RequestArgs) -> Result<(), CliError> {
    let mut open = Open::existing(common)?;
    let asset = open
        .wallet
        .find_asset(&open.node, &args.asset)
        .map_err(failed)?;
    let (_, address) = open
        .wallet
        .new_address(args.label.clone())
        .map_err(failed)?;
    let amount = args.amount.as_ref().map(|text| asset.units(text));
    let units = amount.transpose().map_err(failed)?;
    let request = PaymentRequest {
        asset: asset.number,
        amount: units.map(|units| asset.money(units).amount()),
        memo: args.memo.clone(),
        label: args.label.clone(),
        ..PaymentRequest::new(address)
    };
    open.keep()?;
    let link = request.to_string();
    if common.json {
        output::json(&json!({ "link": link, "address": address.to_string() }));
        return Ok(());
    }
    output::line(format_args!("{link}"));
    show_code(args.qr, &link)
}

fn show_code(wanted: bool, text: &str) -> Result<(), CliError> {
    if wanted {
        let code =
            qr(text).ok_or_else(|| CliError::new("the text is too long for a code to scan"))?;
        output::line(format_args!("\n{code}"));
    }
    Ok(())
}

pub(super) fn balance(common: &Common) -> Result<(), CliError> {
    balances(&Open::fresh(common)?);
    Ok(())
}

pub(super) fn sync(common: &Common) -> Result<(), CliError> {
    let mut open = Open::existing(common)?;
    let synced = open.sync()?;
    let refused = open.wallet.resend(&open.node);
    if common.json {
        output::json(&json!({
            "block": synced.block, "time": time::utc(synced.timestamp), "notes": synced.notes, "repaired": synced.repaired,
            "pending": open.wallet.pending().len(),
        }));
        return Ok(());
    }
    let time = time::utc(synced.timestamp);
    output::line(format_args!(
        "block {} of {time}, {} new notes",
        synced.block, synced.notes
    ));
    for (transaction, reason) in refused {
        output::line(format_args!("{transaction} waits: {reason}"));
    }
    Ok(())
}

/// Shows what there is.
pub(super) fn balances(open: &Open) {
    let wallet = &open.wallet;
    let balances = wallet.balances();
    if open.common.json {
        let list: Vec<Value> = balances.iter().map(balance_json).collect();
        output::json(
            &json!({ "block": wallet.synced(), "kind": wallet.keys().kind(), "balances": list }),
        );
        return;
    }
    for balance in &balances {
        output::line(format_args!(
            "{:>24} {}",
            balance.ready.amount().to_string(),
            balance.asset.symbol
        ));
        if balance.arriving.units > 0 {
            output::line(format_args!(
                "{:>24} on their way",
                balance.arriving.amount().to_string()
            ));
        }
    }
    if wallet.keys().full().is_none() {
        output::line(format_args!("This key does not see what was spent."));
    }
    for pending in wallet.pending() {
        output::line(format_args!("{}", describe(wallet, pending)));
    }
}

fn balance_json(balance: &Balance) -> Value {
    json!({
        "asset": balance.asset.symbol, "assetNumber": balance.asset.number, "token": balance.asset.token,
        "ready": balance.ready.amount().to_string(), "arriving": balance.arriving.amount().to_string(),
        "leaving": balance.leaving.amount().to_string(), "total": balance.total().amount().to_string(),
    })
}

pub(super) fn history(common: &Common, args: &HistoryArgs) -> Result<(), CliError> {
    let open = Open::fresh(common)?;
    let wallet = &open.wallet;
    let lines = wallet.history();
    let newest = lines.iter().rev().take(args.limit);
    if common.json {
        let pending: Vec<Value> = wallet
            .pending()
            .iter()
            .map(|one| pending_json(wallet, one))
            .collect();
        let lines: Vec<Value> = newest.map(|line| line_json(wallet, line)).collect();
        output::json(&json!({ "pending": pending, "lines": lines }));
        return Ok(());
    }
    for pending in wallet.pending() {
        output::line(format_args!("{}", describe(wallet, pending)));
    }
    for line in newest {
        show_line(wallet, line);
    }
    Ok(())
}

fn show_line(wallet: &Wallet, line: &Line) {
    let sign = if line.kind.is_out() { "-" } else { "+" };
    let money = wallet.asset(line.asset).money(line.value);
    let time = time::utc(line.timestamp);
    output::line(format_args!(
        "{time}  {:<10} {sign}{money}",
        line.kind.word()
    ));
    if let Some(with) = &line.with {
        let label = wallet.contact_label(with);
        output::line(format_args!(
            "    {} {}",
            if line.kind.is_out() { "to  " } else { "from" },
            label.unwrap_or(with)
        ));
    }
    if let Some(memo) = &line.memo {
        // Written by strangers: nothing of it may move the cursor.
        let memo: String = memo
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        output::line(format_args!("    says {memo}"));
    }
    output::line(format_args!(
        "    in   block {}, {}",
        line.block, line.transaction
    ));
}

fn line_json(wallet: &Wallet, line: &Line) -> Value {
    let money = wallet.asset(line.asset).money(line.value);
    json!({
        "time": time::utc(line.timestamp), "timestamp": line.timestamp, "block": line.block, "transaction": line.transaction,
        "kind": line.kind.word(), "asset": money.symbol(), "assetNumber": line.asset, "amount": money.amount().to_string(),
        "with": line.with, "address": line.address, "memo": line.memo,
    })
}

/// A transfer on its way, in a line.
fn describe(wallet: &Wallet, pending: &Pending) -> String {
    let money = |part: &trellis_wallet::Part| wallet.asset(part.asset).money(part.value);
    let what = match &pending.purpose {
        Purpose::Pay { part, .. } => format!("a payment of {}", money(part)),
        Purpose::Unshield { part, to } => format!("{} to {to}", money(part)),
        Purpose::Join { part } => format!("notes of {} being joined", money(part)),
    };
    format!(
        "on its way until block {}: {what}, {}",
        pending.expiry, pending.transaction
    )
}

fn pending_json(wallet: &Wallet, pending: &Pending) -> Value {
    let (kind, part, with) = match &pending.purpose {
        Purpose::Pay { part, to, .. } => ("sent", part, Some(to.clone())),
        Purpose::Unshield { part, to } => ("unshielded", part, Some(to.to_string())),
        Purpose::Join { part } => ("joined", part, None),
    };
    let money = wallet.asset(part.asset).money(part.value);
    json!({
        "transaction": pending.transaction, "expiry": pending.expiry, "kind": kind, "asset": money.symbol(),
        "amount": money.amount().to_string(), "with": with,
    })
}
