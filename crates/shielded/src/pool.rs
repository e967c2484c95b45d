//! The pool contract as nodes and wallets see it (payments.md, 11.4 and 11.7).

use crate::{MEMO_BYTES, Memo, OUTPUT_BYTES, Output, Sealed, note::finish};
use alloy_primitives::{Address as Account, B256, Bytes, U256, address, keccak256};
use alloy_sol_types::{SolEvent as _, SolValue as _, sol};
use trellis_circuits::{
    INPUTS, OUTPUTS,
    field::{self, F},
};

/// The contract.
pub const POOL: Account = address!("0x0000000000000000000000000000000000007788");
/// Who records the root: an account without key (payments.md, 11.3).
pub const KEEPER: Account = address!("0x0000000000000000000000000000000000007789");
/// Roots that are accepted as anchors.
pub const ANCHORS: u64 = 600;
/// Blocks that an expiry may lie ahead.
pub const EXPIRY_MAX: u64 = 1_200;

/// The Solidity side.
pub mod abi {
    use super::sol;

    sol! {
        function shield(uint32 asset, uint128 value, bytes32 inner, bytes ciphertext) payable;
        function transfer(bytes transfer);
        function append(bytes32 root, uint64 size, uint128 fees, bytes frontier);
        function addAsset(address token) returns (uint32);
        function withdraw(uint32 asset, address recipient);
        function assetOf(address token) returns (uint32);
        function tokenOf(uint32 asset) returns (address);
        function assets() returns (uint32);
        function latest() returns (bytes32 root, uint64 size);
        function isSpent(bytes32 nullifier) returns (bool);
        function pooled(uint32 asset) returns (uint256);

        event Shielded(uint32 indexed asset, address indexed payer, uint128 value, bytes32 inner, bytes ciphertext);
        event Transferred(bytes32 indexed nullifier0, bytes32 indexed nullifier1, bytes outputs);
        event Unshielded(uint32 indexed asset, address indexed recipient, uint128 value, bool paid, bool called);
        event Appended(bytes32 indexed root, uint64 indexed size);
        event AssetAdded(uint32 indexed asset, address indexed token);
    }
}

/// What the pool logs of notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A note came in.
    Shielded {
        /// Of this asset.
        asset: u32,
        /// From this account.
        payer: Account,
        /// This much.
        value: u128,
        /// The note.
        commitment: F,
        /// For its owner, unless nothing was told.
        sealed: Option<Box<Sealed>>,
    },
    /// Notes became others.
    Transferred {
        /// What was spent.
        nullifiers: [F; INPUTS],
        /// What was made.
        outputs: Box<[Output; OUTPUTS]>,
        /// For one of the payees.
        memo: Box<Memo>,
    },
    /// The root of the tree was recorded, as it was before this block.
    Appended {
        /// The root.
        root: F,
        /// Leaves below it.
        size: u64,
    },
}

impl Event {
    /// Reads a log of the pool. `None` if it is about something else, or none the pool writes.
    pub fn read(topics: &[B256], data: &[u8]) -> Option<Self> {
        match *topics.first()? {
            abi::Shielded::SIGNATURE_HASH => shielded(topics, data),
            abi::Transferred::SIGNATURE_HASH => transferred(topics, data),
            abi::Appended::SIGNATURE_HASH => {
                let event = abi::Appended::decode_raw_log(topics.iter().copied(), data).ok()?;
                Some(Self::Appended {
                    root: field::decode(&event.root.0).ok()?,
                    size: event.size,
                })
            }
            _ => None,
        }
    }

    /// The leaves it adds to the tree, in order.
    pub fn leaves(&self) -> impl Iterator<Item = F> + '_ {
        let (one, three) = match self {
            Self::Shielded { commitment, .. } => (Some(*commitment), None),
            Self::Transferred { outputs, .. } => (None, Some(outputs)),
            Self::Appended { .. } => (None, None),
        };
        let three = three.into_iter().flat_map(|outputs| outputs.iter());
        one.into_iter().chain(three.map(|output| output.commitment))
    }
}

fn shielded(topics: &[B256], data: &[u8]) -> Option<Event> {
    let event = abi::Shielded::decode_raw_log(topics.iter().copied(), data).ok()?;
    let inner = field::decode(&event.inner.0).ok()?;
    let commitment = finish(inner, event.asset, event.value);
    Some(Event::Shielded {
        asset: event.asset,
        payer: event.payer,
        value: event.value,
        commitment,
        sealed: Sealed::decode(commitment, &event.ciphertext)
            .ok()
            .map(Box::new),
    })
}

fn transferred(topics: &[B256], data: &[u8]) -> Option<Event> {
    let event = abi::Transferred::decode_raw_log(topics.iter().copied(), data).ok()?;
    let element = |word: B256| field::decode(&word.0).ok();
    let (outputs, memo) = event.outputs.split_at_checked(OUTPUTS * OUTPUT_BYTES)?;
    let memo = <[u8; MEMO_BYTES]>::try_from(memo).ok()?;
    let output = |n: usize| {
        let bytes = outputs.get(n * OUTPUT_BYTES..)?.first_chunk()?;
        Output::decode(bytes).ok()
    };
    Some(Event::Transferred {
        nullifiers: [element(event.nullifier0)?, element(event.nullifier1)?],
        outputs: Box::new([output(0)?, output(1)?, output(2)?]),
        memo: Box::new(Memo(memo)),
    })
}

/// Slot of the number of roots, of leaves at the last of them, and of assets.
pub const COUNTS_SLOT: U256 = U256::from_limbs([2, 0, 0, 0]);

/// Slot of the block that spent a nullifier; 0 if none did.
pub fn spent_slot(nullifier: &F) -> U256 {
    slot(field::encode(nullifier), 3)
}

/// Slot of a root's number, from 1; 0 if it is none.
pub fn root_slot(root: &F) -> U256 {
    slot(field::encode(root), 4)
}

/// Slot of a circuit's fingerprint.
pub fn circuit_slot(circuit: u32) -> U256 {
    slot(U256::from(circuit).to_be_bytes(), 5)
}

/// Slot that says whether a circuit is paused.
pub fn paused_slot(circuit: u32) -> U256 {
    slot(U256::from(circuit).to_be_bytes(), 6)
}

/// Number of roots in [`COUNTS_SLOT`].
pub const fn roots(counts: U256) -> u64 {
    counts.as_limbs()[0]
}

/// Number of assets in [`COUNTS_SLOT`], the native coin among them.
pub const fn assets(counts: U256) -> u32 {
    counts.as_limbs()[2] as u32
}

/// The storage the genesis gives the pool: slot and value. `circuits` are ids with their fingerprints.
pub fn genesis_storage(governance: Account, circuits: &[(u32, B256)]) -> Vec<(U256, U256)> {
    let mut storage = vec![
        (U256::ZERO, U256::from_be_bytes(governance.into_word().0)),
        (COUNTS_SLOT, U256::from(1) << 128),
    ];
    let fingerprint = |(id, hash): &(u32, B256)| (circuit_slot(*id), (*hash).into());
    storage.extend(circuits.iter().map(fingerprint));
    storage
}

fn slot(key: [u8; 32], mapping: u8) -> U256 {
    keccak256((U256::from_be_bytes(key), U256::from(mapping)).abi_encode()).into()
}

/// The call that records a root.
pub fn append(root: &F, size: u64, fees: u128, frontier: Vec<u8>) -> Bytes {
    let call = abi::appendCall {
        root: field::encode(root).into(),
        size,
        fees,
        frontier: frontier.into(),
    };
    alloy_sol_types::SolCall::abi_encode(&call).into()
}
