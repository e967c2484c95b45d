//! A validator's verdict on a block: the rules its header follows, and whether execution gives what it says.

use super::{Module, Runtime, fatal_unless_stale};
use crate::{build, rules};
use trellis_executor::{Executed, execute_block};
use trellis_primitives::Block;
use trellis_state::tree::{self, Sealed};

/// A block's post-state and what led there.
struct Outcome<E: Runtime> {
    sealed: Sealed<E>,
    executed: Executed,
}

impl Module {
    /// Checks a block against its parent and executes it. `Err` is the rule it breaks.
    pub(super) async fn check<E: Runtime>(
        &self,
        runtime: E,
        parent: &Block,
        block: &Block,
        batches: tree::Batches<E>,
    ) -> Result<Sealed<E>, String> {
        rules::check_header(self.chain.spec(), parent, block).map_err(|e| e.to_string())?;
        let transactions = build::recover(&self.chain, block)
            .map_err(|(index, rule)| format!("transaction {index}: {rule}"))?;
        let env = rules::env_of(self.chain.spec(), block);
        let work = transactions.clone();
        let (sealed, executed) = self
            .run(
                runtime,
                batches,
                move |state| execute_block(env, state, &work),
                |executed| &executed.diff,
            )
            .await
            .map_err(|error| fatal_unless_stale("check", &error))?;
        let outcome = Outcome::<E> { sealed, executed };
        compare(block, &outcome)?;
        self.remember(block, transactions, outcome.executed);
        Ok(outcome.sealed)
    }
}

/// The outcome must be the one the header commits to (EXE-1).
fn compare<E: Runtime>(block: &Block, outcome: &Outcome<E>) -> Result<(), String> {
    let (header, executed) = (block.header(), &outcome.executed);
    if header.gas_used != executed.gas_used {
        return Err(format!(
            "gasUsed is {}, executed {}",
            header.gas_used, executed.gas_used
        ));
    }
    if header.receipts_root != executed.receipts_root {
        return Err("receiptsRoot does not match execution".into());
    }
    if header.logs_bloom != executed.logs_bloom {
        return Err("logsBloom does not match execution".into());
    }
    if block.extension().state != tree::commitment::<E>(&outcome.sealed) {
        return Err("state commitment does not match execution".into());
    }
    Ok(())
}
