//! What happened, one line for each amount that came or went.

use crate::Wallet;
use crate::amounts::NATIVE;
use crate::data::{Activity, OwnedNote};
use alloy_primitives::B256;
use trellis_shielded::Address;

/// Why an amount came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody paid.
    Received,
    /// It was paid to somebody.
    Sent,
    /// It came in from a public account.
    Shielded,
    /// It went out to a public account.
    Unshielded,
    /// What a transfer cost.
    Fee,
}

impl Kind {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
            Self::Shielded => "shielded",
            Self::Unshielded => "unshielded",
            Self::Fee => "fee",
        }
    }

    /// Whether it makes the balance smaller.
    pub const fn is_out(self) -> bool {
        matches!(self, Self::Sent | Self::Unshielded | Self::Fee)
    }
}

/// An amount that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The block.
    pub block: u64,
    /// The transaction.
    pub transaction: B256,
    /// Why.
    pub kind: Kind,
    /// Of what.
    pub asset: u32,
    /// How much, in smallest units.
    pub value: u128,
    /// An address, or an account; who paid privately is not known.
    pub with: Option<String>,
    /// Number of the own address that it came to.
    pub address: Option<u64>,
    /// What the payer wrote.
    pub memo: Option<String>,
}

impl Wallet {
    /// Everything that came and went, oldest first. With a key that sees all, the lines of an asset add up to its balance; what is on its
    /// way is not among them.
    pub fn history(&self) -> Vec<Line> {
        self.activities()
            .iter()
            .flat_map(|activity| self.lines(activity))
            .collect()
    }

    fn lines(&self, activity: &Activity) -> Vec<Line> {
        if activity.spent.is_empty() && activity.sent.is_empty() {
            return self.incoming_lines(activity);
        }
        let mut lines = Vec::new();
        for note in activity
            .sent
            .iter()
            .filter(|note| !self.is_own(&note.address))
        {
            let mut line = line(activity, Kind::Sent, note.asset, note.value);
            line.with = Some(note.address.clone());
            line.memo.clone_from(&note.memo);
            lines.push(line);
        }
        if let Some(out) = activity.unshielded {
            let mut line = line(activity, Kind::Unshielded, out.asset, out.value);
            line.with = Some(out.recipient.to_string());
            lines.push(line);
        }
        if let Some(fee) = self.fee_of(activity, &lines) {
            lines.push(line(activity, Kind::Fee, NATIVE, fee));
        }
        lines
    }

    fn incoming_lines(&self, activity: &Activity) -> Vec<Line> {
        let notes = self
            .notes_at(&activity.received)
            .filter(|note| !note.is_change());
        let lines = notes.map(|note| {
            let kind = match activity.shielded_by {
                Some(_) => Kind::Shielded,
                None => Kind::Received,
            };
            let mut line = line(activity, kind, note.asset(), note.value());
            line.with = activity.shielded_by.map(|payer| payer.to_string());
            line.address = Some(note.address);
            line.memo.clone_from(&note.memo);
            line
        });
        lines.collect()
    }

    /// What of the native coin that was spent neither came back nor went anywhere.
    fn fee_of(&self, activity: &Activity, lines: &[Line]) -> Option<u128> {
        if activity.spent.is_empty() {
            return None;
        }
        let native = |positions: &[u32]| {
            let notes = self
                .notes_at(positions)
                .filter(|note| note.asset() == NATIVE);
            notes.fold(0_u128, |sum, note| sum.saturating_add(note.value()))
        };
        let out = lines.iter().filter(|line| line.asset == NATIVE);
        let out = out.fold(0_u128, |sum, line| sum.saturating_add(line.value));
        let fee = native(&activity.spent)
            .checked_sub(native(&activity.received))?
            .checked_sub(out)?;
        (fee > 0).then_some(fee)
    }

    fn notes_at<'a>(&'a self, positions: &'a [u32]) -> impl Iterator<Item = &'a OwnedNote> {
        positions
            .iter()
            .filter_map(|position| self.data.chain.notes.get(position))
    }

    fn is_own(&self, address: &str) -> bool {
        let address = Address::parse(self.identity().network(), address);
        let key = self.keys.incoming();
        key.zip(address.ok())
            .is_some_and(|(key, address)| key.number(&address).is_some())
    }
}

const fn line(activity: &Activity, kind: Kind, asset: u32, value: u128) -> Line {
    Line {
        timestamp: activity.timestamp,
        block: activity.at.block,
        transaction: activity.transaction,
        kind,
        asset,
        value,
        with: None,
        address: None,
        memo: None,
    }
}
