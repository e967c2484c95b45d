use crate::amounts::{Asset, Money, NATIVE};
use crate::data::{Activity, CHANGE_ADDRESS, Data, OwnedNote, Pending};
use crate::error::Error;
use crate::keys::{Keys, Spending};
use crate::node::{Identity, Node};
use std::collections::BTreeMap;
use trellis_shielded::{Address, IncomingViewingKey};

/// A wallet: a key, and what is known of the chain with it.
///
/// It is all in memory; what keeps it is a [`crate::Keep`].
#[derive(Clone, Debug)]
pub struct Wallet {
    pub(crate) keys: Keys,
    pub(crate) data: Data,
}

/// What a wallet has of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Of what.
    pub asset: Asset,
    /// Can be spent now.
    pub ready: Money,
    /// Comes back from transfers on their way, with the block that holds them.
    pub arriving: Money,
    /// In notes that transfers on their way spend. Not part of the other two.
    pub leaving: Money,
}

impl Balance {
    /// What there is if all goes well.
    pub fn total(&self) -> Money {
        let units = self.ready.units.saturating_add(self.arriving.units);
        self.ready.with_units(units)
    }
}

impl Wallet {
    /// A wallet that has seen nothing. No note of it is older than the block `birthday`; 0 if nobody knows.
    pub fn new(keys: Keys, identity: Identity, birthday: u64) -> Self {
        Self {
            keys,
            data: Data::new(identity, birthday),
        }
    }

    /// Its key.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Where it is used.
    pub const fn identity(&self) -> &Identity {
        &self.data.identity
    }

    /// The block before which nothing is looked for.
    pub const fn birthday(&self) -> u64 {
        self.data.birthday
    }

    /// The newest block that it has read, if nothing before it is missing.
    pub fn synced(&self) -> Option<u64> {
        match self.data.chain.spans[..] {
            [only] => Some(only.to),
            _ => None,
        }
    }

    pub(crate) fn spender(&self) -> Result<&Spending, Error> {
        self.keys
            .spender()
            .ok_or(Error::CannotWith(self.keys.kind()))
    }

    pub(crate) fn incoming(&self) -> Result<&IncomingViewingKey, Error> {
        self.keys
            .incoming()
            .ok_or(Error::CannotWith(self.keys.kind()))
    }

    /// The address that was told last, or the first.
    pub fn address(&self) -> Result<(u64, Address), Error> {
        let number = self.data.next_address.saturating_sub(1);
        Ok((number, self.incoming()?.address(number)))
    }

    /// An address that nobody was told yet. To be kept before it is told.
    pub fn new_address(&mut self, label: Option<String>) -> Result<(u64, Address), Error> {
        // The first is what `address` tells without being asked for a new one.
        let number = self.data.next_address.max(1);
        let address = self.incoming()?.address(number);
        self.data.next_address = number + 1;
        if let Some(label) = label {
            self.data.labels.insert(number, label);
        }
        Ok((number, address))
    }

    /// The address of a number.
    pub fn address_number(&self, number: u64) -> Result<Address, Error> {
        Ok(self.incoming()?.address(number))
    }

    /// What an address of the wallet's own is called.
    pub fn label(&self, number: u64) -> Option<&str> {
        self.data.labels.get(&number).map(String::as_str)
    }

    /// Names somebody who is paid.
    pub fn name_contact(&mut self, address: &Address, label: Option<String>) {
        self.contact(&address.to_string()).label = label;
    }

    /// What somebody who is paid is called.
    pub fn contact_label(&self, address: &str) -> Option<&str> {
        let contact = self
            .data
            .contacts
            .iter()
            .find(|contact| contact.address == address);
        contact.and_then(|contact| contact.label.as_deref())
    }

    /// What is known of an asset; its number alone if nothing is.
    pub fn asset(&self, number: u32) -> Asset {
        let known = self.data.assets.get(&number).cloned();
        known.unwrap_or_else(|| Asset::unknown(number))
    }

    /// The assets that are known.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.data.assets.values()
    }

    /// Finds an asset by its symbol, its number, or the address of its token; asks the node for what is not known.
    ///
    /// # Errors
    /// [`Error::NoAsset`] if there is none, or two of this symbol: then the number says which.
    pub fn find_asset(&mut self, node: &dyn Node, text: &str) -> Result<Asset, Error> {
        let unknown = || Error::NoAsset(text.to_owned());
        if let Ok(token) = text.parse() {
            let number = node.asset_of(token)?.filter(|number| *number != NATIVE);
            return self.learn_asset(node, number.ok_or_else(unknown)?);
        }
        if let Ok(number) = text.parse::<u32>() {
            return self.learn_asset(node, number);
        }
        let named = |asset: &&Asset| asset.symbol.eq_ignore_ascii_case(text);
        let mut found = self.assets().filter(named);
        match (found.next(), found.next()) {
            (Some(asset), None) => Ok(asset.clone()),
            _ => Err(unknown()),
        }
    }

    /// What is known of an asset, after asking the node if nothing is.
    pub(crate) fn learn_asset(&mut self, node: &dyn Node, number: u32) -> Result<Asset, Error> {
        if let Some(asset) = self.data.assets.get(&number) {
            return Ok(asset.clone());
        }
        let token = node.token(number)?;
        let token = token.ok_or_else(|| Error::NoAsset(number.to_string()))?;
        let asset = Asset::of_token(number, &token);
        self.data.assets.insert(number, asset.clone());
        Ok(asset)
    }

    /// Every note that was found, oldest first.
    pub fn notes(&self) -> impl Iterator<Item = &OwnedNote> {
        self.data.chain.notes.values()
    }

    /// Everything that happened, oldest first.
    pub fn activities(&self) -> &[Activity] {
        &self.data.chain.activities
    }

    /// Transfers that are on their way.
    pub fn pending(&self) -> &[Pending] {
        &self.data.pending
    }

    /// What the wallet has, per asset, native coin first. With a key that does not see what is spent, what came in.
    pub fn balances(&self) -> Vec<Balance> {
        let mut sums: BTreeMap<u32, [u128; 3]> = BTreeMap::from([(NATIVE, [0; 3])]);
        let mut add = |asset, kind: usize, value: u128| {
            let sum = &mut sums.entry(asset).or_default()[kind];
            *sum = sum.saturating_add(value);
        };
        for note in self.notes().filter(|note| note.spent.is_none()) {
            let kind = if self.is_leaving(note.position) { 2 } else { 0 };
            add(note.asset(), kind, note.value());
        }
        for part in self.data.pending.iter().flat_map(|pending| &pending.change) {
            add(part.asset, 1, part.value);
        }
        let balance = |(number, [ready, arriving, leaving]): (u32, [u128; 3])| {
            let asset = self.asset(number);
            Balance {
                ready: asset.money(ready),
                arriving: asset.money(arriving),
                leaving: asset.money(leaving),
                asset,
            }
        };
        sums.into_iter().map(balance).collect()
    }

    /// Whether a transfer on its way spends this note.
    pub(crate) fn is_leaving(&self, position: u32) -> bool {
        let mut pending = self.data.pending.iter();
        pending.any(|pending| pending.spends.contains(&position))
    }

    /// The number of an address of the wallet's own.
    pub(crate) fn address_of(&self, address: &Address) -> Option<u64> {
        let number = self.keys.incoming()?.number(address)?;
        u64::try_from(number)
            .ok()
            .filter(|number| *number != CHANGE_ADDRESS)
    }
}
