//! What a wallet knows: everything that its file holds beside the key.

use crate::amounts::{Asset, NATIVE, units};
use crate::codec::{self, Element};
use crate::node::{Identity, Unshielded};
use crate::shards::Shards;
use alloy_primitives::{Address as Account, B256, Bytes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trellis_circuits::field::F;
use trellis_shielded::{Channel, ContactTag, Note};

/// A note of the wallet's, found in a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedNote {
    /// In the tree.
    pub position: u32,
    #[serde(with = "codec::note")]
    pub(crate) note: Note,
    /// Empty without the key that makes it.
    pub(crate) nullifier: Option<Element>,
    /// Where it was found.
    pub at: Place,
    /// Number of the address it was paid to.
    pub address: u64,
    /// What the payer wrote.
    pub memo: Option<String>,
    /// Where it was spent.
    pub spent: Option<Place>,
}

impl OwnedNote {
    /// Of what.
    pub const fn asset(&self) -> u32 {
        self.note.asset()
    }

    /// How much, in smallest units.
    pub const fn value(&self) -> u128 {
        self.note.value()
    }

    /// Whether it came back from a payment of the wallet's own.
    pub const fn is_change(&self) -> bool {
        self.address == CHANGE_ADDRESS
    }
}

/// Change goes to the last address of an account, which nobody else is told: so a key that only sees what comes in can tell it
/// from income.
pub const CHANGE_ADDRESS: u64 = u64::MAX;

/// A log, by block and number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The block.
    pub block: u64,
    /// Number of the log in it.
    pub index: u64,
}

/// Something that happened to the wallet's money, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Where the pool logged it.
    pub at: Place,
    /// Of the block, in seconds since 1970.
    pub timestamp: u64,
    /// The transaction.
    pub transaction: B256,
    /// If value came into the pool, who brought it.
    pub shielded_by: Option<Account>,
    /// Own notes that were spent, by position.
    pub spent: Vec<u32>,
    /// Own notes that were made, by position.
    pub received: Vec<u32>,
    /// Notes of others that the wallet paid.
    pub sent: Vec<SentNote>,
    /// What went out to the public side, if this wallet sent it.
    pub unshielded: Option<Unshielded>,
}

/// A note that the wallet paid to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentNote {
    /// Whom.
    pub address: String,
    /// Of what.
    pub asset: u32,
    /// How much, in smallest units.
    #[serde(with = "units")]
    pub value: u128,
    /// What the wallet wrote.
    pub memo: Option<String>,
    #[serde(with = "codec::element")]
    pub(crate) randomness: F,
    #[serde(with = "codec::channel")]
    pub(crate) channel: Channel,
    #[serde(with = "codec::tag")]
    pub(crate) tag: ContactTag,
}

/// A transfer that was made and is not known to be in a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its transaction.
    pub transaction: B256,
    /// The transaction as it is sent.
    pub raw: Bytes,
    /// The last block that may hold it: after it the notes are free again.
    pub expiry: u64,
    pub(crate) nullifiers: [Element; 2],
    /// Own notes that it spends, by position.
    pub spends: Vec<u32>,
    /// In native coin.
    #[serde(with = "units")]
    pub fee: u128,
    /// What it is for.
    pub purpose: Purpose,
    /// What comes back, as asset and value.
    pub change: Vec<Part>,
}

/// What a transfer does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Pays somebody.
    Pay {
        /// The address.
        to: String,
        /// What is paid.
        part: Part,
        /// What is written.
        memo: Option<String>,
    },
    /// Takes value out to the public side.
    Unshield {
        /// The account.
        to: Account,
        /// What is taken out.
        part: Part,
    },
    /// Makes two notes one.
    Join {
        /// The asset and the sum.
        part: Part,
    },
}

/// An amount of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Of what.
    pub asset: u32,
    /// How much, in smallest units.
    #[serde(with = "units")]
    pub value: u128,
}

/// Somebody the wallet pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The address.
    pub address: String,
    /// What the wallet's owner calls it.
    pub label: Option<String>,
    /// The last number of a tag that was used for it, in a block or not.
    pub(crate) number: u64,
    /// What the first payment in a block opened.
    pub(crate) channel: Option<SavedChannel>,
}

/// Somebody who pays the wallet, known by the channel of a first note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payer {
    #[serde(with = "codec::channel")]
    pub(crate) channel: Channel,
    /// The largest number that was found.
    pub(crate) number: u64,
    /// The last block with a note of it.
    pub(crate) block: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedChannel(#[serde(with = "codec::channel")] pub(crate) Channel);

/// A recorded root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Root {
    #[serde(with = "codec::element")]
    pub(crate) root: F,
    pub(crate) size: u64,
}

/// Blocks that were read, with the leaves they added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Position of the first leaf.
    pub(crate) start: u64,
    /// Position after the last.
    pub(crate) end: u64,
    /// Number of the last root before it.
    pub(crate) number: u64,
}

/// Where reading began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) block: u64,
    pub(crate) size: u64,
    pub(crate) number: u64,
}

/// Everything that a wallet knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) identity: Identity,
    /// No note is older than this block.
    pub(crate) birthday: u64,
    pub(crate) chain: ChainData,
    pub(crate) pending: Vec<Pending>,
    pub(crate) contacts: Vec<Contact>,
    /// The last number of a tag that was used for change.
    pub(crate) own_number: u64,
    /// The next address that nobody was told.
    pub(crate) next_address: u64,
    /// What addresses are called, by number.
    pub(crate) labels: BTreeMap<u64, String>,
    pub(crate) assets: BTreeMap<u32, Asset>,
}

/// The part that can be read from the chain again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChainData {
    pub(crate) start: Option<Start>,
    /// Disjoint, oldest first. One from the start to the newest block when nothing is missing.
    pub(crate) spans: Vec<Span>,
    /// The tree below the newest root.
    pub(crate) shards: Shards,
    /// The leaves that came after it, by position.
    pub(crate) recent: BTreeMap<u64, Element>,
    /// The newest root that was recorded.
    pub(crate) root: Option<Root>,
    /// By position.
    pub(crate) notes: BTreeMap<u32, OwnedNote>,
    /// Oldest first.
    pub(crate) activities: Vec<Activity>,
    pub(crate) payers: Vec<Payer>,
    /// Transfers that may spend notes that are not found yet.
    #[serde(skip)]
    pub(crate) passed: Vec<Passed>,
}

/// A transfer of a stranger, or of this wallet: it spent notes that are in blocks not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The first half of each is enough to recognise it.
    pub(crate) nullifiers: [[u8; 16]; 2],
    pub(crate) at: Place,
    pub(crate) timestamp: u64,
    pub(crate) transaction: B256,
    pub(crate) unshielded: Option<Unshielded>,
}

impl Data {
    pub(crate) fn new(identity: Identity, birthday: u64) -> Self {
        Self {
            identity,
            birthday,
            chain: ChainData::default(),
            pending: Vec::new(),
            contacts: Vec::new(),
            own_number: 0,
            next_address: 0,
            labels: BTreeMap::new(),
            assets: BTreeMap::from([(NATIVE, Asset::native())]),
        }
    }
}
