//! What executing a block produces: first what follows from execution, then what is computed from that.

use alloy_consensus::{
    Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType, proofs::calculate_receipt_root,
};
use alloy_eip7928::{AccountChanges, compute_block_access_list_hash};
use alloy_primitives::{B256, Bloom, Log, logs_bloom};
use revm::context_interface::result::ExecutionResult;
use trellis_primitives::StateDiff;

/// What one transaction came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Type of the transaction (EIP-2718).
    pub tx_type: TxType,
    /// Whether it did what it was to do.
    pub success: bool,
    /// Gas it used.
    pub gas_used: u64,
    /// Its logs; none if it failed.
    pub logs: Vec<Log>,
}

impl Ran {
    pub(crate) fn new(tx_type: TxType, result: ExecutionResult) -> Self {
        let gas_used = result.gas().tx_gas_used();
        let (success, logs) = match result {
            ExecutionResult::Success { logs, .. } => (true, logs),
            ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => (false, Vec::new()),
        };
        Self {
            tx_type,
            success,
            gas_used,
            logs,
        }
    }
}

/// An executed block, before blooms and roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// One per transaction, in order.
    pub ran: Vec<Ran>,
    /// The state before and after, where they differ.
    pub diff: StateDiff,
    /// Everything the block touched, with every change (EIP-7928).
    pub access_list: Vec<AccountChanges>,
}

/// What executing a block produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// One receipt per transaction, in order.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Gas all transactions used.
    pub gas_used: u64,
    /// Union of the receipts' blooms.
    pub logs_bloom: Bloom,
    /// Root of the ordered trie of encoded receipts.
    pub receipts_root: B256,
    /// The state before and after, where they differ.
    pub diff: StateDiff,
    /// Everything the block touched, with every change (EIP-7928).
    pub access_list: Vec<AccountChanges>,
}

impl Outcomes {
    /// Computes receipts, blooms and the receipts root.
    pub fn seal(self) -> Executed {
        let mut gas_used = 0;
        let mut union = Bloom::ZERO;
        let mut receipts = Vec::with_capacity(self.ran.len());
        for ran in self.ran {
            gas_used += ran.gas_used;
            let bloom = if ran.logs.is_empty() {
                Bloom::ZERO
            } else {
                logs_bloom(&ran.logs)
            };
            union |= bloom;
            let receipt = ReceiptWithBloom {
                receipt: Receipt {
                    status: Eip658Value::Eip658(ran.success),
                    cumulative_gas_used: gas_used,
                    logs: ran.logs,
                },
                logs_bloom: bloom,
            };
            receipts.push(ReceiptEnvelope::from_typed(ran.tx_type, receipt));
        }
        Executed {
            receipts_root: calculate_receipt_root(&receipts),
            receipts,
            gas_used,
            logs_bloom: union,
            diff: self.diff,
            access_list: self.access_list,
        }
    }
}

impl Executed {
    /// keccak of the access list's RLP.
    pub fn access_list_hash(&self) -> B256 {
        compute_block_access_list_hash(&self.access_list)
    }
}
