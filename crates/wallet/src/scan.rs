//! Finding notes among the outputs of strangers (payments.md, 9.3).
//!
//! First by tag, which is a look-up; what is left is tried, which is a multiplication for each output.

use crate::data::{Data, Payer};
use crate::keys::Keys;
use crate::node::{PoolEvent, PoolLog};
use rayon::prelude::*;
use std::collections::HashMap;
use trellis_shielded::{
    Channel, ContactTag, IncomingViewingKey, Memo, OutgoingViewingKey, Output, Received, Sent,
    Window, pool::Event,
};

/// Payers whose tags are looked for: those heard of last. Who is dropped is found by trial, as everybody is.
const PAYERS_MAX: usize = 1_024;

/// Outputs that one thread tries at a time: enough to share an inversion.
const TRIAL: usize = 128;

/// A note in a block.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Which log.
    pub(crate) log: usize,
    /// Which of its outputs.
    pub(crate) output: usize,
    /// If it was paid to this wallet.
    pub(crate) received: Option<Received>,
    /// If this wallet paid it.
    pub(crate) sent: Option<Sent>,
}

/// An output, with its log and its number in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) log: usize,
    pub(crate) output: usize,
    pub(crate) sealed: &'a Output,
}

/// Every encrypted output of logs.
pub(crate) fn candidates(logs: &[PoolLog]) -> Vec<Candidate<'_>> {
    let mut found = Vec::new();
    for (log, entry) in logs.iter().enumerate() {
        let mut add = |output, sealed| {
            found.push(Candidate {
                log,
                output,
                sealed,
            })
        };
        match &entry.event {
            PoolEvent::Notes(Event::Transferred { outputs, .. }) => {
                (0..)
                    .zip(outputs.iter())
                    .for_each(|(n, output)| add(n, output));
            }
            PoolEvent::Notes(Event::Shielded {
                sealed: Some(sealed),
                ..
            }) => add(0, sealed.output()),
            _ => {}
        }
    }
    found
}

/// The memo beside the outputs of a log.
pub(crate) fn memo(log: &PoolLog) -> Option<&Memo> {
    match &log.event {
        PoolEvent::Notes(Event::Transferred { memo, .. }) => Some(memo),
        PoolEvent::Notes(Event::Shielded { sealed, .. }) => Some(sealed.as_ref()?.memo()),
        _ => None,
    }
}

/// Who a tag is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Own,
    Payer(usize),
}

/// The tags that may come next.
pub(crate) struct Tags {
    own: Option<Window>,
    payers: Vec<(Window, Payer)>,
    next: HashMap<ContactTag, (Owner, u64)>,
}

impl Tags {
    /// Of the wallet itself and of everybody who is known to pay it.
    pub(crate) fn new(keys: &Keys, data: &Data) -> Self {
        let own = keys
            .full()
            .map(|key| Window::new(key.own_channel(), data.own_number));
        let window = |payer: &Payer| Window::new(payer.channel.clone(), payer.number);
        let payers = data.chain.payers.iter();
        let mut tags = Self {
            own,
            payers: payers.map(|payer| (window(payer), payer.clone())).collect(),
            next: HashMap::new(),
        };
        tags.expect(Owner::Own);
        (0..tags.payers.len()).for_each(|n| tags.expect(Owner::Payer(n)));
        tags
    }

    fn window(&mut self, owner: Owner) -> Option<&mut Window> {
        match owner {
            Owner::Own => self.own.as_mut(),
            Owner::Payer(n) => self.payers.get_mut(n).map(|(window, _)| window),
        }
    }

    fn expect(&mut self, owner: Owner) {
        let Some(window) = self.window(owner) else {
            return;
        };
        let tags: Vec<_> = window.tags().collect();
        let expected = tags.into_iter().map(|(number, tag)| (tag, (owner, number)));
        self.next.extend(expected);
    }

    /// Takes note of a tag that was found, and expects those after it.
    fn advance(&mut self, owner: Owner, number: u64, block: u64) {
        if let Owner::Payer(n) = owner
            && let Some((_, payer)) = self.payers.get_mut(n)
        {
            payer.number = payer.number.max(number);
            payer.block = payer.block.max(block);
        }
        if let Some(window) = self.window(owner) {
            window.advance(number);
        }
        self.expect(owner);
    }

    /// Expects a payer who was not known.
    fn meet(&mut self, channel: Channel, block: u64) {
        let window = Window::new(channel.clone(), 0);
        let payer = Payer {
            channel,
            number: 0,
            block,
        };
        self.payers.push((window, payer));
        self.expect(Owner::Payer(self.payers.len() - 1));
    }

    /// Whether any window expects the tag.
    #[cfg(test)]
    pub(crate) fn expects(&self, tag: &ContactTag) -> bool {
        self.next.contains_key(tag)
    }

    /// What is kept of it.
    pub(crate) fn store(&self, data: &mut Data) {
        // The next number is one after the last that was found.
        let own = self.own.as_ref().map_or(0, |window| window.next() - 1);
        data.own_number = data.own_number.max(own);
        let mut payers: Vec<Payer> = self.payers.iter().map(|(_, payer)| payer.clone()).collect();
        payers.sort_by_key(|payer| std::cmp::Reverse(payer.block));
        payers.truncate(PAYERS_MAX);
        data.chain.payers = payers;
    }
}

/// The wallet's notes in logs, in order.
pub(crate) fn scan(keys: &Keys, tags: &mut Tags, logs: &[PoolLog]) -> Vec<Found> {
    let candidates = candidates(logs);
    let (mut found, rest) = match keys.incoming() {
        Some(key) => look_up((key, keys.outgoing()), tags, logs, candidates),
        None => (Vec::new(), candidates),
    };
    let by_tag = found.len();
    found.extend(try_all(keys.incoming(), keys.outgoing(), &rest));
    for one in &found[by_tag..] {
        // What comes from the wallet itself opens nothing: it has a channel of its own.
        if let (Some(received), None) = (&one.received, &one.sent) {
            tags.meet(received.channel.clone(), logs[one.log].block);
        }
    }
    found.sort_by_key(|one| (one.log, one.output));
    found
}

/// What is found by tag, and the rest. A tag that is found makes others expected, which may be in the same blocks.
fn look_up<'a>(
    (key, outgoing): (&IncomingViewingKey, Option<&OutgoingViewingKey>),
    tags: &mut Tags,
    logs: &[PoolLog],
    mut rest: Vec<Candidate<'a>>,
) -> (Vec<Found>, Vec<Candidate<'a>>) {
    let mut found = Vec::new();
    loop {
        let before = found.len();
        rest.retain(|candidate| {
            let Some((owner, number)) = tags.next.get(&candidate.sealed.contact_tag).copied()
            else {
                return true;
            };
            let Some(received) = key.open(candidate.sealed) else {
                return true;
            };
            tags.advance(owner, number, logs[candidate.log].block);
            found.push(Found {
                log: candidate.log,
                output: candidate.output,
                received: Some(received),
                sent: outgoing.and_then(|key| key.open(candidate.sealed)),
            });
            false
        });
        if found.len() == before {
            return (found, rest);
        }
    }
}

/// Tries every output, on all threads.
pub(crate) fn try_all(
    incoming: Option<&IncomingViewingKey>,
    outgoing: Option<&OutgoingViewingKey>,
    candidates: &[Candidate<'_>],
) -> Vec<Found> {
    let try_some = |candidates: &[Candidate<'_>]| {
        let sealed: Vec<&Output> = candidates
            .iter()
            .map(|candidate| candidate.sealed)
            .collect();
        let received = match incoming {
            Some(key) => key.open_all(&sealed),
            None => vec![None; candidates.len()],
        };
        let found = candidates
            .iter()
            .zip(received)
            .map(|(candidate, received)| Found {
                log: candidate.log,
                output: candidate.output,
                received,
                sent: outgoing.and_then(|key| key.open(candidate.sealed)),
            });
        let found = found.filter(|one| one.received.is_some() || one.sent.is_some());
        found.collect::<Vec<_>>()
    };
    let chunks = candidates.par_chunks(TRIAL);
    chunks.flat_map_iter(try_some).collect()
}
