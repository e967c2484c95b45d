//! `trellis wallet`: private payments for a person.

pub(crate) mod args;
mod make;
mod open;
mod papers;
mod pay;
mod progress;
mod shield;
mod show;

use crate::error::CliError;
use args::{WalletArgs, WalletCommand};
use std::process::ExitCode;

/// Does what was asked.
pub(crate) fn run(args: &WalletArgs) -> Result<ExitCode, CliError> {
    let common = &args.common;
    match &args.command {
        WalletCommand::Create => make::create(common),
        WalletCommand::Restore(args) => make::restore(common, args),
        WalletCommand::Watch(args) => make::watch(common, args),
        WalletCommand::Address(args) => show::address(common, args),
        WalletCommand::Balance => show::balance(common),
        WalletCommand::Shield(args) => shield::shield(common, args),
        WalletCommand::Send(args) => pay::send(common, args),
        WalletCommand::Request(args) => show::request(common, args),
        WalletCommand::Unshield(args) => pay::unshield(common, args),
        WalletCommand::History(args) => show::history(common, args),
        WalletCommand::Sync => show::sync(common),
        WalletCommand::ExportViewingKey(args) => papers::export(common, args),
        WalletCommand::Disclose(args) => papers::disclose(common, args),
        WalletCommand::VerifyDisclosure(args) => papers::verify(common, args),
        WalletCommand::Statement(args) => papers::statement(common, args),
    }?;
    Ok(ExitCode::SUCCESS)
}
