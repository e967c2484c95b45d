//! Making a transfer: always two inputs and three outputs, in random order.

use super::Prove;
use crate::Wallet;
use crate::amounts::NATIVE;
use crate::codec::Element;
use crate::data::{CHANGE_ADDRESS, Part, Pending, Purpose};
use crate::error::Error;
use crate::plan::{Order, Step, Target, Terms};
use alloy_primitives::keccak256;
use rand_core::CryptoRng;
use trellis_circuits::{INPUTS, Input, OUTPUTS, Witness, field::F};
use trellis_shielded::{
    Address, ContactTag, Crossing, Memo, Note, Output, ProvenTransfer, SealError, TRANSFER_CIRCUIT,
    Transfer, tree::Path,
};

/// Blocks that a transfer may wait, at least: a minute at ten blocks a second.
const PATIENCE: u64 = 600;
/// Expiries are multiples of this: an exact one would tell when a wallet saw its newest block.
const EXPIRY_STEP: u64 = 100;

/// An output, as the transfer and as the proof have it.
type Made = (Output, trellis_circuits::Output);

/// What a step comes to before it is proven.
struct Draft {
    anchor: F,
    inputs: [Input; INPUTS],
    outputs: [Made; OUTPUTS],
    asset: u32,
    memo: Memo,
    change: Vec<Part>,
}

impl Wallet {
    /// Makes and proves a transfer, and notes that it is on its way. To be kept before it is sent.
    pub(super) fn build(
        &mut self,
        step: &Step,
        terms: &Terms,
        prover: &dyn Prove,
        rng: &mut impl CryptoRng,
    ) -> Result<Pending, Error> {
        let crossing = step
            .order
            .as_ref()
            .map_or(Ok(Crossing::None), Order::crossing)?;
        let draft = self.draft(step, rng)?;
        let key = self.spender()?.key().prover_key();
        let [made0, made1, made2] = draft.outputs;
        let witness = Witness::new(key, draft.asset, draft.inputs, [made0.1, made1.1, made2.1]);
        let expiry = (terms.head + PATIENCE).next_multiple_of(EXPIRY_STEP);
        let transfer = Transfer {
            circuit: TRANSFER_CIRCUIT,
            expiry,
            anchor: draft.anchor,
            nullifiers: witness.nullifiers(),
            fee: step.fee,
            crossing,
            outputs: [made0.0, made1.0, made2.0],
            memo: draft.memo,
        };
        let instance = transfer.instance(&self.data.identity.chain());
        let nullifiers = transfer.nullifiers.map(Element);
        let proof = prover.prove(&instance, witness)?;
        let raw = ProvenTransfer { transfer, proof }.transaction(self.data.identity.chain_id);
        let pending = Pending {
            transaction: keccak256(&raw),
            raw: raw.into(),
            expiry,
            nullifiers,
            spends: step.spends.clone(),
            fee: step.fee,
            purpose: purpose(step, &draft.change),
            change: draft.change,
        };
        self.data.pending.push(pending.clone());
        Ok(pending)
    }

    fn draft(&mut self, step: &Step, rng: &mut impl CryptoRng) -> Result<Draft, Error> {
        let mut spent = [0_u128; 2];
        let mut asset = step.order.as_ref().map_or(NATIVE, |order| order.asset);
        for position in &step.spends {
            let note = self
                .data
                .chain
                .notes
                .get(position)
                .ok_or(Error::Bug("a note is gone"))?;
            let kind = usize::from(note.asset() != NATIVE);
            spent[kind] = spent[kind]
                .checked_add(note.value())
                .ok_or(Error::Bug("a sum overflows"))?;
            asset = asset.max(note.asset());
        }
        let paid = step.order.as_ref().map_or(0, |order| order.value);
        let (native, other) = if asset == NATIVE {
            (paid, 0)
        } else {
            (0, paid)
        };
        let left = |sum: u128, parts: [u128; 2]| {
            let rest = parts
                .iter()
                .try_fold(sum, |sum, part| sum.checked_sub(*part));
            rest.ok_or(Error::Bug("the notes are not enough"))
        };
        let change = [
            (NATIVE, left(spent[0], [native, step.fee])?),
            (asset, left(spent[1], [other, 0])?),
        ];
        let change: Vec<Part> = change
            .into_iter()
            .filter(|(_, value)| *value > 0)
            .map(|(asset, value)| Part { asset, value })
            .collect();
        let (anchor, inputs) = self.inputs(step, rng)?;
        let (outputs, memo) = self.outputs(step.order.as_ref(), &change, rng)?;
        Ok(Draft {
            anchor,
            inputs,
            outputs,
            asset,
            memo,
            change,
        })
    }

    fn inputs(&self, step: &Step, rng: &mut impl CryptoRng) -> Result<(F, [Input; INPUTS]), Error> {
        let full = self
            .keys
            .full()
            .ok_or(Error::CannotWith(self.keys.kind()))?;
        let chain = &self.data.chain;
        let paths = chain.paths(&step.spends);
        let (root, paths) = paths.ok_or(Error::Inconsistent("the path of a note"))?;
        let mut inputs = Vec::with_capacity(INPUTS);
        for path in &paths {
            let note = &chain
                .notes
                .get(&path.position)
                .ok_or(Error::Bug("a note is gone"))?
                .note;
            if path.root(note.commitment()) != root {
                return Err(Error::Inconsistent("the path of a note"));
            }
            inputs.push(note.input(path));
        }
        while inputs.len() < INPUTS {
            inputs.push(Note::dummy(full, rng).input(&Path::none()));
        }
        shuffle(&mut inputs, rng);
        let inputs = inputs.try_into();
        let inputs = inputs.map_err(|_| Error::Bug("more than two notes"))?;
        Ok((root, inputs))
    }

    fn outputs(
        &mut self,
        order: Option<&Order>,
        change: &[Part],
        rng: &mut impl CryptoRng,
    ) -> Result<([Made; OUTPUTS], Memo), Error> {
        let mut outputs = Vec::with_capacity(OUTPUTS);
        let mut memo = Memo::none(rng);
        if let Some(order) = order
            && let Target::Private {
                address,
                memo: text,
            } = &order.to
        {
            let note = Note::new(address, order.asset, order.value, rng);
            if let Some(text) = text {
                memo = Memo::seal(text, &note)?;
            }
            let tag = self.contact_tag(address, rng);
            outputs.push(self.seal(&note, address, tag, true, rng)?);
        }
        for part in change {
            let address = self.incoming()?.address(CHANGE_ADDRESS);
            let note = Note::new(&address, part.asset, part.value, rng);
            let tag = self.own_tag()?;
            outputs.push(self.seal(&note, &address, tag, false, rng)?);
        }
        while outputs.len() < OUTPUTS {
            let (output, inner) = Output::dummy(rng);
            outputs.push((output, trellis_circuits::Output::dummy(inner)));
        }
        shuffle(&mut outputs, rng);
        let outputs = outputs
            .try_into()
            .map_err(|_| Error::Bug("more than three outputs"))?;
        Ok((outputs, memo))
    }

    fn seal(
        &self,
        note: &Note,
        to: &Address,
        tag: ContactTag,
        payment: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<Made, Error> {
        // Change is found with the incoming key; only payments are in the history of what went out.
        let from = self.keys.outgoing().filter(|_| payment);
        let (output, _) = Output::seal(note, to, from, tag, rng).map_err(sealing)?;
        Ok((output, note.output()))
    }

    /// The next tag of a contact, or one that means nothing before the first payment is in a block. No number is used twice, whatever
    /// becomes of the transfer: two notes with one tag would belong together for everybody to see.
    pub(crate) fn contact_tag(
        &mut self,
        address: &Address,
        rng: &mut impl CryptoRng,
    ) -> ContactTag {
        let contact = self.contact(&address.to_string());
        match contact.channel.clone() {
            None => ContactTag::random(rng),
            Some(channel) => {
                contact.number += 1;
                channel.0.tag(contact.number)
            }
        }
    }

    /// The next tag of one's own change.
    pub(crate) fn own_tag(&mut self) -> Result<ContactTag, Error> {
        let full = self
            .keys
            .full()
            .ok_or(Error::CannotWith(self.keys.kind()))?;
        self.data.own_number += 1;
        Ok(full.own_channel().tag(self.data.own_number))
    }
}

/// What its owner reads of a transfer on its way.
fn purpose(step: &Step, change: &[Part]) -> Purpose {
    let Some(order) = &step.order else {
        let joined = change.first().copied();
        let nothing = Part {
            asset: NATIVE,
            value: 0,
        };
        return Purpose::Join {
            part: joined.unwrap_or(nothing),
        };
    };
    let part = Part {
        asset: order.asset,
        value: order.value,
    };
    match &order.to {
        Target::Private { address, memo } => Purpose::Pay {
            to: address.to_string(),
            part,
            memo: memo.clone(),
        },
        Target::Public { recipient, .. } => Purpose::Unshield {
            to: *recipient,
            part,
        },
    }
}

pub(crate) const fn sealing(error: SealError) -> Error {
    match error {
        SealError::Network => Error::Bug("the address is of another network"),
        SealError::OtherAddress | SealError::Finished => {
            Error::Bug("a note was not made for its address")
        }
    }
}

/// Any order as likely as any other; two or three elements.
fn shuffle<T>(list: &mut [T], rng: &mut impl CryptoRng) {
    for end in (1..list.len()).rev() {
        // 2^64 is so much more than 3 that nothing is noticeably more likely.
        let other = rng.next_u64() % (end as u64 + 1);
        list.swap(end, other as usize);
    }
}
