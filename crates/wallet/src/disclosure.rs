//! Showing one payment to a third party, and nothing else (payments.md, 9.4).
//!
//! The file opens one commitment. It cannot be copied from to show another payment, another amount or another payee. It can be
//! passed on: `audience` and `nonce` say for whom it was made, so that whoever finds it elsewhere knows that it was passed on; they lock
//! nothing, as anybody may write another name there.

use crate::Wallet;
use crate::amounts::units;
use crate::codec;
use crate::data::Activity;
use crate::error::Error;
use crate::node::{Identity, Node, PoolEvent, PoolLog};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use trellis_circuits::field::F;
use trellis_shielded::{Address, Opening, pool::Event};

const VERSION: u8 = 1;

/// The opening of one payment. Written as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Disclosure {
    /// Of this format.
    #[serde(rename = "trellisDisclosure")]
    pub version: u8,
    /// Where it was paid.
    pub identity: Identity,
    /// The transaction.
    pub transaction: B256,
    /// The payee's address.
    pub payee: String,
    /// Of what.
    pub asset: u32,
    /// How much, in smallest units.
    #[serde(with = "units")]
    pub value: u128,
    #[serde(with = "codec::element")]
    randomness: F,
    /// For whom the file was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// What its audience asked to have in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// What a disclosure shows, as the chain confirms it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The payee's address. The chain confirms its owner; diversifier and encryption point are as the shower says.
    pub payee: Address,
    /// Of what.
    pub asset: u32,
    /// How much, in smallest units.
    pub value: u128,
    /// What the payee reads beside it.
    pub memo: Option<String>,
    /// The transaction.
    pub transaction: B256,
    /// The block.
    pub block: u64,
    /// Of the block, in seconds since 1970.
    pub timestamp: u64,
}

impl Wallet {
    /// Opens a payment of a transaction: the `number`-th that went out, then the `number`-th that came in.
    ///
    /// # Errors
    /// [`Error::NoPayment`] if there is none.
    pub fn disclose(
        &self,
        transaction: B256,
        number: usize,
        audience: Option<String>,
        nonce: Option<String>,
    ) -> Result<Disclosure, Error> {
        let mut activities = self.activities().iter();
        let activity = activities.find(|activity| activity.transaction == transaction);
        let opening = activity.and_then(|activity| self.openings(activity).into_iter().nth(number));
        let opening = opening.ok_or_else(|| Error::NoPayment(transaction.to_string()))?;
        Ok(Disclosure {
            version: VERSION,
            identity: *self.identity(),
            transaction,
            payee: opening.address.to_string(),
            asset: opening.asset,
            value: opening.value,
            randomness: opening.randomness,
            audience,
            nonce,
        })
    }

    /// What can be shown of a transaction. Not one's own change, which is nobody's business.
    fn openings(&self, activity: &Activity) -> Vec<Opening> {
        let network = self.identity().network();
        let sent = activity.sent.iter().filter_map(|note| {
            Some(Opening {
                address: Address::parse(network, &note.address).ok()?,
                asset: note.asset,
                value: note.value,
                randomness: note.randomness,
            })
        });
        let received = activity.received.iter().filter_map(|position| {
            let owned = self.data.chain.notes.get(position)?;
            let address = self.keys.incoming()?.address_of(owned.note.diversifier());
            Opening::new(&owned.note, &address).filter(|_| !owned.is_change())
        });
        sent.chain(received).collect()
    }
}

impl Disclosure {
    /// Reads a file of anybody.
    ///
    /// # Errors
    /// [`Error::Disclosure`] if it is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let read: Self =
            serde_json::from_str(text).map_err(|_| Error::Disclosure("the file is none"))?;
        match read.version {
            VERSION => Ok(read),
            _ => Err(Error::Disclosure(
                "it has a version that this software does not know",
            )),
        }
    }

    /// The file.
    pub fn to_json(&self) -> String {
        // Texts and numbers: nothing can fail.
        let text = serde_json::to_string_pretty(self).expect("a disclosure is JSON");
        text + "\n"
    }

    /// Checks it against the chain, which means against what this node says: who wants to be sure asks a node of her own.
    ///
    /// # Errors
    /// [`Error::Disclosure`] with what does not hold.
    pub fn verify(&self, node: &dyn Node) -> Result<Shown, Error> {
        if node.identity()? != self.identity {
            return Err(Error::OtherChain);
        }
        let opening = Opening {
            address: Address::parse(self.identity.network(), &self.payee)?,
            asset: self.asset,
            value: self.value,
            randomness: self.randomness,
        };
        let receipt = node.receipt(self.transaction)?;
        let receipt =
            receipt.ok_or(Error::Disclosure("the chain does not have its transaction"))?;
        let commitment = opening.commitment();
        let logs = node.events(receipt.block, receipt.block)?;
        let mut logs = logs
            .iter()
            .filter(|log| log.transaction == self.transaction);
        let log = logs.find(|log| commits(log, &commitment));
        let log = log.ok_or(Error::Disclosure("its transaction made no such payment"))?;
        Ok(Shown {
            payee: opening.address,
            asset: self.asset,
            value: self.value,
            memo: crate::scan::memo(log).and_then(|memo| opening.memo(memo)),
            transaction: self.transaction,
            block: log.block,
            timestamp: log.timestamp,
        })
    }
}

/// Whether a log adds this commitment to the tree.
fn commits(log: &PoolLog, commitment: &F) -> bool {
    match &log.event {
        PoolEvent::Notes(event @ (Event::Transferred { .. } | Event::Shielded { .. })) => {
            event.leaves().any(|leaf| leaf == *commitment)
        }
        _ => false,
    }
}
