#![doc = include_str!("../README.md")]

mod args;
mod bench;
mod config;
mod dev;
mod error;
mod message;
mod output;
mod rpc;
mod status;
mod values;
mod wallet;

use args::{BenchCommand, Cli, Command, ConfigCommand, MessageCommand};
use clap::{
    ArgMatches, CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue},
};
use config::Settings;
use error::{CliError, nearest};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = Cli::command()
        .try_get_matches()
        .unwrap_or_else(|error| suggest(error).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(cli, &matches) {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

fn run(cli: Cli, matches: &ArgMatches) -> Result<ExitCode, CliError> {
    let done = ExitCode::SUCCESS;
    match cli.command {
        Command::Dev(args) => {
            dev::run(&Settings::resolve(&args, innermost(matches))?).map(|()| done)
        }
        Command::Bench(BenchCommand::Load(args)) => bench::run(*args),
        Command::Bench(BenchCommand::Messages(args)) => bench::run_messages(&args),
        Command::Bench(BenchCommand::Payments(args)) => bench::run_payments(&args),
        Command::Bench(BenchCommand::Exec(args)) => bench::run_exec(&args),
        Command::Message(MessageCommand::Status(args)) => message::status(&args),
        Command::Wallet(args) => wallet::run(&args),
        Command::Config(ConfigCommand::Check { file }) => {
            Settings::from_file(&file)?;
            output::line(format_args!("{}: ok", file.display()));
            Ok(done)
        }
        Command::Config(ConfigCommand::Show(args)) => {
            output::text(&Settings::resolve(&args, innermost(matches))?.to_toml());
            Ok(done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "trellis", &mut script);
            output::text(&String::from_utf8_lossy(&script));
            Ok(done)
        }
    }
}

/// Adds what was probably meant where clap has no idea: it does not recognise two swapped letters of a short name, nor an
/// option of another command.
fn suggest(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidSubcommand).cloned()
    {
        let mut level = Cli::command();
        for word in std::env::args().skip(1) {
            match level.find_subcommand(&word).cloned() {
                Some(inner) => level = inner,
                None => break,
            }
        }
        let names: Vec<&str> = level
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        if let (None, Some(near)) = (
            error.get(ContextKind::SuggestedSubcommand),
            nearest(&unknown, &names),
        ) {
            error.insert(
                ContextKind::SuggestedSubcommand,
                ContextValue::Strings(vec![near.to_owned()]),
            );
        }
    }
    if let (None, Some(ContextValue::String(unknown))) = (
        error.get(ContextKind::SuggestedArg),
        error.get(ContextKind::InvalidArg).cloned(),
    ) {
        let name = unknown.trim_start_matches('-');
        let owners = commands_with(&Cli::command(), name, "");
        let tip = |owner: &String| format!("'{owner} --{name}' exists").into();
        if !owners.is_empty() {
            let tips = owners.iter().map(tip).collect();
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
    error
}

/// The commands below `command` that have the option `name`, as they are typed.
fn commands_with(command: &clap::Command, name: &str, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for inner in command.get_subcommands() {
        let path = format!("{path}{}", inner.get_name());
        if inner
            .get_arguments()
            .any(|option| option.get_long() == Some(name))
        {
            found.push(path.clone());
        }
        found.extend(commands_with(inner, name, &format!("{path} ")));
    }
    found
}

/// The matches of the subcommand that was asked for: they know which values came from the environment.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches
        .subcommand()
        .map_or(matches, |(_, inner)| innermost(inner))
}
