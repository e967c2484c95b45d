//! How records are written. Every decoder refuses what the encoder would not write, so that damage is an error.
//!
//! | table | value |
//! |---|---|
//! | blocks | the block's hash, 32 bytes, and its wire encoding |
//! | receipts | RLP list of receipts, each as in eth/69 (EIP-7642): type, status, cumulative gas, logs |
//! | senders | 20 bytes per transaction |
//! | blooms | 256 bytes, or nothing for the empty bloom |
//! | undo | RLP: number, accounts, storage (ascending keys) |
//! | hashes | number, 8 bytes big-endian |
//! | transactions | number, 8 bytes, and index in the block, 4 bytes, big-endian |
//!
//! A receipt's bloom is a function of its logs, so it is computed when read: stored, it would be nine tenths of
//! the receipts of a block of transfers.

use super::Undo;
use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope, TxType};
use alloy_primitives::{Address, B256, Bloom, KECCAK256_EMPTY, Log, U256};
use alloy_rlp::{Decodable, Encodable, Error, Header, Result};
use bytes::Bytes;
use commonware_codec::{Decode, EncodeSize, Write};
use std::collections::BTreeMap;
use trellis_primitives::{Account, Block};

/// The hash in front binds the header: a damaged one would be a well-formed other block.
pub(super) fn encode_block(block: &Block) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + block.encode_size());
    out.extend_from_slice(block.hash().as_slice());
    block.write(&mut out);
    out
}

pub(super) fn block(mut bytes: Bytes) -> core::result::Result<Block, String> {
    if bytes.len() < 32 {
        return Err("shorter than a hash".to_owned());
    }
    let hash = B256::from_slice(&bytes.split_to(32));
    let block = Block::decode_cfg(bytes, &()).map_err(|error| error.to_string())?;
    if block.hash() == hash {
        Ok(block)
    } else {
        Err(format!(
            "recorded as block {hash}, has hash {}",
            block.hash()
        ))
    }
}

pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

pub(super) fn encode_location(number: u64, index: u32) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), &index.to_be_bytes()].concat()
}

pub(super) fn location(bytes: &[u8]) -> Option<(u64, usize)> {
    let (block, index) = bytes.split_at_checked(8)?;
    let index = u32::from_be_bytes(index.try_into().ok()?);
    Some((number(block)?, usize::try_from(index).ok()?))
}

pub(super) fn encode_bloom(bloom: &Bloom) -> Vec<u8> {
    if bloom.is_zero() {
        Vec::new()
    } else {
        bloom.to_vec()
    }
}

pub(super) fn bloom(bytes: &[u8]) -> Option<Bloom> {
    if bytes.is_empty() {
        Some(Bloom::ZERO)
    } else {
        Bloom::try_from(bytes).ok()
    }
}

pub(super) fn senders(bytes: &[u8]) -> Option<Vec<Address>> {
    let (entries, rest) = bytes.as_chunks::<20>();
    rest.is_empty()
        .then(|| entries.iter().map(Address::from).collect())
}

pub(super) fn encode_receipts(receipts: &[ReceiptEnvelope]) -> Vec<u8> {
    encode_list(receipts, |receipt, out| {
        let fields = (
            receipt.tx_type() as u8,
            receipt.status(),
            receipt.cumulative_gas_used(),
        );
        let logs: usize = receipt.logs().iter().map(Encodable::length).sum();
        let logs_header = Header {
            list: true,
            payload_length: logs,
        };
        fields.0.encode(out);
        fields.1.encode(out);
        fields.2.encode(out);
        logs_header.encode(out);
        receipt.logs().iter().for_each(|log| log.encode(out));
    })
}

pub(super) fn receipts(bytes: &[u8]) -> Result<Vec<ReceiptEnvelope>> {
    decode_list(bytes, |fields| {
        let tx_type =
            TxType::try_from(u8::decode(fields)?).map_err(|_| Error::Custom("receipt type"))?;
        let status = Eip658Value::Eip658(bool::decode(fields)?);
        let cumulative_gas_used = u64::decode(fields)?;
        let logs = Vec::<Log>::decode(fields)?;
        let receipt = Receipt {
            status,
            cumulative_gas_used,
            logs,
        };
        Ok(ReceiptEnvelope::from_typed(tx_type, receipt.with_bloom()))
    })
}

pub(super) fn encode_undo(undo: &Undo) -> Vec<u8> {
    let accounts = encode_list(&undo.accounts, |(address, account), out| {
        address.encode(out);
        if let Some(account) = account {
            account.nonce.encode(out);
            account.balance.encode(out);
            // Most accounts have no code; the empty string stands for its hash.
            match account.code_hash {
                KECCAK256_EMPTY => [].as_slice().encode(out),
                hash => hash.encode(out),
            }
        }
    });
    let storage = encode_list(&undo.storage, |((address, slot), value), out| {
        address.encode(out);
        slot.encode(out);
        value.encode(out);
    });
    let mut out = Vec::with_capacity(accounts.len() + storage.len() + 16);
    let payload_length = undo.number.length() + accounts.len() + storage.len();
    Header {
        list: true,
        payload_length,
    }
    .encode(&mut out);
    undo.number.encode(&mut out);
    out.extend_from_slice(&accounts);
    out.extend_from_slice(&storage);
    out
}

pub(super) fn undo(mut bytes: &[u8]) -> Result<Undo> {
    let mut fields = Header::decode_bytes(&mut bytes, true)?;
    let number = u64::decode(&mut fields)?;
    let accounts = ascending(list(&mut fields, account)?)?;
    let storage = ascending(list(&mut fields, |fields| {
        let key = (Address::decode(fields)?, U256::decode(fields)?);
        Ok((key, U256::decode(fields)?))
    })?)?;
    if !fields.is_empty() || !bytes.is_empty() {
        return Err(Error::UnexpectedLength);
    }
    Ok(Undo {
        number,
        accounts,
        storage,
    })
}

fn account(fields: &mut &[u8]) -> Result<(Address, Option<Account>)> {
    let address = Address::decode(fields)?;
    if fields.is_empty() {
        return Ok((address, None));
    }
    let nonce = u64::decode(fields)?;
    let balance = U256::decode(fields)?;
    let code_hash = match Header::decode_bytes(fields, false)? {
        [] => KECCAK256_EMPTY,
        hash => B256::try_from(hash).map_err(|_| Error::UnexpectedLength)?,
    };
    Ok((
        address,
        Some(Account {
            nonce,
            balance,
            code_hash,
        }),
    ))
}

fn ascending<K: Ord, V>(entries: Vec<(K, V)>) -> Result<BTreeMap<K, V>> {
    if entries.is_sorted_by(|(a, _), (b, _)| a < b) {
        Ok(entries.into_iter().collect())
    } else {
        Err(Error::Custom("keys are not ascending"))
    }
}

/// An RLP list with one inner list per item.
fn encode_list<T>(items: impl IntoIterator<Item = T>, encode: impl Fn(T, &mut Vec<u8>)) -> Vec<u8> {
    let (mut payload, mut item_payload) = (Vec::new(), Vec::new());
    for item in items {
        item_payload.clear();
        encode(item, &mut item_payload);
        Header {
            list: true,
            payload_length: item_payload.len(),
        }
        .encode(&mut payload);
        payload.extend_from_slice(&item_payload);
    }
    let mut out = Vec::with_capacity(payload.len() + 9);
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut out);
    out.extend_from_slice(&payload);
    out
}

fn decode_list<T>(mut bytes: &[u8], decode: impl Fn(&mut &[u8]) -> Result<T>) -> Result<Vec<T>> {
    let items = list(&mut bytes, decode)?;
    if bytes.is_empty() {
        Ok(items)
    } else {
        Err(Error::UnexpectedLength)
    }
}

/// Takes a list of lists off the front of `bytes`; every inner list must be consumed whole.
fn list<T>(bytes: &mut &[u8], decode: impl Fn(&mut &[u8]) -> Result<T>) -> Result<Vec<T>> {
    let mut rest = Header::decode_bytes(bytes, true)?;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let mut fields = Header::decode_bytes(&mut rest, true)?;
        items.push(decode(&mut fields)?);
        if !fields.is_empty() {
            return Err(Error::UnexpectedLength);
        }
    }
    Ok(items)
}
