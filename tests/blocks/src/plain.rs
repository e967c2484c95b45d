//! Plain revm, one transaction after the other: the baseline.

use crate::Sample;
use alloy_primitives::Address;
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    context_interface::result::ExecutionResult,
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};
use trellis_executor::evm_transaction;

/// What plain revm made of a block.
#[derive(Debug)]
pub struct PlainResult {
    /// One result per transaction.
    pub results: Vec<ExecutionResult>,
    /// The state after it.
    pub database: CacheDB<EmptyDB>,
}

/// The state before a block as plain revm takes it: prepared outside of what is measured.
#[derive(Clone, Debug)]
pub struct Prepared {
    database: CacheDB<EmptyDB>,
}

impl Prepared {
    /// Prepares a sample.
    pub fn new(sample: &Sample) -> Self {
        let mut database = CacheDB::new(EmptyDB::new());
        let codes: std::collections::HashMap<_, _> = sample.state.codes().collect();
        for (address, account, slots) in sample.state.accounts() {
            let code = codes.get(&account.code_hash);
            let code = code.map(|code| Bytecode::new_raw((*code).clone()));
            database.insert_account_info(
                *address,
                AccountInfo {
                    balance: account.balance,
                    nonce: account.nonce,
                    code_hash: account.code_hash,
                    code,
                    ..AccountInfo::default()
                },
            );
            for (slot, value) in slots {
                database
                    .insert_account_storage(*address, *slot, *value)
                    .expect("an empty database does not fail");
            }
        }
        for (number, hash) in &sample.setting.hashes {
            database
                .cache
                .block_hashes
                .insert(alloy_primitives::U256::from(*number), *hash);
        }
        Self { database }
    }
}

/// Executes a block with `transact_commit` on one reused EVM over a `CacheDB`. Like every other way it begins with decoded
/// transactions, which it makes the EVM's.
///
/// # Panics
/// If a transaction is invalid: samples have none.
pub fn run_plain(sample: &Sample, prepared: Prepared) -> PlainResult {
    let mut evm = Context::mainnet()
        .with_db(prepared.database)
        .with_block(sample.setting.block.clone())
        .with_cfg(sample.setting.config.clone())
        .build_mainnet();
    let mut results = Vec::with_capacity(sample.transactions.len());
    for (index, tx) in sample.transactions.iter().enumerate() {
        match evm.transact_commit(evm_transaction(tx)) {
            Ok(result) => results.push(result),
            Err(error) => panic!("transaction {index} of {}: {error:?}", sample.name),
        }
    }
    PlainResult {
        results,
        database: evm.ctx.journaled_state.database,
    }
}

impl PlainResult {
    /// Gas all transactions used.
    pub fn gas_used(&self) -> u64 {
        self.results
            .iter()
            .map(|result| result.gas().tx_gas_used())
            .sum()
    }

    /// An account's balance and nonce after the block.
    pub fn account(&self, address: Address) -> Option<&AccountInfo> {
        let account = self.database.cache.accounts.get(&address)?;
        Some(&account.info)
    }
}
