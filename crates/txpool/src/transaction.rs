use alloy_consensus::{Transaction as _, TxEnvelope, transaction::Recovered};
use alloy_primitives::{Address, B256, Bytes, U256};

/// Bytes one transaction occupies in the pool's maps and trees, on top of the transaction itself.
///
/// Hash map entry about 100, arrival map entry about 40, queue slot and search tree 160 to 300.
const INDEX_BYTES: usize = 400;

/// A transaction with everything the pool asks of it computed once.
///
/// Signature, chain id and static rules are checked before it gets here; the pool checks only what depends on the
/// sender's account and on the other transactions.
#[derive(Clone, Debug)]
pub struct PooledTransaction {
    /// The signed transaction and its sender.
    pub transaction: Recovered<TxEnvelope>,
    /// keccak256 of [`Self::encoded`].
    pub hash: B256,
    /// EIP-2718 encoding, as gossiped and as put into a block.
    pub encoded: Bytes,
    /// The most the sender can be charged, in wei: `value + gas_limit * max_fee`, saturating.
    pub cost: U256,
    /// Submitted to this node by one of its own clients, not received from a peer. Set by the submitter.
    pub local: bool,
    max_fee: u128,
    priority_fee: u128,
    size: usize,
}

impl PooledTransaction {
    /// Wraps a recovered transaction; `encoded` is its EIP-2718 encoding.
    pub fn new(transaction: Recovered<TxEnvelope>, encoded: Bytes) -> Self {
        let max_fee = transaction.max_fee_per_gas();
        let gas = U256::from(transaction.gas_limit()).saturating_mul(U256::from(max_fee));
        Self {
            hash: *transaction.tx_hash(),
            cost: transaction.value().saturating_add(gas),
            local: false,
            max_fee,
            priority_fee: transaction.priority_fee_or_price().min(max_fee),
            size: memory(&transaction, encoded.len()),
            transaction,
            encoded,
        }
    }

    /// The same transaction, for which its sender is not charged.
    #[must_use]
    pub fn paid_by_others(self) -> Self {
        let cost = U256::ZERO;
        Self { cost, ..self }
    }

    /// The same transaction with [`Self::local`] set.
    pub fn with_local(mut self, local: bool) -> Self {
        self.local = local;
        self
    }

    /// Who signed it and pays for it.
    pub fn sender(&self) -> Address {
        self.transaction.signer()
    }

    /// Position in the sender's sequence.
    pub fn nonce(&self) -> u64 {
        self.transaction.nonce()
    }

    /// Most gas it may use.
    pub fn gas_limit(&self) -> u64 {
        self.transaction.gas_limit()
    }

    /// Most the sender pays per gas, in wei; the gas price of a legacy transaction.
    pub fn max_fee(&self) -> u128 {
        self.max_fee
    }

    /// Most the block's beneficiary gets per gas, in wei, never above [`Self::max_fee`]; the gas price of a legacy
    /// transaction.
    pub fn priority_fee(&self) -> u128 {
        self.priority_fee
    }

    /// What the beneficiary gets per gas at this base fee, in wei (EIP-1559); `None` if the maximum fee does not cover it.
    pub fn effective_tip(&self, base_fee: u64) -> Option<u128> {
        self.max_fee
            .checked_sub(u128::from(base_fee))
            .map(|left| left.min(self.priority_fee))
    }

    /// Estimated memory it occupies in the pool, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }
}

/// Both forms are in memory: the encoding, and the decoded transaction with its lists.
fn memory(transaction: &TxEnvelope, encoded: usize) -> usize {
    let access: usize = transaction.access_list().map_or(0, |list| {
        list.iter()
            .map(|item| size_of_val(item) + size_of_val(item.storage_keys.as_slice()))
            .sum()
    });
    let authorizations = transaction.authorization_list().map_or(0, size_of_val);
    size_of::<PooledTransaction>()
        + INDEX_BYTES
        + encoded
        + transaction.input().len()
        + access
        + authorizations
}
