//! Looks at every block that any honest validator publishes, the moment it does.

use crate::{
    ledger::Ledger,
    mail::{HOLDER, Mail},
    world::{GENESIS_MS, MODULES, VALIDATORS, World},
};
use alloy_primitives::{Address, B256};
use std::{collections::BTreeSet, time::Duration};
use trellis_module::{Chain, ChainSpec};
use trellis_state::RecordedBlock;

/// How far ahead of every honest clock a finalized block may be dated: the tolerance of the voting rule.
const CLOCK_TOLERANCE_MS: u64 = 500;

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub property: &'static str,
    /// What was seen.
    pub seen: String,
}

/// Fails with `property` and `seen` unless `holds`.
pub(crate) fn ensure(
    holds: bool,
    property: &'static str,
    seen: impl FnOnce() -> String,
) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(Broken {
            property,
            seen: seen(),
        })
    }
}

/// What all validators must agree on, per height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    hash: B256,
    state_root: B256,
    receipts_root: B256,
}

/// The one chain of a module, as far as anybody published it.
#[derive(Debug)]
pub struct Canon {
    facts: Vec<Facts>,
    /// The ledger after each height.
    pub ledgers: Vec<Ledger>,
    /// Transactions in blocks.
    pub included: BTreeSet<B256>,
}

impl Canon {
    /// The newest published height.
    pub fn height(&self) -> u64 {
        (self.facts.len() as u64).saturating_sub(1)
    }

    /// The ledger after the newest published block.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledgers.last()
    }

    /// Hash of the newest published block.
    pub fn tip(&self) -> B256 {
        self.facts.last().map_or(B256::ZERO, |facts| facts.hash)
    }
}

/// The observer.
#[derive(Debug)]
pub struct Observer {
    /// The chain of each module.
    pub canons: [Canon; MODULES],
    /// The messages between them.
    pub mail: Mail,
    /// The run and the height up to which each validator's module was looked at.
    looked: [[(u64, u64); MODULES]; VALIDATORS],
    ahead_ms_max: u64,
}

impl Observer {
    /// Nothing was published. `ahead_ms_max` is how far the fastest honest clock is ahead.
    pub fn new(ahead_ms_max: u64) -> Self {
        let canon = || Canon {
            facts: Vec::new(),
            ledgers: Vec::new(),
            included: BTreeSet::new(),
        };
        Self {
            canons: std::array::from_fn(|_| canon()),
            mail: Mail::default(),
            looked: [[(0, 0); MODULES]; VALIDATORS],
            ahead_ms_max,
        }
    }

    /// Looks at what is new. `now` is the true time since the beginning.
    ///
    /// # Errors
    /// The first property that does not hold.
    pub fn look(&mut self, world: &World, now: Duration) -> Result<(), Broken> {
        for module in 0..MODULES {
            for validator in world.honest_in(module) {
                self.look_at(world, validator, module, now)?;
            }
        }
        self.mail.check()?;
        let votes = world.votes.lock();
        let honest = votes
            .conflicts()
            .iter()
            .find(|conflict| world.honest(conflict.validator, conflict.module));
        ensure(
            honest.is_none(),
            "an honest validator never contradicts its votes (STA-1)",
            || format!("{honest:?}"),
        )
    }

    fn look_at(
        &mut self,
        world: &World,
        validator: usize,
        module: usize,
        now: Duration,
    ) -> Result<(), Broken> {
        let Some(live) = world.live(validator, module) else {
            return Ok(());
        };
        let looked = &mut self.looked[validator][module];
        let run = world.validators[validator].starts();
        // After a restart everything is looked at again: it must be the same chain (STA-1).
        let mut next = if looked.0 == run { looked.1 } else { 0 };
        let head = live.chain.head().number();
        while next <= head {
            let block = live.chain.block(next).ok().flatten();
            let Some(block) = block else {
                return ensure(false, "a published block can be read", || {
                    format!("validator {validator} module {module} block {next} of {head}")
                });
            };
            let context = format!("validator {validator} module {module} block {next}");
            ensure(
                !world.lies.contains(block.hash()),
                "no lie is finalized (EXE-2)",
                || context.clone(),
            )?;
            self.check(module, &block, world.spec(module), now, &context)?;
            next += 1;
        }
        self.looked[validator][module] = (run, next);
        self.check_pool(&live.chain, validator, module)
    }

    /// Head and pool are published together: no nonce that the head has used waits in the pool.
    fn check_pool(&self, chain: &Chain, validator: usize, module: usize) -> Result<(), Broken> {
        let used = chain.with_pool(|pool, head| {
            let height = usize::try_from(head.number()).unwrap_or(usize::MAX);
            let accounts = &self.canons[module].ledgers.get(height)?.accounts;
            let used =
                |sender: Address, nonce| accounts.get(&sender).is_some_and(|e| nonce < e.nonce);
            pool.content(Address::ZERO)
                .map(|(_, pooled)| pooled)
                .find(|pooled| used(pooled.sender(), pooled.nonce()))
                .map(|pooled| (pooled.hash, head.number()))
        });
        ensure(used.is_none(), "head and pool change together", || {
            format!("validator {validator} module {module}: {used:?} (transaction, head)")
        })
    }

    fn check(
        &mut self,
        module: usize,
        recorded: &RecordedBlock,
        spec: &ChainSpec,
        now: Duration,
        context: &str,
    ) -> Result<(), Broken> {
        let header = recorded.block.header();
        let facts = Facts {
            hash: recorded.hash(),
            state_root: header.state_root,
            receipts_root: header.receipts_root,
        };
        let canon = &mut self.canons[module];
        let index = usize::try_from(recorded.number()).unwrap_or(usize::MAX);
        if let Some(agreed) = canon.facts.get(index) {
            return ensure(*agreed == facts, "one block per height (CON-1)", || {
                format!("{context}: {facts:?}, others have {agreed:?}")
            });
        }
        let latest = GENESIS_MS + now.as_millis() as u64 + self.ahead_ms_max + CLOCK_TOLERANCE_MS;
        let timestamp = recorded.block.extension().timestamp_ms;
        ensure(
            timestamp <= latest,
            "no block is finalized before its time",
            || format!("{context}: dated {timestamp} ms, no honest clock is past {latest} ms"),
        )?;
        let mut ledger = canon
            .ledgers
            .last()
            .cloned()
            .unwrap_or_else(|| Ledger::genesis(spec));
        if index > 0 {
            let applied = ledger.apply(recorded);
            ensure(applied.is_ok(), "a block adds up", || {
                format!("{context}: {applied:?}")
            })?;
        }
        let noted = self.mail.note(module, recorded);
        ensure(noted.is_ok(), "a block's messages add up", || {
            format!("{context}: {noted:?}")
        })?;
        let holds = ledger.accounts.get(&HOLDER).map(|entry| entry.balance);
        ensure(
            holds == Some(self.mail.held(module)),
            "the gateway holds what is on its way (MSG-2)",
            || format!("{context}: {holds:?} of {}", self.mail.held(module)),
        )?;
        canon.facts.push(facts);
        canon.ledgers.push(ledger);
        let hashes = recorded.transactions.iter().map(|tx| *tx.tx_hash());
        canon.included.extend(hashes);
        Ok(())
    }
}
