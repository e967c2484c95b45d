//! The reference string: powers of a secret number from Ethereum's KZG ceremony (payments.md, 10.3).

use crate::field::F;
use ff::Field;
use group::{Curve, Group, GroupEncoding};
use midnight_curves::pairing::Engine;
use midnight_curves::{Bls12, G1Projective, G2Projective};
use midnight_proofs::poly::kzg::params::{ParamsKZG, ParamsVerifierKZG};
use midnight_proofs::utils::SerdeFormat;
use rand_08::rngs::OsRng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// SHA-256 of the published powers.
pub const PARAMETERS_HASH: [u8; 32] = [
    0xf7, 0x93, 0x3d, 0xc8, 0xfb, 0x20, 0x9c, 0xfc, 0xf6, 0xb3, 0x0f, 0xd5, 0x93, 0x08, 0xab, 0xcd,
    0x85, 0x41, 0x41, 0x0e, 0xee, 0xf8, 0xcd, 0xd3, 0x87, 0x44, 0x8c, 0x50, 0x84, 0x7c, 0xbe, 0xfd,
];

/// The powers as the crate `c-kzg` ships them: 4,096 in G1, then two in G2, compressed.
static PUBLISHED: &[u8] = include_bytes!("../parameters/ethereum-kzg.bin");

const G1_BYTES: usize = 48;
const G2_BYTES: usize = 96;
const G1_POWERS: usize = 4_096;

/// Why bytes are not the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// Other bytes than the published ones.
    #[error("the parameters are not those of the ceremony: their hash is another one")]
    Hash,
    /// Too few or too many.
    #[error("the parameters have {0} bytes")]
    Length(usize),
    /// Not on the curve, not in the subgroup, or not its one encoding.
    #[error("the parameters have something that is no point")]
    Point,
    /// The points are not successive powers of one number.
    #[error("the parameters are not powers of one number")]
    Structure,
}

/// The reference string that proofs are made with, as many powers as a circuit has rows.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The powers in G1, which the library keeps to itself.
    powers: Vec<G1Projective>,
    library: ParamsKZG<Bls12>,
}

impl Parameters {
    /// Those of the ceremony, for circuits of `2^rows_log2` rows, which is at most 12.
    pub fn ethereum(rows_log2: u32) -> Result<Self, ParametersError> {
        Self::pinned(PUBLISHED, rows_log2)
    }

    /// The same from bytes, which must be those of the ceremony.
    fn pinned(bytes: &[u8], rows_log2: u32) -> Result<Self, ParametersError> {
        check_hash(bytes)?;
        let powers = Powers::decode(bytes, 1 << rows_log2)?;
        let [one, secret] = powers.g2;
        Ok(Self {
            library: ParamsKZG::from_parts(rows_log2, powers.g1.clone(), None, one, secret),
            powers: powers.g1,
        })
    }

    /// The powers in G1, and all of it as the library has it.
    pub(crate) fn into_parts(self) -> (Vec<G1Projective>, ParamsKZG<Bls12>) {
        (self.powers, self.library)
    }

    pub(crate) const fn inner(&self) -> &ParamsKZG<Bls12> {
        &self.library
    }
}

/// What a verifier needs of them: the secret in G2. The library takes the generator for the power before.
pub(crate) fn for_verifier() -> Result<ParamsVerifierKZG<Bls12>, ParametersError> {
    check_hash(PUBLISHED)?;
    let mut secret = &PUBLISHED[PUBLISHED.len() - G2_BYTES..];
    ParamsVerifierKZG::read(&mut secret, SerdeFormat::Processed).map_err(|_| ParametersError::Point)
}

fn check_hash(bytes: &[u8]) -> Result<(), ParametersError> {
    if <[u8; 32]>::from(Sha256::digest(bytes)) == PARAMETERS_HASH {
        Ok(())
    } else {
        Err(ParametersError::Hash)
    }
}

/// Points in their subgroups.
#[derive(Clone)]
struct Powers {
    g1: Vec<G1Projective>,
    g2: [G2Projective; 2],
}

impl Powers {
    /// The first powers in G1 and both in G2.
    fn decode(bytes: &[u8], count: usize) -> Result<Self, ParametersError> {
        let wrong = ParametersError::Length(bytes.len());
        let (g1, g2) = bytes.split_at_checked(G1_POWERS * G1_BYTES).ok_or(wrong)?;
        if g2.len() != 2 * G2_BYTES || count > G1_POWERS {
            return Err(wrong);
        }
        let (one, secret) = g2.split_at(G2_BYTES);
        let g1 = g1[..count * G1_BYTES]
            .par_chunks(G1_BYTES)
            .map(point)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            g1,
            g2: [point(one)?, point(secret)?],
        })
    }

    /// Whether the first are the generators and each is the one before times the secret of G2. A random sum of the powers
    /// stands for all of them.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the hash says that it was checked")
    )]
    fn check(&self) -> Result<(), ParametersError> {
        let generators =
            self.g1[0] == G1Projective::generator() && self.g2[0] == G2Projective::generator();
        let (mut before, mut after) = (G1Projective::identity(), G1Projective::identity());
        for pair in self.g1.windows(2) {
            let weight = F::random(OsRng);
            before += pair[0] * weight;
            after += pair[1] * weight;
        }
        let [one, secret] = self.g2.map(|point| point.to_affine());
        let equal = Bls12::pairing(&after.to_affine(), &one)
            == Bls12::pairing(&before.to_affine(), &secret);
        if generators && equal {
            Ok(())
        } else {
            Err(ParametersError::Structure)
        }
    }
}

/// A compressed point; the library checks curve and subgroup.
pub(crate) fn point<G: GroupEncoding>(bytes: &[u8]) -> Result<G, ParametersError> {
    let mut encoded = G::Repr::default();
    encoded.as_mut().copy_from_slice(bytes);
    Option::from(G::from_bytes(&encoded)).ok_or(ParametersError::Point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::PrimeField;

    fn all() -> Powers {
        Powers::decode(PUBLISHED, G1_POWERS).unwrap()
    }

    #[test]
    fn the_published_powers_have_the_structure() {
        assert_eq!(all().check(), Ok(()));
    }

    #[test]
    fn other_powers_do_not() {
        let honest = all();
        let mut changed = honest.clone();
        changed.g1[4_095] += G1Projective::generator();
        assert_eq!(changed.check(), Err(ParametersError::Structure));
        let mut swapped = honest.clone();
        swapped.g1.swap(7, 8);
        assert_eq!(swapped.check(), Err(ParametersError::Structure));
        let mut scaled = honest.clone();
        scaled
            .g1
            .iter_mut()
            .for_each(|power| *power = power.double());
        assert_eq!(
            scaled.check(),
            Err(ParametersError::Structure),
            "the first is no generator"
        );
        let mut other = honest;
        other.g2[1] = other.g2[1].double();
        assert_eq!(other.check(), Err(ParametersError::Structure));
    }

    #[test]
    fn a_verifier_has_the_same_secret() {
        let verifier = for_verifier().unwrap();
        assert_eq!(verifier.s_g2(), all().g2[1]);
    }

    #[test]
    fn other_bytes_are_refused() {
        let refused = |bytes: &[u8]| Parameters::pinned(bytes, 11).unwrap_err();
        let mut changed = PUBLISHED.to_vec();
        changed[60] ^= 1;
        assert_eq!(refused(&changed), ParametersError::Hash);
        assert_eq!(refused(&PUBLISHED[1..]), ParametersError::Hash);
        assert_eq!(refused(&[]), ParametersError::Hash);
    }

    #[test]
    fn only_points_of_the_subgroup_are_decoded() {
        let decoded = |bytes: &[u8]| Powers::decode(bytes, 2).err();
        assert_eq!(
            decoded(&PUBLISHED[1..]),
            Some(ParametersError::Length(PUBLISHED.len() - 1))
        );
        // (0, 2) is on the curve and has order 3.
        let mut outside = PUBLISHED.to_vec();
        outside[..G1_BYTES].fill(0);
        outside[0] = 0x80;
        assert_eq!(decoded(&outside), Some(ParametersError::Point));
    }

    /// That these are the ceremony's powers and not others of the same structure: the published crate commits to a random
    /// polynomial, given by its values, as the powers do, given its coefficients.
    #[test]
    fn the_published_crate_commits_as_these_powers_do() {
        let coefficients: Vec<F> = (0..G1_POWERS).map(|_| F::random(OsRng)).collect();
        let root = F::ROOT_OF_UNITY.pow_vartime([1 << (F::S - 12)]);
        let mut values = coefficients.clone();
        midnight_curves::fft::best_fft(&mut values, root, 12);
        let blob: Vec<u8> = (0..G1_POWERS)
            .flat_map(|n| values[n.reverse_bits() >> (usize::BITS - 12)].to_bytes_be())
            .collect();

        let settings = c_kzg::ethereum_kzg_settings(0);
        let blob = c_kzg::Blob::from_bytes(&blob).unwrap();
        let theirs = settings.blob_to_kzg_commitment(&blob).unwrap();
        let ours: G1Projective = all()
            .g1
            .iter()
            .zip(&coefficients)
            .map(|(power, c)| *power * c)
            .sum();
        assert_eq!(ours.to_affine().to_bytes().as_ref(), theirs.as_slice());
    }
}
