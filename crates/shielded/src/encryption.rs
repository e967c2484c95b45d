//! Outputs: what a transfer carries of each note (payments.md, 9.1).
//!
//! Everything here is written by strangers. What does not open is not ours, and never an error.

use crate::note::random;
use crate::{
    Address, Channel, ContactTag, Diversifier, IncomingViewingKey, Note, OutgoingViewingKey, aead,
    derive,
};
use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto};
use rand_core::CryptoRng;
use trellis_circuits::{
    field::{self, F},
    hash,
};
use zeroize::Zeroizing;

/// Bytes of the note's ciphertext.
pub const NOTE_BYTES: usize = 80;
/// Bytes of the ciphertext for the payer.
pub const OUTGOING_BYTES: usize = 112;
/// The only version of plaintexts that there is.
const VERSION: u8 = 1;

/// The note cannot be encrypted to this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It belongs to another address.
    #[error("the note belongs to another address")]
    OtherAddress,
    /// The payer's key is of another network than the address.
    #[error("payer and payee are not on one network")]
    Network,
    /// Its randomness does not follow from what would be encrypted.
    #[error("a note that was finished by somebody else is not sent encrypted")]
    Finished,
}

/// A commitment and, encrypted, the note in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// `cm`.
    pub commitment: F,
    /// `epk`: the payer's half of the key exchange. Only who opens the note learns whether it is a point.
    pub epk: [u8; 32],
    /// Spares the payee the decryption of nearly all foreign notes.
    pub view_tag: [u8; 2],
    /// Spares the payee the key exchange where payer and payee know each other.
    pub contact_tag: ContactTag,
    /// For the payee.
    pub note: [u8; NOTE_BYTES],
    /// For the payer.
    pub outgoing: [u8; OUTGOING_BYTES],
}

/// A note that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// It can be spent once it is in the tree.
    pub note: Note,
    /// What it opens between payer and payee.
    pub channel: Channel,
}

/// A note that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What was sent.
    pub note: Note,
    /// To whom.
    pub address: Address,
    /// What it opens between payer and payee.
    pub channel: Channel,
}

impl Output {
    /// Encrypts a note to its payee and, if asked to, to the payer. The channel is what the note opens between them.
    pub fn seal(
        note: &Note,
        to: &Address,
        from: Option<&OutgoingViewingKey>,
        contact_tag: ContactTag,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Channel), SealError> {
        if (note.diversifier(), note.owner()) != (to.diversifier(), to.owner()) {
            return Err(SealError::OtherAddress);
        }
        if from.is_some_and(|key| key.network() != to.network()) {
            return Err(SealError::Network);
        }
        if note.is_finished() {
            return Err(SealError::Finished);
        }
        let exchange = Exchange::of_payer(note, to.point());
        let commitment = note.commitment();
        let sealed = seal_note(note, &exchange.note_key(&commitment));
        let outgoing = from.map_or_else(
            || random(rng),
            |key| {
                let owner = field::encode(&note.owner());
                let point = to.point().compress().to_bytes();
                let key = outgoing_key(key, &commitment, &exchange.epk);
                aead::seal(&key, &[&owner, &point, note.rseed()])
            },
        );
        let output = Self {
            commitment,
            epk: exchange.epk,
            view_tag: exchange.view_tag(),
            contact_tag,
            note: sealed,
            outgoing,
        };
        Ok((output, exchange.channel()))
    }

    /// An output that carries nothing and looks like any other, with its inner commitment, for the proof.
    pub fn dummy(rng: &mut impl CryptoRng) -> (Self, F) {
        let inner = derive::element("dummy", &[&random::<32>(rng)]);
        let epk = derive::point("dummy", &[&random::<32>(rng)]);
        let output = Self {
            commitment: hash::commitment(inner, 0, 0),
            epk: epk.compress().to_bytes(),
            view_tag: random(rng),
            contact_tag: ContactTag::random(rng),
            note: random(rng),
            outgoing: random(rng),
        };
        (output, inner)
    }
}

impl IncomingViewingKey {
    /// The note of an output, if it was paid to any address of this account.
    pub fn open(&self, output: &Output) -> Option<Received> {
        let epk = CompressedRistretto(output.epk).decompress()?;
        self.open_shared(output, (self.ek() * epk).compress())
    }

    /// [`Self::open`] of many outputs, with less work for each: points of a batch are compressed together, which takes one inversion for
    /// all of them.
    pub fn open_all(&self, outputs: &[&Output]) -> Vec<Option<Received>> {
        // The library compresses the doubles of points.
        let half = Zeroizing::new(self.ek() * Scalar::from(2_u8).invert());
        let points = outputs
            .iter()
            .map(|output| CompressedRistretto(output.epk).decompress());
        let points: Vec<_> = points.collect();
        let products = points.iter().map(|point| *half * point.unwrap_or_default());
        let products = Zeroizing::new(products.collect::<Vec<_>>());
        let shared = Zeroizing::new(RistrettoPoint::double_and_compress_batch(&*products));
        let all = outputs.iter().zip(points).zip(shared.iter());
        all.map(|((output, point), shared)| point.and_then(|_| self.open_shared(output, *shared)))
            .collect()
    }

    fn open_shared(&self, output: &Output, shared: CompressedRistretto) -> Option<Received> {
        let shared = Zeroizing::new(shared.to_bytes());
        let exchange = Exchange {
            epk: output.epk,
            shared,
        };
        if exchange.view_tag() != output.view_tag {
            return None;
        }
        let plaintext = Plaintext::open(&exchange, output)?;
        let note = plaintext.note(self.owner(plaintext.diversifier));
        let channel = exchange.channel();
        fits(&note, output).then_some(Received { note, channel })
    }

    /// Every note of this account among outputs, with its place among them.
    pub fn scan<'a>(
        &'a self,
        outputs: impl IntoIterator<Item = &'a Output> + 'a,
    ) -> impl Iterator<Item = (usize, Received)> + 'a {
        let opened = outputs.into_iter().map(|output| self.open(output));
        opened
            .enumerate()
            .filter_map(|(place, received)| Some((place, received?)))
    }
}

impl OutgoingViewingKey {
    /// The note of an output and whom it was paid to, if this account paid it.
    pub fn open(&self, output: &Output) -> Option<Sent> {
        let key = outgoing_key(self, &output.commitment, &output.epk);
        let text = Zeroizing::new(aead::open(&key, &output.outgoing)?);
        let [owner, point, rseed] = [0, 32, 64].map(|at| {
            let mut part = Zeroizing::new([0; 32]);
            part.copy_from_slice(&text[at..at + 32]);
            part
        });
        let esk = ephemeral_key(&rseed, &owner);
        let shared = esk * CompressedRistretto(*point).decompress()?;
        let exchange = Exchange {
            epk: output.epk,
            shared: Zeroizing::new(shared.compress().to_bytes()),
        };
        let plaintext = Plaintext::open(&exchange, output)?;
        let address = Address::from_parts(self.network(), plaintext.diversifier, &owner, &point);
        let address = address.ok()?;
        let note = plaintext.note(address.owner());
        let channel = exchange.channel();
        (plaintext.rseed == rseed && fits(&note, output)).then_some(Sent {
            note,
            address,
            channel,
        })
    }

    /// Every note that this account paid among outputs, with its place among them.
    pub fn scan<'a>(
        &'a self,
        outputs: impl IntoIterator<Item = &'a Output> + 'a,
    ) -> impl Iterator<Item = (usize, Sent)> + 'a {
        let opened = outputs.into_iter().map(|output| self.open(output));
        opened
            .enumerate()
            .filter_map(|(place, sent)| Some((place, sent?)))
    }
}

/// Whether a note is the one that its output commits to, and the key exchange followed from it.
fn fits(note: &Note, output: &Output) -> bool {
    let owner = field::encode(&note.owner());
    let esk = ephemeral_key(note.rseed(), &owner);
    let epk = (esk * note.diversifier().base()).compress();
    epk.to_bytes() == output.epk && note.commitment() == output.commitment
}

fn ephemeral_key(rseed: &[u8; 32], owner: &[u8; 32]) -> Scalar {
    derive::scalar("ephemeral key", &[rseed, owner])
}

fn outgoing_key(key: &OutgoingViewingKey, cm: &F, epk: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    derive::key("outgoing", &[key.bytes(), &field::encode(cm), epk])
}

/// What payer and payee of one output share.
struct Exchange {
    epk: [u8; 32],
    shared: Zeroizing<[u8; 32]>,
}

impl Exchange {
    fn of_payer(note: &Note, point: &RistrettoPoint) -> Self {
        let esk = Zeroizing::new(ephemeral_key(note.rseed(), &field::encode(&note.owner())));
        Self {
            epk: (*esk * note.diversifier().base()).compress().to_bytes(),
            shared: Zeroizing::new((*esk * point).compress().to_bytes()),
        }
    }

    fn note_key(&self, cm: &F) -> Zeroizing<[u8; 32]> {
        derive::key("note", &[&*self.shared, &self.epk, &field::encode(cm)])
    }

    fn view_tag(&self) -> [u8; 2] {
        let hash = derive::key("view tag", &[&*self.shared, &self.epk]);
        [hash[0], hash[1]]
    }

    fn channel(&self) -> Channel {
        Channel::opened(&self.shared)
    }
}

/// What the payee decrypts.
struct Plaintext {
    asset: u32,
    value: u128,
    diversifier: Diversifier,
    rseed: Zeroizing<[u8; 32]>,
}

impl Plaintext {
    fn open(exchange: &Exchange, output: &Output) -> Option<Self> {
        let key = exchange.note_key(&output.commitment);
        let text = Zeroizing::new(aead::open(&key, &output.note)?);
        let (version, rest) = text[..NOTE_BYTES - aead::TAG].split_first()?;
        let (asset, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let (diversifier, rest) = rest.split_first_chunk()?;
        (*version == VERSION).then_some(Self {
            asset: u32::from_be_bytes(*asset),
            value: u128::from_be_bytes(*value),
            diversifier: Diversifier(*diversifier),
            rseed: Zeroizing::new(rest.try_into().ok()?),
        })
    }

    fn note(&self, owner: F) -> Note {
        Note::from_parts(self.asset, self.value, self.diversifier, owner, *self.rseed)
    }
}

fn seal_note(note: &Note, key: &[u8; 32]) -> [u8; NOTE_BYTES] {
    let (asset, value) = (note.asset().to_be_bytes(), note.value().to_be_bytes());
    let diversifier = note.diversifier();
    let parts: [&[u8]; 5] = [&[VERSION], &asset, &value, &diversifier.0, note.rseed()];
    aead::seal(key, &parts)
}

#[cfg(test)]
mod tests;
