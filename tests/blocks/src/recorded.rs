//! Recorded blocks of Ethereum mainnet: gzip of one JSON object each, with everything the block reads.

use crate::{Memory, Sample};
use alloy_consensus::{
    Signed, TxEip1559, TxEip2930, TxEip4844, TxEnvelope, TxLegacy, transaction::Recovered,
};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bloom, Bytes, Signature, TxKind, U256};
use revm::{
    context::{BlockEnv, CfgEnv},
    context_interface::block::BlobExcessGasAndPrice,
    primitives::hardfork::SpecId,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read as _},
    path::{Path, PathBuf},
};
use trellis_executor::Setting;

/// Largest recorded block, decompressed.
const BYTES_MAX: u64 = 512 << 20;

/// Blob gas price follows from the excess by this fraction (EIP-4844, Cancun).
const CANCUN_FRACTION: u64 = 3_338_477;

/// Why a recorded block cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// The file or directory cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a recorded block.
    #[error("{path} is not a recorded block: {reason}")]
    Format {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A transaction is of a type recorded blocks do not have.
    #[error("{path}: transaction {index} has type {tx_type}")]
    Type {
        /// Where.
        path: PathBuf,
        /// Position in the block.
        index: usize,
        /// Its type.
        tx_type: u8,
    },
}

/// What the real header says.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Gas all transactions used.
    pub gas_used: u64,
    /// Root of the receipts, if it can be computed: from Byzantium on.
    pub receipts_root: Option<B256>,
    /// Union of the receipts' blooms.
    pub logs_bloom: Bloom,
}

/// A recorded block.
#[derive(Clone, Debug)]
pub struct RecordedBlock {
    /// The block and the state before it.
    pub sample: Sample,
    /// What the real header says.
    pub expected: Expected,
}

#[derive(Deserialize)]
struct Json {
    block: JsonBlock,
    txs: Vec<JsonTransaction>,
    pre_state: BTreeMap<Address, JsonAccount>,
    expect: JsonExpected,
}

#[derive(Deserialize)]
struct JsonBlock {
    number: u64,
    coinbase: Address,
    timestamp: u64,
    gas_limit: u64,
    basefee: u64,
    difficulty: U256,
    prevrandao: Option<B256>,
    excess_blob_gas: Option<u64>,
    chain_id: u64,
    block_hashes: BTreeMap<String, B256>,
}

#[derive(Deserialize)]
struct JsonTransaction {
    tx_type: u8,
    caller: Address,
    to: Option<Address>,
    nonce: u64,
    value: U256,
    data: Bytes,
    gas_limit: u64,
    gas_price: u128,
    gas_priority_fee: Option<u128>,
    chain_id: Option<u64>,
    access_list: Vec<JsonAccess>,
    blob_hashes: Vec<B256>,
    max_fee_per_blob_gas: u128,
}

#[derive(Deserialize)]
struct JsonAccess {
    address: Address,
    #[serde(alias = "storageKeys")]
    storage_keys: Vec<B256>,
}

#[derive(Deserialize)]
struct JsonAccount {
    balance: U256,
    nonce: u64,
    code: Option<Bytes>,
    storage: BTreeMap<U256, U256>,
}

#[derive(Deserialize)]
struct JsonExpected {
    gas_used: u64,
    receipts_root: B256,
    logs_bloom: Bloom,
}

/// Paths of the recorded blocks in a directory, in the order of their numbers.
///
/// # Errors
/// [`RecordedError::Io`].
pub fn directory(path: &Path) -> Result<Vec<PathBuf>, RecordedError> {
    let io = |source| RecordedError::Io {
        path: path.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(number) = name.and_then(|name| name.strip_suffix(".json.gz")) {
            found.push((number.parse::<u64>().unwrap_or(u64::MAX), path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

impl RecordedBlock {
    /// Reads one recorded block.
    ///
    /// # Errors
    /// [`RecordedError`] says what is wrong with the file.
    pub fn read(path: &Path) -> Result<Self, RecordedError> {
        let io = |source| RecordedError::Io {
            path: path.to_owned(),
            source,
        };
        let format = |reason: String| RecordedError::Format {
            path: path.to_owned(),
            reason,
        };
        let file = BufReader::new(File::open(path).map_err(io)?);
        let mut text = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(file).take(BYTES_MAX + 1);
        decoder
            .read_to_end(&mut text)
            .map_err(|error| format(error.to_string()))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(format(format!("more than {BYTES_MAX} bytes")));
        }
        let json: Json =
            serde_json::from_slice(&text).map_err(|error| format(error.to_string()))?;
        let spec = fork(json.block.number, json.block.timestamp);
        let transactions = json.txs.into_iter().enumerate();
        let transactions = transactions.map(|(index, tx)| {
            let tx_type = tx.tx_type;
            transaction(tx).ok_or_else(|| RecordedError::Type {
                path: path.to_owned(),
                index,
                tx_type,
            })
        });
        let mut state = Memory::default();
        for (address, account) in json.pre_state {
            let code = account.code.unwrap_or_default();
            state.insert(address, account.balance, account.nonce, code);
            for (slot, value) in account.storage {
                state.store(address, slot, value);
            }
        }
        Ok(Self {
            sample: Sample {
                name: json.block.number.to_string(),
                transactions: transactions.collect::<Result<_, _>>()?,
                setting: setting(json.block, spec).map_err(format)?,
                state,
            },
            expected: Expected {
                gas_used: json.expect.gas_used,
                receipts_root: spec
                    .is_enabled_in(SpecId::BYZANTIUM)
                    .then_some(json.expect.receipts_root),
                logs_bloom: json.expect.logs_bloom,
            },
        })
    }
}

fn setting(block: JsonBlock, spec: SpecId) -> Result<Setting, String> {
    let hashes = block.block_hashes.into_iter().map(|(number, hash)| {
        let number = number.parse::<u64>();
        Ok((
            number.map_err(|error| format!("block_hashes: {error}"))?,
            hash,
        ))
    });
    Ok(Setting {
        block: BlockEnv {
            number: U256::from(block.number),
            beneficiary: block.coinbase,
            timestamp: U256::from(block.timestamp),
            gas_limit: block.gas_limit,
            basefee: block.basefee,
            difficulty: block.difficulty,
            prevrandao: block.prevrandao,
            blob_excess_gas_and_price: block
                .excess_blob_gas
                .map(|excess| BlobExcessGasAndPrice::new(excess, CANCUN_FRACTION)),
            slot_num: 0,
        },
        config: CfgEnv::new_with_spec(spec).with_chain_id(block.chain_id),
        hashes: hashes.collect::<Result<_, String>>()?,
        own: false,
        start: None,
    })
}

/// The mainnet fork of a block.
fn fork(number: u64, timestamp: u64) -> SpecId {
    match number {
        _ if timestamp >= 1_710_338_135 => SpecId::CANCUN,
        _ if timestamp >= 1_681_338_455 => SpecId::SHANGHAI,
        15_537_394.. => SpecId::MERGE,
        12_965_000.. => SpecId::LONDON,
        12_244_000.. => SpecId::BERLIN,
        9_069_000.. => SpecId::ISTANBUL,
        7_280_000.. => SpecId::PETERSBURG,
        4_370_000.. => SpecId::BYZANTIUM,
        2_675_000.. => SpecId::SPURIOUS_DRAGON,
        2_463_000.. => SpecId::TANGERINE,
        1_150_000.. => SpecId::HOMESTEAD,
        _ => SpecId::FRONTIER,
    }
}

/// The transaction, with a signature nobody made: the record names the sender.
fn transaction(tx: JsonTransaction) -> Option<Recovered<TxEnvelope>> {
    let to = tx.to.map_or(TxKind::Create, TxKind::Call);
    let chain_id = tx.chain_id.unwrap_or(1);
    let signature = Signature::test_signature();
    let access_list: Vec<_> = tx
        .access_list
        .into_iter()
        .map(|access| AccessListItem {
            address: access.address,
            storage_keys: access.storage_keys,
        })
        .collect();
    let access_list = AccessList(access_list);
    let priority = tx.gas_priority_fee.unwrap_or(tx.gas_price);
    macro_rules! envelope {
        ($inner:expr) => {
            TxEnvelope::from(Signed::new_unhashed($inner, signature))
        };
    }
    let envelope = match tx.tx_type {
        0 => envelope!(TxLegacy {
            chain_id: tx.chain_id,
            nonce: tx.nonce,
            gas_price: tx.gas_price,
            gas_limit: tx.gas_limit,
            to,
            value: tx.value,
            input: tx.data,
        }),
        1 => envelope!(TxEip2930 {
            chain_id,
            nonce: tx.nonce,
            gas_price: tx.gas_price,
            gas_limit: tx.gas_limit,
            to,
            value: tx.value,
            input: tx.data,
            access_list,
        }),
        2 => envelope!(TxEip1559 {
            chain_id,
            nonce: tx.nonce,
            gas_limit: tx.gas_limit,
            max_fee_per_gas: tx.gas_price,
            max_priority_fee_per_gas: priority,
            to,
            value: tx.value,
            input: tx.data,
            access_list,
        }),
        3 => envelope!(TxEip4844 {
            chain_id,
            nonce: tx.nonce,
            gas_limit: tx.gas_limit,
            max_fee_per_gas: tx.gas_price,
            max_priority_fee_per_gas: priority,
            to: tx.to?,
            value: tx.value,
            input: tx.data,
            access_list,
            blob_versioned_hashes: tx.blob_hashes,
            max_fee_per_blob_gas: tx.max_fee_per_blob_gas,
        }),
        _ => return None,
    };
    Some(Recovered::new_unchecked(envelope, tx.caller))
}
