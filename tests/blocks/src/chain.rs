//! A chain in memory: states that no one could write down by hand are come to by executing transactions.

use crate::{
    Memory,
    senders::Senders,
    workload::{WorkloadError, setting},
};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_sol_types::SolCall;
use trellis_executor::{Engine, Transaction, Workers};

/// Gas each transaction may use: what one transaction may ask for at most is 2^24 (EIP-7825).
const GAS_LIMIT: u64 = 1 << 24;

/// Transactions in a block; bounds the memory its outcome takes.
const BLOCK_TRANSACTIONS: usize = 256;

/// Blocks of transactions, executed over a state that starts empty.
pub(crate) struct Chain {
    engine: Engine,
    state: Memory,
    senders: Senders,
    pending: Vec<Transaction>,
    /// The next block's.
    number: u64,
}

/// Where a [`Chain`] ended.
pub(crate) struct Reached {
    /// The state.
    pub(crate) state: Memory,
    /// Everybody's next nonce.
    pub(crate) senders: Senders,
    /// Height of the block that comes next.
    pub(crate) number: u64,
}

impl Chain {
    /// Nothing but genesis.
    pub(crate) fn new() -> Self {
        Self {
            engine: Engine::new(Workers::exactly(1)),
            state: Memory::default(),
            senders: Senders::default(),
            pending: Vec::new(),
            number: 1,
        }
    }

    /// Gives an account that has sent nothing this many ether.
    pub(crate) fn fund(&mut self, account: Address, ether: u64) {
        let wei = U256::from(ether) * U256::from(10_u128.pow(18));
        self.state.insert(account, wei, 0, Bytes::new());
    }

    /// Creates a contract in the next block, and says where it will be. `arguments` are its constructor's, encoded.
    pub(crate) fn create(&mut self, from: Address, code: &Bytes, arguments: &[u8]) -> Address {
        let address = from.create(self.senders.nonce(from));
        let code = [code.as_ref(), arguments].concat();
        self.send(from, TxKind::Create, code.into());
        address
    }

    /// Calls a contract in the next block.
    pub(crate) fn call(&mut self, from: Address, contract: Address, call: &impl SolCall) {
        self.send(from, contract.into(), call.abi_encode().into());
    }

    fn send(&mut self, from: Address, to: TxKind, input: Bytes) {
        let tx = self
            .senders
            .transaction(from, to, GAS_LIMIT, U256::ZERO, input);
        self.pending.push(tx);
    }

    /// Executes what was sent since the last time. `step` says in an error what it was for.
    ///
    /// # Errors
    /// [`WorkloadError::Invalid`] and [`WorkloadError::Failed`].
    pub(crate) fn mine(&mut self, step: &'static str) -> Result<(), WorkloadError> {
        let pending = std::mem::take(&mut self.pending);
        for transactions in pending.chunks(BLOCK_TRANSACTIONS) {
            let setting = setting(self.number, GAS_LIMIT * BLOCK_TRANSACTIONS as u64);
            let outcomes = self
                .engine
                .sequential(&setting, &self.state, transactions)
                .map_err(|source| WorkloadError::Invalid { step, source })?;
            if outcomes.ran.iter().any(|ran| !ran.success) {
                return Err(WorkloadError::Failed { step });
            }
            self.state.apply(&outcomes.diff);
            self.number += 1;
        }
        Ok(())
    }

    /// Ends the chain; what was sent and not executed is dropped.
    pub(crate) fn finish(self) -> Reached {
        Reached {
            state: self.state,
            senders: self.senders,
            number: self.number,
        }
    }
}
