//! What one piece of the chain means for the wallet.

use super::piece::Piece;
use super::read::Reading;
use super::roots::Newest;
use crate::Wallet;
use crate::codec::Element;
use crate::data::{Activity, CHANGE_ADDRESS, OwnedNote, Passed, Place, SentNote, Span};
use crate::error::Error;
use crate::node::PoolEvent;
use crate::scan::{self, Found};
use alloy_primitives::B256;
use trellis_circuits::field::{self, F};
use trellis_shielded::{Received, Sent, pool::Event};

impl Wallet {
    /// Takes in a piece.
    pub(super) fn apply(
        &mut self,
        reading: &mut Reading,
        piece: Piece,
        newest: &mut Option<Newest>,
    ) -> Result<Span, Error> {
        let found = scan::scan(&self.keys, &mut reading.tags, &piece.logs);
        self.pass(reading, &piece);
        for one in &found {
            if let Some(received) = &one.received {
                self.receive(reading, &piece, one, received)?;
            }
            if let Some(sent) = &one.sent {
                self.sent(&piece, one, sent);
            }
        }
        self.spend(reading, &piece);
        let chain = &mut self.data.chain;
        match newest {
            None => chain.shards.insert(piece.span.start, &piece.leaves),
            Some(waiting) => {
                if waiting.extend(chain, piece.span.start, &piece.leaves, piece.root.as_ref()) {
                    *newest = None;
                }
            }
        }
        self.join_span(piece.span);
        Ok(piece.span)
    }

    /// Remembers transfers: they may spend notes that are found later.
    fn pass(&mut self, reading: &mut Reading, piece: &Piece) {
        if self.keys.full().is_none() {
            return;
        }
        for (log, entry) in piece.logs.iter().enumerate() {
            if let PoolEvent::Notes(Event::Transferred { nullifiers, .. }) = &entry.event {
                let passed = Passed {
                    nullifiers: nullifiers.map(|nullifier| half(&nullifier)),
                    at: piece.at(log),
                    timestamp: entry.timestamp,
                    transaction: entry.transaction,
                    unshielded: piece.unshielded.get(&entry.transaction).copied(),
                };
                reading.pass(self.data.chain.passed.len(), &passed);
                self.data.chain.passed.push(passed);
            }
        }
    }

    fn receive(
        &mut self,
        reading: &mut Reading,
        piece: &Piece,
        found: &Found,
        received: &Received,
    ) -> Result<(), Error> {
        let position = piece.positions[found.log] + found.output as u64;
        let position = u32::try_from(position).map_err(|_| Error::Inconsistent("a full tree"))?;
        let note = received.note.clone();
        let full = self.keys.full();
        let nullifier = full.map(|key| note.nullifier(key, position));
        let passed = nullifier.and_then(|nullifier| reading.passed.get(&half(&nullifier)).copied());
        let spent = passed.and_then(|place| self.data.chain.passed.get(place).cloned());
        let at = piece.at(found.log);
        if let Some(nullifier) = &nullifier {
            reading.own.insert(field::encode(nullifier), position);
        }
        let memo = scan::memo(&piece.logs[found.log]).and_then(|memo| memo.open(&note));
        let owned = OwnedNote {
            position,
            nullifier: nullifier.map(Element),
            at,
            address: self.number_of(&note),
            memo,
            spent: spent.as_ref().map(|passed| passed.at),
            note,
        };
        if self.keys.spender().is_some() && spent.is_none() {
            self.data.chain.shards.mark(position);
        }
        if self.data.chain.notes.insert(position, owned).is_none() {
            reading.progress.notes += 1;
        }
        let entry = &piece.logs[found.log];
        let activity = self.activity(at, entry.timestamp, entry.transaction);
        add(&mut activity.received, position);
        shielded_by(activity, &entry.event);
        if let Some(passed) = spent {
            let activity = self.activity(passed.at, passed.timestamp, passed.transaction);
            add(&mut activity.spent, position);
            activity.unshielded = passed.unshielded;
        }
        Ok(())
    }

    /// The number of the address that a note was paid to.
    fn number_of(&self, note: &trellis_shielded::Note) -> u64 {
        let number = self.keys.incoming().and_then(|key| {
            let address = key.address_of(note.diversifier());
            key.number(&address)
        });
        // Numbers of 2^64 and above are of addresses that no wallet of this kind tells.
        number
            .and_then(|number| u64::try_from(number).ok())
            .unwrap_or(CHANGE_ADDRESS)
    }

    fn sent(&mut self, piece: &Piece, found: &Found, sent: &Sent) {
        let entry = &piece.logs[found.log];
        let Some(sealed) = scan::candidates(std::slice::from_ref(entry))
            .get(found.output)
            .map(|c| c.sealed.contact_tag)
        else {
            return;
        };
        let note = SentNote {
            address: sent.address.to_string(),
            asset: sent.note.asset(),
            value: sent.note.value(),
            memo: scan::memo(entry).and_then(|memo| memo.open(&sent.note)),
            randomness: sent.note.randomness(),
            channel: sent.channel.clone(),
            tag: sealed,
        };
        let out = piece.unshielded.get(&entry.transaction).copied();
        let activity = self.activity(piece.at(found.log), entry.timestamp, entry.transaction);
        if !activity.sent.contains(&note) {
            activity.sent.push(note);
        }
        activity.unshielded = out;
        shielded_by(activity, &entry.event);
    }

    /// Marks notes as spent that were known before this piece, or are of it.
    fn spend(&mut self, reading: &Reading, piece: &Piece) {
        for (log, entry) in piece.logs.iter().enumerate() {
            let PoolEvent::Notes(Event::Transferred { nullifiers, .. }) = &entry.event else {
                continue;
            };
            let own = nullifiers
                .iter()
                .filter_map(|nullifier| reading.own.get(&field::encode(nullifier)));
            for position in own.copied().collect::<Vec<u32>>() {
                let at = piece.at(log);
                if let Some(note) = self.data.chain.notes.get_mut(&position) {
                    note.spent = Some(at);
                }
                self.data.chain.shards.unmark(position);
                let activity = self.activity(at, entry.timestamp, entry.transaction);
                add(&mut activity.spent, position);
                activity.unshielded = piece.unshielded.get(&entry.transaction).copied();
            }
        }
    }

    /// The entry of a log in the history.
    fn activity(&mut self, at: Place, timestamp: u64, transaction: B256) -> &mut Activity {
        let activities = &mut self.data.chain.activities;
        let place = activities.binary_search_by_key(&at, |activity| activity.at);
        let place = place.unwrap_or_else(|place| {
            activities.insert(
                place,
                Activity {
                    at,
                    timestamp,
                    transaction,
                    shielded_by: None,
                    spent: Vec::new(),
                    received: Vec::new(),
                    sent: Vec::new(),
                    unshielded: None,
                },
            );
            place
        });
        &mut activities[place]
    }

    /// Adds blocks to those that were read.
    fn join_span(&mut self, span: Span) {
        let spans = &mut self.data.chain.spans;
        let place = spans.partition_point(|other| other.from < span.from);
        spans.insert(place, span);
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans.drain(..) {
            match joined.last_mut() {
                Some(last) if last.to + 1 == span.from && last.end == span.start => {
                    (last.to, last.end) = (span.to, span.end);
                }
                _ => joined.push(span),
            }
        }
        *spans = joined;
    }
}

fn shielded_by(activity: &mut Activity, event: &PoolEvent) {
    if let PoolEvent::Notes(Event::Shielded { payer, .. }) = event {
        activity.shielded_by = Some(*payer);
    }
}

/// Keeps them in order: a history does not depend on the order of reading.
fn add(positions: &mut Vec<u32>, position: u32) {
    if let Err(place) = positions.binary_search(&position) {
        positions.insert(place, position);
    }
}

/// The first half of a nullifier: enough to recognise it, as nobody chooses one without its key.
fn half(nullifier: &F) -> [u8; 16] {
    let bytes = field::encode(nullifier);
    let (half, _) = bytes.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *half
}
