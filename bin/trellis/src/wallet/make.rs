//! New wallets: from nothing, from words, from a viewing key.

use super::args::{Common, RestoreArgs, WatchArgs};
use super::open::{Open, ask, failed};
use crate::error::CliError;
use crate::output;
use serde_json::json;
use trellis_shielded::Phrase;
use trellis_wallet::Keys;
use zeroize::Zeroizing;

pub(super) fn create(common: &Common) -> Result<(), CliError> {
    let phrase = Phrase::generate(&mut rand::rng());
    let words = phrase.words();
    let open = Open::new(common, None, |network| {
        Ok(Keys::spending(phrase, network, 0))
    })?;
    let (_, address) = open.wallet.address().map_err(failed)?;
    let birthday = open.wallet.birthday();
    if common.json {
        output::json(&json!({
            "address": address.to_string(), "birthday": birthday, "phrase": *words,
        }));
        return Ok(());
    }
    output::line(format_args!(
        "These 24 words are the wallet. Whoever has them has the money; without them it is lost with the file."
    ));
    output::line(format_args!(
        "Write them down, with the number of the block:\n"
    ));
    let words: Vec<&str> = words.split(' ').collect();
    for (row, line) in words.chunks(6).enumerate() {
        let numbered = line.iter().enumerate();
        let numbered = numbered.map(|(n, word)| format!("{:>2} {word:<9}", row * 6 + n + 1));
        output::line(format_args!(
            "  {}",
            numbered.collect::<String>().trim_end()
        ));
    }
    output::line(format_args!("\nblock    {birthday}"));
    output::line(format_args!("address  {address}"));
    Ok(())
}

pub(super) fn restore(common: &Common, args: &RestoreArgs) -> Result<(), CliError> {
    let words = match std::env::var("TRELLIS_PHRASE") {
        Ok(words) => Zeroizing::new(words),
        Err(_) => ask("The 24 words: ")?,
    };
    let phrase = Phrase::parse(&words).map_err(failed)?;
    let keys = |network| Ok(Keys::spending(phrase, network, args.account));
    finish(Open::new(common, Some(args.birthday), keys)?)
}

pub(super) fn watch(common: &Common, args: &WatchArgs) -> Result<(), CliError> {
    let text = match &args.key {
        Some(key) => Zeroizing::new(key.clone()),
        None => ask("The viewing key: ")?,
    };
    let keys = |network| Keys::watching(network, &text).map_err(failed);
    finish(Open::new(common, Some(args.birthday), keys)?)
}

/// Reads the chain, and shows what was found.
fn finish(mut open: Open) -> Result<(), CliError> {
    open.sync()?;
    super::show::balances(&open);
    Ok(())
}
