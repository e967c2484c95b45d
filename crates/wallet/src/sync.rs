//! Reading the chain: newest blocks first, from where the wallet stopped.

mod apply;
mod piece;
mod read;
mod roots;

use crate::Wallet;
use crate::data::{ChainData, Contact, SavedChannel, Start};
use crate::error::Error;
use crate::node::Node;
use crate::shards::Shards;
use crate::store::Keep;
use std::collections::BTreeMap;
use trellis_shielded::Window;

/// How far reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Blocks that were read.
    pub blocks: u64,
    /// Blocks that there were to read.
    pub of: u64,
    /// Outputs of strangers and one's own that were looked at.
    pub outputs: u64,
    /// Notes that were found.
    pub notes: u64,
}

/// What reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The newest block that was read.
    pub block: u64,
    /// Seconds since 1970, of that block.
    pub timestamp: u64,
    /// Notes that are new.
    pub notes: u64,
    /// Whether what the wallet knew did not fit to the chain, and was read again from the birthday.
    pub repaired: bool,
}

impl Wallet {
    /// Reads what is new, and settles what was on its way. The wallet is kept every now and then, and at the end: reading that is
    /// interrupted goes on from there.
    ///
    /// At the end the wallet's tree has the roots that the chain recorded. If it does not, everything that comes from the chain is
    /// forgotten and read once more.
    ///
    /// # Errors
    /// [`Error::OtherChain`], [`Error::Behind`], [`Error::Inconsistent`] if reading once more did not help, and whatever the node
    /// or the file say.
    pub fn sync(
        &mut self,
        node: &dyn Node,
        keep: &mut dyn Keep,
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<Synced, Error> {
        if node.identity()? != self.data.identity {
            return Err(Error::OtherChain);
        }
        let before = self.data.chain.notes.len();
        let fresh = self.data.chain.start.is_none();
        let mut repaired = false;
        let head = match self.read(node, keep, watch) {
            Err(Error::Inconsistent(_)) if !fresh => {
                repaired = true;
                self.data.chain = ChainData::default();
                self.read(node, keep, watch)?
            }
            other => other?,
        };
        self.settle(head.number);
        self.meet_contacts();
        self.find_addresses();
        self.learn_assets(node)?;
        keep.keep(self)?;
        let after = self.data.chain.notes.len();
        Ok(Synced {
            block: head.number,
            timestamp: head.timestamp,
            notes: after.saturating_sub(before) as u64,
            repaired,
        })
    }

    /// Where reading begins: at the newest record that is not younger than the birthday, or at the first block.
    fn begin(&mut self, node: &dyn Node) -> Result<Start, Error> {
        if let Some(start) = self.data.chain.start {
            return Ok(start);
        }
        let record = match self.data.birthday {
            0 => None,
            birthday => node.record(birthday)?,
        };
        let mut chain = ChainData::default();
        let mut start = Start {
            block: 0,
            size: 0,
            number: 0,
        };
        if let Some(record) = record {
            let latest = record.latest;
            chain.shards = Shards::from_frontier(latest.size, &record.frontier, latest.root)
                .ok_or(Error::Inconsistent("the edge of the tree at the birthday"))?;
            // The record itself is read again with the block's leaves, so it is not counted yet.
            start = Start {
                block: record.block,
                size: latest.size,
                number: latest.number.saturating_sub(1),
            };
        }
        chain.start = Some(start);
        self.data.chain = chain;
        Ok(start)
    }

    /// Lets go of transfers that are in a block, and of those that never will be.
    pub(crate) fn settle(&mut self, head: u64) {
        let notes = &self.data.chain.notes;
        let spent = |position: &u32| notes.get(position).is_some_and(|note| note.spent.is_some());
        self.data
            .pending
            .retain(|pending| pending.expiry >= head && !pending.spends.iter().any(spent));
    }

    /// Makes out the channel to everybody who was paid: the first payment in a block opened it, and the tags of later ones say how far
    /// it was used.
    fn meet_contacts(&mut self) {
        let mut paid: BTreeMap<&str, (Window, u64)> = BTreeMap::new();
        let sent = self
            .data
            .chain
            .activities
            .iter()
            .flat_map(|activity| &activity.sent);
        for note in sent {
            match paid.get_mut(note.address.as_str()) {
                None => {
                    paid.insert(&note.address, (Window::new(note.channel.clone(), 0), 0));
                }
                Some((window, number)) => {
                    let found = window.tags().find(|(_, tag)| *tag == note.tag);
                    if let Some((found, _)) = found {
                        window.advance(found);
                        *number = (*number).max(found);
                    }
                }
            }
        }
        let paid: Vec<_> = paid
            .into_iter()
            .map(|(address, (_, number))| (address.to_owned(), number))
            .collect();
        for (address, number) in paid {
            let first = self
                .data
                .chain
                .activities
                .iter()
                .flat_map(|activity| &activity.sent);
            let channel = first
                .filter(|note| note.address == address)
                .map(|note| note.channel.clone())
                .next();
            let contact = self.contact(&address);
            contact.channel = channel.map(SavedChannel);
            contact.number = contact.number.max(number);
        }
    }

    /// Addresses that were paid were told to somebody, even if the file that knew of it is lost.
    fn find_addresses(&mut self) {
        let notes = self.data.chain.notes.values();
        let told = notes
            .filter(|note| !note.is_change())
            .map(|note| note.address.saturating_add(1));
        self.data.next_address = told.max().unwrap_or_default().max(self.data.next_address);
    }

    /// Who is paid at this address, known from now on.
    pub(crate) fn contact(&mut self, address: &str) -> &mut Contact {
        let contacts = &mut self.data.contacts;
        let known = contacts
            .iter()
            .position(|contact| contact.address == address);
        let place = known.unwrap_or_else(|| {
            contacts.push(Contact {
                address: address.to_owned(),
                label: None,
                number: 0,
                channel: None,
            });
            contacts.len() - 1
        });
        &mut contacts[place]
    }

    /// Asks about assets that came in. What the node does not tell stays a number.
    fn learn_assets(&mut self, node: &dyn Node) -> Result<(), Error> {
        let chain = &self.data.chain;
        let mut assets: Vec<u32> = chain.notes.values().map(|note| note.asset()).collect();
        assets.extend(
            chain
                .activities
                .iter()
                .flat_map(|a| &a.sent)
                .map(|note| note.asset),
        );
        assets.sort_unstable();
        assets.dedup();
        for asset in assets {
            match self.learn_asset(node, asset) {
                Ok(_) | Err(Error::NoAsset(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
