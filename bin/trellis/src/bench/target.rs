//! Which modules a URL leads to.

use super::rpc::{RpcClient, RpcError};
use crate::error::{CliError, nearest};
use serde::Deserialize;
use serde_json::json;

/// One EVM chain to load.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) chain_id: u64,
    pub(crate) client: RpcClient,
}

#[derive(Deserialize)]
struct NetworkView {
    modules: Vec<ModuleView>,
}

#[derive(Deserialize)]
struct ModuleView {
    name: String,
}

/// The modules at `url` among `wanted` (all if empty). A URL with a path, and a server that is not a Trellis network, is
/// one chain of its own.
pub(crate) async fn discover(url: &str, wanted: &[String]) -> Result<Vec<Target>, CliError> {
    let root = RpcClient::new(url).map_err(|error| unreachable_hint(&error))?;
    let whole_network = reqwest::Url::parse(url).is_ok_and(|parsed| parsed.path() == "/");
    let network: Option<NetworkView> = if whole_network {
        match root.call("trellis_network", json!([])).await {
            Ok(network) => Some(network),
            Err(RpcError::Refused { .. }) => None,
            Err(error) => return Err(unreachable_hint(&error)),
        }
    } else {
        None
    };
    let mut targets = Vec::new();
    match network {
        Some(network) => {
            let names: Vec<&str> = network
                .modules
                .iter()
                .map(|module| module.name.as_str())
                .collect();
            for name in select(&names, wanted)? {
                targets.push(target(name, &format!("{url}/{name}")).await?);
            }
        }
        None => targets.push(target(single_name(url), url).await?),
    }
    Ok(targets)
}

async fn target(name: &str, url: &str) -> Result<Target, CliError> {
    let client = RpcClient::new(url).map_err(|error| unreachable_hint(&error))?;
    let chain_id = client
        .chain_id()
        .await
        .map_err(|error| unreachable_hint(&error))?;
    Ok(Target {
        name: name.to_owned(),
        chain_id,
        client,
    })
}

fn select<'a>(names: &[&'a str], wanted: &[String]) -> Result<Vec<&'a str>, CliError> {
    for name in wanted {
        if !names.contains(&name.as_str()) {
            let error = CliError::usage(format!("the network has no module `{name}`"));
            return Err(match nearest(name, names) {
                Some(known) => error.hint(format!("did you mean `{known}`?")),
                None => error.hint(format!("its modules are {}", names.join(", "))),
            });
        }
    }
    let chosen = |name: &&str| wanted.is_empty() || wanted.iter().any(|wish| wish == name);
    Ok(names.iter().copied().filter(chosen).collect())
}

/// What a lone chain is called: the last part of its path, or `chain`.
fn single_name(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    path.split_once('/')
        .map(|(_, path)| path)
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or("chain")
}

fn unreachable_hint(error: &RpcError) -> CliError {
    let told = CliError::from_error("", error);
    match error {
        RpcError::Transport { .. } => {
            told.hint("start a network with `trellis dev`, or name a running one with --url")
        }
        _ => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_chain_is_called_after_its_path() {
        assert_eq!(single_name("http://127.0.0.1:9545"), "chain");
        assert_eq!(single_name("http://127.0.0.1:8545/pay"), "pay");
        assert_eq!(single_name("http://127.0.0.1:8545/x/pay"), "pay");
    }

    #[test]
    fn modules_are_chosen_in_network_order_and_typos_are_told() {
        let names = ["hub", "market", "pay"];
        let wanted = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(select(&names, &[]).ok(), Some(vec!["hub", "market", "pay"]));
        assert_eq!(
            select(&names, &wanted(&["pay", "hub"])).ok(),
            Some(vec!["hub", "pay"])
        );
        let error = select(&names, &wanted(&["markte"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("did you mean `market`?"), "{error}");
    }
}
