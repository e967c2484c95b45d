//! What must hold at the end of a run, when every honest validator has caught up.

use crate::{
    ledger::Ledger,
    observer::{Broken, Observer, ensure},
    scenario::Scenario,
    wallet,
    world::{MODULES, World},
};
use alloy_primitives::U256;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Blocker as _, simulated::Oracle};
use commonware_runtime::{Clock as _, deterministic::Context};
use std::{collections::BTreeSet, time::Duration};
use trellis_module::{Chain, ChainError, StateView};
use trellis_primitives::{StateError, StateReader as _};

/// How often a read that is not answered at once is tried again.
const ATTEMPTS: usize = 500;

/// Checks state, supply and transactions on every honest validator.
///
/// # Errors
/// The first property that does not hold.
pub async fn check(
    context: &Context,
    world: &World,
    observer: &Observer,
    scenario: &Scenario,
) -> Result<(), Broken> {
    ensure(
        world.votes.lock().views() > 0,
        "votes are seen",
        String::new,
    )?;
    for module in 0..MODULES {
        let canon = &observer.canons[module];
        for validator in world.honest_in(module) {
            let Some(live) = world.live(validator, module) else {
                let missing = scenario.stalled.contains(&module);
                ensure(missing, "every honest validator runs", || {
                    format!("{validator}")
                })?;
                continue;
            };
            let chain = &live.chain;
            let place = format!("validator {validator} module {module}");
            let head = chain.head().number();
            for height in [head, head.saturating_sub(3), chain.oldest_state()] {
                let ledger = &canon.ledgers[usize::try_from(height).unwrap_or(usize::MAX)];
                state(context, chain, height, ledger, &place).await?;
            }
            for hash in &canon.included {
                let found = chain.locate(*hash).ok().flatten().is_some();
                let missing = scenario.stalled.contains(&module);
                ensure(
                    found || missing,
                    "every validator knows every transaction",
                    || format!("{place}: {hash}"),
                )?;
            }
        }
    }
    Ok(())
}

/// The state as of `height` is what the ledger says, and no coin appeared or vanished: what accounts hold plus what was
/// burned is what genesis issued.
async fn state(
    context: &Context,
    chain: &Chain,
    height: u64,
    ledger: &Ledger,
    place: &str,
) -> Result<(), Broken> {
    let mut supply = ledger.burned;
    for (address, entry) in &ledger.accounts {
        let account = read(context, chain, height, |view| view.account(*address)).await;
        let account = account.map_err(|seen| Broken {
            property: "the state can be read",
            seen: format!("{place} height {height} {address}: {seen}"),
        })?;
        let account = account.unwrap_or_default();
        let same = account.balance == entry.balance && account.nonce == entry.nonce;
        ensure(same, "the state is what the blocks say", || {
            format!("{place} height {height} {address}: {account:?}, ledger {entry:?}")
        })?;
        supply += account.balance;
    }
    ensure(
        supply == ledger.issued,
        "no coin appears or vanishes",
        || format!("{place} height {height}: {supply} of {} wei", ledger.issued),
    )?;
    let count = read(context, chain, height, |view| {
        view.storage(wallet::counter(), U256::ZERO)
    })
    .await;
    ensure(
        count == Ok(U256::from(ledger.count)),
        "the state is what the blocks say",
        || {
            format!(
                "{place} height {height}: counter {count:?}, ledger {}",
                ledger.count
            )
        },
    )
}

/// Reads through the polling bridge, which may ask to come back.
async fn read<T>(
    context: &Context,
    chain: &Chain,
    height: u64,
    get: impl Fn(&StateView) -> Result<T, StateError>,
) -> Result<T, String> {
    for _ in 0..ATTEMPTS {
        let result = chain
            .state_at(height)
            .and_then(|view| get(&view).map_err(ChainError::from));
        match result {
            Err(ChainError::State(StateError::Pending)) => {
                context.sleep(Duration::from_millis(1)).await;
            }
            other => return other.map_err(|error| error.to_string()),
        }
    }
    Err("never answered".into())
}

/// Who blocks whom for which module, as (blocking, module, blocked).
pub type Blocked = BTreeSet<(usize, usize, usize)>;
/// Who cut whom from the network, as (cutting, cut).
pub type Cut = BTreeSet<(usize, usize)>;

/// Who blocks whom.
///
/// # Errors
/// An honest validator is blocked: nothing temporary may be blamed on a peer (EXE-2). Or one that misbehaves in few
/// modules is cut from all (CON-1).
pub async fn blocked(
    oracle: &Oracle<PublicKey, Context>,
    world: &World,
) -> Result<(Blocked, Cut), Broken> {
    let index = |key: &PublicKey| world.participants.iter().position(|k| k == key);
    let mut blocked = Blocked::new();
    for module in 0..MODULES {
        for validator in world.honest_in(module) {
            let Some(mut live) = world.live(validator, module) else {
                continue;
            };
            let Some(peers) = live.blocker.blocked().recv().await else {
                continue;
            };
            let peers = peers.iter().filter_map(index);
            blocked.extend(peers.map(|peer| (validator, module, peer)));
        }
    }
    let blamed = blocked
        .iter()
        .find(|(_, module, peer)| world.honest(*peer, *module));
    ensure(blamed.is_none(), "no honest validator is blocked", || {
        format!("{blamed:?} (blocking, module, blocked)")
    })?;
    let cut: Cut = oracle
        .blocked()
        .await
        .unwrap_or_default()
        .iter()
        .filter_map(|(by, peer)| Some((index(by)?, index(peer)?)))
        .filter(|(by, _)| (0..MODULES).all(|module| world.honest(*by, module)))
        .collect();
    let honest = |peer| (0..MODULES).filter(|m| world.honest(peer, *m)).count();
    let rash = cut.iter().find(|(_, peer)| honest(*peer) * 2 >= MODULES);
    ensure(
        rash.is_none(),
        "blocked for one module, not for all (CON-1)",
        || format!("{rash:?} (cutting, cut)"),
    )?;
    Ok((blocked, cut))
}
