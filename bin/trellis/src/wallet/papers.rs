//! What a wallet's owner shows to others.

use super::args::{Common, DiscloseArgs, ExportArgs, KeyKind, StatementArgs, VerifyArgs};
use super::open::{Open, failed, node};
use crate::error::CliError;
use crate::output;
use serde_json::json;
use std::{fs, path::PathBuf};
use trellis_wallet::{Asset, Disclosure, Error, Node as _, time};

pub(super) fn export(common: &Common, args: &ExportArgs) -> Result<(), CliError> {
    let open = Open::existing(common)?;
    let keys = open.wallet.keys();
    let text = match args.kind {
        KeyKind::Full => keys.full().map(|key| key.to_text()),
        KeyKind::Incoming => keys.incoming().map(|key| key.to_text()),
        KeyKind::Outgoing => keys.outgoing().map(|key| key.to_text()),
    };
    let text = text.ok_or_else(|| failed(Error::CannotWith(keys.kind())))?;
    let birthday = open.wallet.birthday();
    if common.json {
        output::json(&json!({ "key": *text, "birthday": birthday }));
        return Ok(());
    }
    output::line(format_args!("{}", *text));
    eprintln!(
        "Whoever has this key sees for ever; `trellis wallet watch --birthday {birthday}` takes it."
    );
    Ok(())
}

pub(super) fn disclose(common: &Common, args: &DiscloseArgs) -> Result<(), CliError> {
    let open = Open::fresh(common)?;
    let (audience, nonce) = (args.audience.clone(), args.nonce.clone());
    let disclosure = open
        .wallet
        .disclose(args.payment, args.number, audience, nonce);
    let text = disclosure.map_err(failed)?.to_json();
    write(args.output.as_ref(), &text)
}

pub(super) fn verify(common: &Common, args: &VerifyArgs) -> Result<(), CliError> {
    let text = fs::read_to_string(&args.file);
    let text =
        text.map_err(|error| CliError::from_error(&args.file.display().to_string(), &error))?;
    let disclosure = Disclosure::parse(&text).map_err(failed)?;
    let node = node(common)?;
    let shown = disclosure.verify(&node).map_err(failed)?;
    let asset = match shown.asset {
        0 => Asset::native(),
        number => match node.token(number).map_err(failed)? {
            Some(token) => Asset::of_token(number, &token),
            None => Asset::unknown(number),
        },
    };
    let money = asset.money(shown.value);
    let time = time::utc(shown.timestamp);
    let payee = shown.payee.to_string();
    if common.json {
        output::json(&json!({
            "payee": payee, "asset": money.symbol(), "assetNumber": shown.asset, "token": asset.token,
            "amount": money.amount().to_string(), "memo": shown.memo, "time": time, "block": shown.block,
            "transaction": shown.transaction, "for": disclosure.audience, "nonce": disclosure.nonce,
        }));
        return Ok(());
    }
    output::line(format_args!("This payment was made:"));
    output::line(format_args!("amount       {money}"));
    if let Some(token) = asset.token {
        output::line(format_args!("token        {token}"));
    }
    output::line(format_args!("payee        {payee}"));
    output::line(format_args!(
        "memo         {}",
        plain(shown.memo.as_deref().unwrap_or("(none)"))
    ));
    output::line(format_args!("time         {time}"));
    output::line(format_args!(
        "transaction  {} in block {}",
        shown.transaction, shown.block
    ));
    for (name, said) in [
        ("made for", &disclosure.audience),
        ("nonce", &disclosure.nonce),
    ] {
        if let Some(said) = said {
            output::line(format_args!("{name:<12} {}", plain(said)));
        }
    }
    Ok(())
}

/// A text of a stranger, fit for a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

pub(super) fn statement(common: &Common, args: &StatementArgs) -> Result<(), CliError> {
    let day = |text: &Option<String>, missing| match text {
        None => Ok(missing),
        Some(text) => time::parse_day(text)
            .ok_or_else(|| CliError::usage(format!("\"{text}\" is not a day such as 2026-10-01"))),
    };
    let (from, until) = (day(&args.from, 0)?, day(&args.until, u64::from(u32::MAX))?);
    if from >= until {
        return Err(CliError::usage("the period ends before it begins"));
    }
    let open = Open::fresh(common)?;
    let statement = open.wallet.statement(from, until);
    let text = if common.json {
        format!("{:#}\n", statement.to_json())
    } else {
        statement.to_csv()
    };
    write(args.output.as_ref(), &text)
}

fn write(file: Option<&PathBuf>, text: &str) -> Result<(), CliError> {
    let Some(file) = file else {
        output::text(text);
        return Ok(());
    };
    fs::write(file, text).map_err(|error| CliError::from_error(&file.display().to_string(), &error))
}
