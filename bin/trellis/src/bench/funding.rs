//! Giving the senders what they need before the clock starts.

use super::{
    args::ether,
    rpc::RpcClient,
    workload::{Sender, Terms},
};
use crate::error::CliError;
use alloy_primitives::{Address, U256};
use core::time::Duration;
use std::time::Instant;

/// Funding transfers in one request.
const BATCH: usize = 100;
/// Pause between two looks at whether funding has arrived.
const POLL: Duration = Duration::from_millis(50);

/// Makes sure that every sender can pay for `transfers` of its own (one entry per sender); the first sender pays for
/// those that cannot. Nonces of `senders` are moved on.
pub(crate) async fn fund(
    client: &RpcClient,
    terms: &Terms,
    senders: &mut [Sender],
    transfers: &[u64],
    patience: Duration,
) -> Result<(), CliError> {
    let failed = |error| CliError::from_error("cannot fund the senders", &error);
    let mut poor: Vec<(Address, U256)> = Vec::new();
    let mut funder_balance = U256::ZERO;
    for (index, sender) in senders.iter().enumerate() {
        let balance = client.balance(sender.address()).await.map_err(failed)?;
        let needed = terms.cost(transfers.get(index).copied().unwrap_or(0));
        if index == 0 {
            funder_balance = balance;
        } else if balance < needed {
            poor.push((sender.address(), needed - balance));
        }
    }
    let Some(funder) = senders.first_mut() else {
        return Ok(());
    };
    let own = terms.cost(transfers.first().copied().unwrap_or(0));
    let given: U256 = poor.iter().map(|(_, amount)| *amount).sum();
    let needed = own + given + terms.cost(poor.len() as u64);
    if funder_balance < needed {
        return Err(CliError::new(format!(
            "account {} has {}, the load may cost {}",
            funder.address(),
            ether(funder_balance),
            ether(needed)
        ))
        .hint("send fewer --transactions, set a lower --max-fee, or give a funded --mnemonic"));
    }
    if poor.is_empty() {
        return Ok(());
    }
    eprintln!("funding {} accounts from {}", poor.len(), funder.address());
    send_all(client, terms, funder, &poor).await?;
    wait_for_nonce(client, funder, patience).await
}

async fn send_all(
    client: &RpcClient,
    terms: &Terms,
    funder: &mut Sender,
    poor: &[(Address, U256)],
) -> Result<(), CliError> {
    for chunk in poor.chunks(BATCH) {
        let mut raws = Vec::with_capacity(chunk.len());
        for (to, amount) in chunk {
            raws.push(terms.sign(&funder.signer, funder.nonce, *to, *amount).1);
            funder.nonce += 1;
        }
        let raws: Vec<&str> = raws.iter().map(String::as_str).collect();
        let results = client.send_raw(&raws).await;
        for result in
            results.map_err(|error| CliError::from_error("cannot fund the senders", &error))?
        {
            result
                .map_err(|text| CliError::new(format!("a funding transfer was refused: {text}")))?;
        }
    }
    Ok(())
}

async fn wait_for_nonce(
    client: &RpcClient,
    funder: &Sender,
    patience: Duration,
) -> Result<(), CliError> {
    let start = Instant::now();
    loop {
        let nonce = client.latest_nonce(funder.address()).await;
        let nonce =
            nonce.map_err(|error| CliError::from_error("cannot fund the senders", &error))?;
        if nonce >= funder.nonce {
            return Ok(());
        }
        if start.elapsed() > patience {
            let left = funder.nonce - nonce;
            return Err(CliError::new(format!(
                "{left} funding transfers were not included within {patience:?}"
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}
