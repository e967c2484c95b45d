//! What a page asks: an address, a payment, whether a payment is right.

use crate::random::Random;
use crate::read::Reader;
use alloy_primitives::{B256, U256};
use std::array;
use std::num::NonZeroU128;
use std::sync::OnceLock;
use trellis_circuits::field::F;
use trellis_circuits::{
    INPUTS, Input, Invalid, KeyError, OUTPUTS, ProveError, Prover, Verifier, Witness,
};
use trellis_shielded::tree::Path;
use trellis_shielded::{
    Address, CALL_MAX, Chain, ContactTag, Crossing, FullViewingKey, Memo, MemoError, Network, Note,
    OUTPUT_BYTES, Output, Phrase, PhraseError, ProvenTransfer, SealError, SpendingKey,
    TRANSFER_CIRCUIT, TextError, Transfer, TransferError,
};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Too short, too long, or something in it is no number or text of its kind.
    #[error("the question is not encoded as it should be")]
    Question,
    /// The phrase is none.
    #[error("the phrase is none: {0}")]
    Phrase(#[from] PhraseError),
    /// The address is none of this network.
    #[error("the address is none: {0}")]
    Address(#[from] TextError),
    /// An output to spend is none.
    #[error("an output is none: {0}")]
    Transfer(#[from] TransferError),
    /// An output to spend was paid to somebody else.
    #[error("output {0} does not belong to this account")]
    NotOwn(usize),
    /// More than two notes to spend, or more than three to make, or of two assets beside native coin.
    #[error(
        "that is no transfer: it spends up to 2 notes and makes up to 3, of one asset and native coin"
    )]
    Shape,
    /// A note is not encrypted to this address.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The memo is too long.
    #[error(transparent)]
    Memo(#[from] MemoError),
    /// Not the proving key of this build.
    #[error("this is not the proving key of this version")]
    Key,
    /// This build is broken.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The amounts do not add up, or a path does not lead to the anchor.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The proof is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// `uint64 network ‖ uint32 account ‖ uint64 number ‖ phrase`, a text being `uint16 length ‖ UTF-8`.
pub fn address(question: &[u8]) -> Result<String, Refused> {
    let mut question = Reader(question);
    let (network, account) = (Network(question.u64()?), question.u32()?);
    let number = question.u64()?;
    let phrase = Phrase::parse(question.text()?)?;
    question.end()?;
    let keys = SpendingKey::derive(&phrase, "", network, account).full_viewing();
    Ok(keys.incoming().address(number).to_string())
}

/// `randomness (32) ‖ uint64 network ‖ uint32 account ‖ phrase ‖ chain ‖ uint64 expiry ‖ uint128 fee ‖ anchor (32)
/// ‖ uint8 count ‖ inputs ‖ uint8 count ‖ outputs ‖ memo ‖ crossing`, where
/// - a chain is `uint256 chain id ‖ uint32 module ‖ genesis (32)`,
/// - an input is an output of the chain that was paid to this account, and its path: `output (274) ‖ uint32 position ‖ siblings (32 × 32)`,
/// - an output is `uint32 asset ‖ uint128 value ‖ address`,
/// - a memo is for the first output; an empty one is none,
/// - a crossing is nothing, or what leaves the pool: `uint32 asset ‖ uint128 value ‖ account (20) ‖ uint64 gas ‖ call`, a call being
///   `uint16 length ‖ bytes`; the account is called if it is not empty.
///
/// Answers the transfer as it travels. What is missing is filled with dummies.
pub fn pay(question: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut question = Reader(question);
    let mut random = Random::new(&question.array()?);
    let (network, account) = (Network(question.u64()?), question.u32()?);
    let phrase = Phrase::parse(question.text()?)?;
    let key = SpendingKey::derive(&phrase, "", network, account);
    let keys = key.full_viewing();
    let chain = read_chain(&mut question)?;
    let (expiry, fee, anchor) = (question.u64()?, question.u128()?, question.element()?);
    let spent = read_inputs(&mut question, &keys, &mut random)?;
    let made = read_outputs(&mut question, network, &mut random)?;
    let memo = question.text()?;
    let crossing = read_crossing(&mut question)?;
    question.end()?;

    let spends = spent.iter().map(|(note, _)| note.asset());
    let makes = made.iter().map(|(_, note)| note.asset());
    let leaves = match &crossing {
        Crossing::Out { asset, .. } => Some(*asset),
        Crossing::None => None,
    };
    let asset = common_asset(spends.chain(makes).chain(leaves))?;
    let (outputs, openings) = seal(&made, &keys, &mut random)?;
    let memo = match made.first() {
        Some((_, note)) if !memo.is_empty() => Memo::seal(memo, note)?,
        _ => Memo::none(&mut random),
    };
    let transfer = Transfer {
        circuit: TRANSFER_CIRCUIT,
        expiry,
        anchor,
        nullifiers: array::from_fn(|n| spent[n].0.nullifier(&keys, spent[n].1.position)),
        fee,
        crossing,
        outputs,
        memo,
    };
    let inputs: [Input; INPUTS] = array::from_fn(|n| spent[n].0.input(&spent[n].1));
    let witness = Witness::new(key.prover_key(), asset, inputs, openings);
    let proof = prover()?.prove_with(&transfer.instance(&chain), witness, random)?;
    Ok(ProvenTransfer { transfer, proof }.encode())
}

/// `chain ‖ transfer`: whether the proof shows that the transfer is right there. Whether its notes are spent already, the chain
/// knows.
pub fn verify(question: &[u8]) -> Result<(), Refused> {
    let mut question = Reader(question);
    let chain = read_chain(&mut question)?;
    let ProvenTransfer { transfer, proof } = ProvenTransfer::decode(question.0)?;
    verifier()?.verify(&transfer.instance(&chain), &proof)?;
    Ok(())
}

fn read_chain(question: &mut Reader<'_>) -> Result<Chain, Refused> {
    Ok(Chain {
        chain_id: U256::from_be_bytes(question.array::<32>()?),
        module: question.u32()?,
        genesis: B256::from(question.array()?),
    })
}

/// Notes to spend with their paths, and dummies up to the number that a transfer spends.
fn read_inputs(
    question: &mut Reader<'_>,
    keys: &FullViewingKey,
    random: &mut Random,
) -> Result<Vec<(Note, Path)>, Refused> {
    let count = usize::from(question.u8()?);
    if count > INPUTS {
        return Err(Refused::Shape);
    }
    let mut inputs = Vec::with_capacity(INPUTS);
    for n in 0..count {
        let output = Output::decode(&question.array::<OUTPUT_BYTES>()?)?;
        let received = keys.incoming().open(&output).ok_or(Refused::NotOwn(n))?;
        let mut path = Path::none();
        path.position = question.u32()?;
        for sibling in &mut path.siblings {
            *sibling = question.element()?;
        }
        inputs.push((received.note, path));
    }
    inputs.resize_with(INPUTS, || (Note::dummy(keys, random), Path::none()));
    Ok(inputs)
}

fn read_outputs(
    question: &mut Reader<'_>,
    network: Network,
    random: &mut Random,
) -> Result<Vec<(Address, Note)>, Refused> {
    let count = usize::from(question.u8()?);
    if count > OUTPUTS {
        return Err(Refused::Shape);
    }
    (0..count)
        .map(|_| {
            let (asset, value) = (question.u32()?, question.u128()?);
            let address = Address::parse(network, question.text()?)?;
            let note = Note::new(&address, asset, value, random);
            Ok((address, note))
        })
        .collect()
}

fn read_crossing(question: &mut Reader<'_>) -> Result<Crossing, Refused> {
    if question.0.is_empty() {
        return Ok(Crossing::None);
    }
    let (asset, value) = (question.u32()?, question.u128()?);
    let (recipient, gas) = (question.array::<20>()?.into(), question.u64()?);
    let length = question.u16()?;
    let call = question.bytes(length.into())?.to_vec().into();
    if usize::from(length) > CALL_MAX {
        return Err(Refused::Question);
    }
    Ok(Crossing::Out {
        asset,
        value: NonZeroU128::new(value).ok_or(Refused::Shape)?,
        recipient,
        gas,
        call,
    })
}

/// The asset that moves beside native coin, or native coin.
fn common_asset(assets: impl Iterator<Item = u32>) -> Result<u32, Refused> {
    let mut common = 0;
    for asset in assets.filter(|asset| *asset != 0) {
        if common != 0 && common != asset {
            return Err(Refused::Shape);
        }
        common = asset;
    }
    Ok(common)
}

/// Outputs as they travel, and as the proof knows them.
type Sealed = ([Output; OUTPUTS], [trellis_circuits::Output; OUTPUTS]);

fn seal(
    made: &[(Address, Note)],
    keys: &FullViewingKey,
    random: &mut Random,
) -> Result<Sealed, Refused> {
    let mut sealed = Vec::with_capacity(OUTPUTS);
    for (address, note) in made {
        let tag = ContactTag::random(random);
        let (output, _) = Output::seal(note, address, Some(keys.outgoing()), tag, random)?;
        sealed.push((output, note.output()));
    }
    sealed.resize_with(OUTPUTS, || dummy(random));
    let (outputs, openings): (Vec<_>, Vec<_>) = sealed.into_iter().unzip();
    let shape = (outputs.try_into(), openings.try_into());
    let (Ok(outputs), Ok(openings)) = shape else {
        return Err(Refused::Shape);
    };
    Ok((outputs, openings))
}

fn dummy(random: &mut Random) -> (Output, trellis_circuits::Output) {
    let (output, inner): (Output, F) = Output::dummy(random);
    (output, trellis_circuits::Output::dummy(inner))
}

static PROVER: OnceLock<Result<Prover, KeyError>> = OnceLock::new();

/// Nothing. The answer is the proving key, for [`use_key`] the next time that the module is loaded. Deriving it takes as long as some
/// payments.
pub fn key(question: &[u8]) -> Result<Vec<u8>, Refused> {
    Reader(question).end()?;
    Ok(prover()?.to_bytes())
}

/// What [`key`] answered. Other bytes than this build derives are refused: whoever keeps them need not be trusted.
pub fn use_key(question: &[u8]) -> Result<(), Refused> {
    let prover = Prover::from_bytes(question).ok_or(Refused::Key)?;
    // Where there is a key already it is the same.
    PROVER.set(Ok(prover)).ok();
    Ok(())
}

/// Derived when it is first needed.
fn prover() -> Result<&'static Prover, KeyError> {
    PROVER
        .get_or_init(Prover::new)
        .as_ref()
        .map_err(|error| *error)
}

fn verifier() -> Result<&'static Verifier, KeyError> {
    static VERIFIER: OnceLock<Result<Verifier, KeyError>> = OnceLock::new();
    VERIFIER
        .get_or_init(Verifier::new)
        .as_ref()
        .map_err(|error| *error)
}

#[cfg(test)]
mod tests;
