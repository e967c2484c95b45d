//! Recorded blocks, transactions and receipts as Ethereum's JSON-RPC shows them.
//!
//! Pure functions over one block: the same block always gives the same JSON. Field sets are those of geth, so that
//! viem, ethers, cast and wallets parse them without knowing Trellis.

use alloy_consensus::{
    Header as ConsensusHeader, ReceiptEnvelope, Sealed, Transaction as _, TxReceipt,
    transaction::{Recovered, TransactionInfo, TransactionMeta},
};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{Bytes, TxKind, U256};
use alloy_rlp::{Encodable, length_of_length};
use alloy_rpc_types_eth::{Block, BlockTransactions, Header, Log, Transaction, TransactionReceipt};
use trellis_state::history::RecordedBlock;
use trellis_txpool::PooledTransaction;

/// The header as `eth_getHeaderBy*` and the `newHeads` subscription show it.
pub(crate) fn header(block: &RecordedBlock) -> Header {
    Header::from_sealed(Sealed::new_unchecked(
        block.block.header().clone(),
        block.hash(),
    ))
}

/// The block with its transactions, in full or as hashes only.
pub(crate) fn block(block: &RecordedBlock, full: bool) -> Block {
    let transactions = if full {
        BlockTransactions::Full(
            (0..block.transactions.len())
                .filter_map(|i| transaction(block, i))
                .collect(),
        )
    } else {
        BlockTransactions::Hashes(block.transactions.iter().map(|tx| *tx.tx_hash()).collect())
    };
    let size = block_size(block.block.header(), block.block.transactions());
    Block {
        header: header(block).with_size(Some(U256::from(size))),
        uncles: Vec::new(),
        transactions,
        withdrawals: Some(Withdrawals::default()),
    }
}

/// A block with this header and nothing in it.
pub(crate) fn empty_block(header: ConsensusHeader) -> Block {
    let size = block_size(&header, &[]);
    Block {
        header: Header::new(header).with_size(Some(U256::from(size))),
        uncles: Vec::new(),
        transactions: BlockTransactions::Hashes(Vec::new()),
        withdrawals: Some(Withdrawals::default()),
    }
}

/// The Ethereum block `[header, transactions, [], []]` in RLP.
pub(crate) fn raw_block(block: &RecordedBlock) -> Bytes {
    let (header, transactions) = (block.block.header(), block.block.transactions());
    let body: usize = transactions.iter().map(in_list_length).sum();
    let list = |payload_length| alloy_rlp::Header {
        list: true,
        payload_length,
    };
    let payload = header.length() + list(body).length_with_payload() + 2;
    let mut out = Vec::with_capacity(list(payload).length_with_payload());
    list(payload).encode(&mut out);
    header.encode(&mut out);
    list(body).encode(&mut out);
    for transaction in transactions {
        if is_list(transaction) {
            out.extend_from_slice(transaction);
        } else {
            transaction.encode(&mut out);
        }
    }
    // No uncles and no withdrawals.
    out.extend_from_slice(&[alloy_rlp::EMPTY_LIST_CODE; 2]);
    out.into()
}

/// Length in bytes of the Ethereum block `[header, transactions, [], []]` in RLP: the `size` field.
fn block_size(header: &ConsensusHeader, transactions: &[Bytes]) -> usize {
    let body: usize = transactions.iter().map(in_list_length).sum();
    let list = |payload: usize| payload + length_of_length(payload);
    // No uncles and no withdrawals: two empty lists of one byte each.
    list(header.length() + list(body) + 2)
}

/// Length of an EIP-2718 transaction inside a block body: a legacy one is a list already, a typed one is wrapped in a
/// byte string.
fn in_list_length(encoded: &Bytes) -> usize {
    if is_list(encoded) {
        encoded.len()
    } else {
        encoded.length()
    }
}

fn is_list(encoded: &Bytes) -> bool {
    encoded
        .first()
        .is_some_and(|first| *first >= alloy_rlp::EMPTY_LIST_CODE)
}

/// The transaction at `index` of a block; `None` past its end.
pub(crate) fn transaction(block: &RecordedBlock, index: usize) -> Option<Transaction> {
    let transaction = block.transactions.get(index)?;
    let header = block.block.header();
    let info = TransactionInfo {
        hash: Some(*transaction.tx_hash()),
        index: Some(index as u64),
        block_hash: Some(block.hash()),
        block_number: Some(header.number),
        base_fee: header.base_fee_per_gas,
        block_timestamp: Some(header.timestamp),
    };
    Some(Transaction::from_transaction(transaction.clone(), info))
}

/// A transaction that waits in the pool: its block fields are null and `gasPrice` is the most it may pay.
pub(crate) fn pending_transaction(pooled: &PooledTransaction) -> Transaction {
    Transaction::from_transaction(pooled.transaction.clone(), TransactionInfo::default())
}

/// The receipt at `index` of a block; `None` past its end.
pub(crate) fn receipt(block: &RecordedBlock, index: usize) -> Option<TransactionReceipt> {
    let before = block.receipts.get(..index)?;
    let position = Position {
        index,
        gas_before: before.last().map_or(0, TxReceipt::cumulative_gas_used),
        logs_before: before.iter().map(|receipt| receipt.logs().len()).sum(),
    };
    receipt_at(block, position)
}

/// Every receipt of a block, in order.
pub(crate) fn receipts(block: &RecordedBlock) -> Vec<TransactionReceipt> {
    let mut position = Position {
        index: 0,
        gas_before: 0,
        logs_before: 0,
    };
    let mut out = Vec::with_capacity(block.receipts.len());
    for (index, receipt) in block.receipts.iter().enumerate() {
        position.index = index;
        out.extend(receipt_at(block, position));
        position.gas_before = receipt.cumulative_gas_used();
        position.logs_before += receipt.logs().len();
    }
    out
}

/// Where a receipt stands in its block.
#[derive(Clone, Copy)]
struct Position {
    index: usize,
    /// Gas the transactions before it used.
    gas_before: u64,
    /// Logs the transactions before it emitted.
    logs_before: usize,
}

fn receipt_at(block: &RecordedBlock, at: Position) -> Option<TransactionReceipt> {
    let transaction = block.transactions.get(at.index)?;
    let receipt = block.receipts.get(at.index)?;
    let meta = meta(block, at.index)?;
    let from = transaction.signer();
    Some(TransactionReceipt {
        inner: with_rpc_logs(receipt, at.logs_before, meta),
        transaction_hash: meta.tx_hash,
        transaction_index: Some(meta.index),
        block_hash: Some(meta.block_hash),
        block_number: Some(meta.block_number),
        gas_used: receipt.cumulative_gas_used() - at.gas_before,
        effective_gas_price: transaction.effective_gas_price(meta.base_fee),
        blob_gas_used: None,
        blob_gas_price: None,
        from,
        to: transaction.to(),
        contract_address: created_address(transaction),
    })
}

/// The logs of a block that `wanted` accepts, in order, with their place in the chain.
pub(crate) fn logs(
    block: &RecordedBlock,
    mut wanted: impl FnMut(&alloy_primitives::Log) -> bool,
) -> Vec<Log> {
    let mut out = Vec::new();
    let mut log_index = 0;
    for (index, receipt) in block.receipts.iter().enumerate() {
        for log in receipt.logs() {
            if let Some(meta) = wanted(log).then(|| meta(block, index)).flatten() {
                out.push(rpc_log(log.clone(), meta, log_index));
            }
            log_index += 1;
        }
    }
    out
}

/// Where the transaction at `index` is; `None` past the end of the block.
fn meta(block: &RecordedBlock, index: usize) -> Option<TransactionMeta> {
    let header = block.block.header();
    Some(TransactionMeta {
        tx_hash: *block.transactions.get(index)?.tx_hash(),
        index: index as u64,
        block_hash: block.hash(),
        block_number: header.number,
        base_fee: header.base_fee_per_gas,
        excess_blob_gas: header.excess_blob_gas,
        timestamp: header.timestamp,
    })
}

fn with_rpc_logs(
    receipt: &ReceiptEnvelope,
    logs_before: usize,
    meta: TransactionMeta,
) -> ReceiptEnvelope<Log> {
    let mut next = logs_before as u64;
    receipt.clone().map_logs(|log| {
        let log_index = next;
        next += 1;
        rpc_log(log, meta, log_index)
    })
}

fn rpc_log(inner: alloy_primitives::Log, meta: TransactionMeta, log_index: u64) -> Log {
    Log {
        inner,
        block_hash: Some(meta.block_hash),
        block_number: Some(meta.block_number),
        block_timestamp: Some(meta.timestamp),
        transaction_hash: Some(meta.tx_hash),
        transaction_index: Some(meta.index),
        log_index: Some(log_index),
        removed: false,
    }
}

/// The address a contract creation makes (also when it reverts, as geth shows it); `None` for a call.
fn created_address(
    transaction: &Recovered<alloy_consensus::TxEnvelope>,
) -> Option<alloy_primitives::Address> {
    match transaction.kind() {
        TxKind::Create => Some(transaction.signer().create(transaction.nonce())),
        TxKind::Call(_) => None,
    }
}

#[cfg(test)]
mod tests;
