//! A transcript that leaves out one check, for batches, which make up for it: that points are in the subgroup.

use crate::field::F;
use blake2b_simd::State;
use group::GroupEncoding;
use midnight_curves::G1Projective;
use midnight_proofs::transcript::{Hashable, Sampleable, TranscriptHash};
use std::io::{self, Read};

/// The transcript's hash, by another name: the library reads points for it as told below.
#[derive(Clone, Debug)]
pub(super) struct Unchecked(State);

/// What is hashed. A type of its own, so that the library's way to read is not taken.
pub(super) struct Encoded(Vec<u8>);

impl TranscriptHash for Unchecked {
    type Input = Encoded;
    type Output = Vec<u8>;

    fn init() -> Self {
        Self(<State as TranscriptHash>::init())
    }

    fn absorb(&mut self, input: &Encoded) {
        self.0.absorb(&input.0);
    }

    fn squeeze(&mut self) -> Vec<u8> {
        self.0.squeeze()
    }
}

impl Hashable<Unchecked> for F {
    fn to_input(&self) -> Encoded {
        Encoded(Hashable::<State>::to_input(self))
    }

    fn to_bytes(&self) -> Vec<u8> {
        Hashable::<State>::to_bytes(self)
    }

    fn read(buffer: &mut impl Read) -> io::Result<Self> {
        <Self as Hashable<State>>::read(buffer)
    }
}

impl Sampleable<Unchecked> for F {
    fn sample(output: Vec<u8>) -> Self {
        <Self as Sampleable<State>>::sample(output)
    }
}

impl Hashable<Unchecked> for G1Projective {
    fn to_input(&self) -> Encoded {
        Encoded(Hashable::<State>::to_input(self))
    }

    fn to_bytes(&self) -> Vec<u8> {
        Hashable::<State>::to_bytes(self)
    }

    /// On the curve and in its one encoding, which decompression checks; not yet known to be in the subgroup.
    fn read(buffer: &mut impl Read) -> io::Result<Self> {
        let mut encoded = <Self as GroupEncoding>::Repr::default();
        buffer.read_exact(encoded.as_mut())?;
        Option::from(Self::from_bytes_unchecked(&encoded))
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }
}
