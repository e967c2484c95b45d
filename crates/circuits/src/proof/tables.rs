//! Commitments to polynomials, from tables: the points of a commitment are always the same, so each of them is kept times
//! the power of two of every digit. All digits of all factors then share one set of buckets, and nothing is doubled.

use super::buckets::{self, Point};
use super::multiply::{Digits, throw, weighted};
use crate::field::F;
use crate::parameters::Parameters;
use group::{Curve, Group};
use midnight_curves::serde::SerdeObject;
use midnight_curves::{Bls12, Fp, G1Affine, G1Projective};
use midnight_proofs::poly::commitment::{Guard, Params, PolynomialCommitmentScheme};
use midnight_proofs::poly::kzg::KZGCommitmentScheme;
use midnight_proofs::poly::kzg::params::{ParamsKZG, ParamsVerifierKZG};
use midnight_proofs::poly::{Coeff, Error, LagrangeCoeff, Polynomial, ProverQuery, VerifierQuery};
use midnight_proofs::transcript::{Hashable, Sampleable, Transcript};
use midnight_proofs::utils::SerdeFormat;
use rayon::prelude::*;
use std::hash::Hash;
use std::io::{self, Read, Write};

/// Wide enough that there are few, narrow enough that filling the buckets outweighs summing them.
const DIGITS: Digits = Digits::new(12);
/// Below this many factors it does not pay to divide them among threads.
const FEW: usize = 512;

/// Points times powers of two.
#[derive(Clone, Debug)]
struct Table {
    /// `DIGITS.count()` of each point in turn.
    multiples: Vec<Point>,
}

impl Table {
    fn new(points: &[G1Projective]) -> Self {
        let multiples = points.par_iter().flat_map_iter(|point| {
            let mut multiple = *point;
            let powers = (0..DIGITS.count()).map(move |_| {
                let power = multiple;
                for _ in 0..DIGITS.bits() {
                    multiple = multiple.double();
                }
                power
            });
            let powers: Vec<_> = powers.collect();
            let mut affine = vec![G1Affine::default(); powers.len()];
            G1Projective::batch_normalize(&powers, &mut affine);
            // None is the identity: the points have a large prime order.
            affine
                .into_iter()
                .map(|point| Point::new(&point).unwrap_or_default())
        });
        Self {
            multiples: multiples.collect(),
        }
    }

    /// The sum of the points times the factors, of which there may be fewer.
    fn sum(&self, factors: &[F]) -> G1Projective {
        let size = factors
            .len()
            .div_ceil(rayon::current_num_threads())
            .max(FEW);
        let points = self.multiples.par_chunks(size * DIGITS.count());
        factors
            .par_chunks(size)
            .zip(points)
            .map(|(factors, multiples)| part(factors, multiples))
            .reduce(G1Projective::identity, |one, other| one + other)
    }

    fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        for point in &self.multiples {
            point.x.write_raw(writer)?;
            point.y.write_raw(writer)?;
        }
        Ok(())
    }

    /// Of `points` points. What is read is not checked.
    fn read(points: usize, reader: &mut impl Read) -> io::Result<Self> {
        let mut multiples = Vec::with_capacity(points * DIGITS.count());
        for _ in 0..points * DIGITS.count() {
            let x = Fp::read_raw(reader)?;
            let y = Fp::read_raw(reader)?;
            multiples.push(Point { x, y });
        }
        Ok(Self { multiples })
    }
}

fn part(factors: &[F], multiples: &[Point]) -> G1Projective {
    let mut thrown = Vec::with_capacity(multiples.len());
    for (factor, place) in factors.iter().zip((0..).step_by(DIGITS.count())) {
        for (digit, place) in DIGITS.of(factor).zip(place..) {
            if let Some((bucket, negative)) = throw(digit) {
                thrown.push((bucket, place << 1 | u32::from(negative)));
            }
        }
    }
    let point = |name: u32| multiples[name as usize >> 1].signed(name & 1 == 1);
    weighted(&buckets::sums(DIGITS.largest(), &thrown, point))
}

/// The reference string with tables of both its forms.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    parameters: ParamsKZG<Bls12>,
    coefficients: Table,
    lagrange: Table,
}

impl Tables {
    pub(super) fn new(parameters: Parameters) -> Self {
        let (powers, parameters) = parameters.into_parts();
        Self {
            coefficients: Table::new(&powers),
            lagrange: Table::new(parameters.g_lagrange()),
            parameters,
        }
    }

    pub(super) fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        self.parameters
            .write_custom(writer, SerdeFormat::RawBytes)?;
        self.coefficients.write(writer)?;
        self.lagrange.write(writer)
    }

    /// What is read is not checked.
    pub(super) fn read(reader: &mut impl Read) -> io::Result<Self> {
        let parameters = ParamsKZG::read_custom(reader, SerdeFormat::RawBytesUnchecked)?;
        let points = parameters.g_lagrange().len();
        Ok(Self {
            coefficients: Table::read(points, reader)?,
            lagrange: Table::read(points, reader)?,
            parameters,
        })
    }
}

impl Params for Tables {
    fn max_k(&self) -> u32 {
        self.parameters.max_k()
    }

    /// The tables of as many powers as are left.
    fn downsize(&mut self, new_k: u32) {
        self.parameters.downsize(new_k);
        self.coefficients
            .multiples
            .truncate(DIGITS.count() << new_k);
        self.lagrange = Table::new(self.parameters.g_lagrange());
    }
}

type Kzg = KZGCommitmentScheme<Bls12>;

/// The library's commitment scheme with faster commitments, for provers. It makes the same proofs and checks none.
#[derive(Clone, Debug)]
pub(super) struct Tabled;

/// Nothing is checked with this scheme.
pub(super) enum Unverified {}

impl Guard<F, Tabled> for Unverified {
    fn verify(self, _: &ParamsVerifierKZG<Bls12>) -> Result<(), Error> {
        match self {}
    }
}

impl PolynomialCommitmentScheme<F> for Tabled {
    type Parameters = Tables;
    type VerifierParameters = ParamsVerifierKZG<Bls12>;
    type Commitment = G1Projective;
    type VerificationGuard = Unverified;

    /// The ceremony's.
    fn gen_params(k: u32) -> Tables {
        Tables::new(Parameters::ethereum(k).expect("the shipped parameters are the published ones"))
    }

    fn get_verifier_params(tables: &Tables) -> ParamsVerifierKZG<Bls12> {
        tables.parameters.verifier_params()
    }

    fn commit(tables: &Tables, polynomial: &Polynomial<F, Coeff>) -> G1Projective {
        tables.coefficients.sum(polynomial)
    }

    fn commit_lagrange(tables: &Tables, values: &Polynomial<F, LagrangeCoeff>) -> G1Projective {
        tables.lagrange.sum(values)
    }

    fn multi_open<T: Transcript>(
        tables: &Tables,
        queries: &[ProverQuery<'_, F>],
        transcript: &mut T,
    ) -> Result<(), Error>
    where
        F: Sampleable<T::Hash> + Hash + Ord + Hashable<T::Hash>,
        G1Projective: Hashable<T::Hash>,
    {
        Kzg::multi_open(&tables.parameters, queries, transcript)
    }

    fn multi_prepare<'com, T: Transcript>(
        _: &[VerifierQuery<'com, F, Self>],
        _: &mut T,
    ) -> Result<Unverified, Error>
    where
        F: Sampleable<T::Hash> + Hash + Ord + Hashable<T::Hash>,
        G1Projective: 'com + Hashable<T::Hash>,
    {
        Err(Error::OpeningError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;
    use rand_08::rngs::OsRng;

    /// Each form commits as the library does, whatever the values.
    #[test]
    fn commitments_are_the_library_s() {
        let tables = Tabled::gen_params(5);
        let none = vec![F::ZERO; 32];
        let mut few = none.clone();
        few[3] = F::ONE;
        few[17] = -F::ONE;
        let random: Vec<F> = (0..32).map(|_| F::random(OsRng)).collect();
        let equal = vec![random[0]; 32];
        for values in [none, few, random, equal] {
            let mut coefficients = Polynomial::<F, Coeff>::init(32);
            coefficients.copy_from_slice(&values);
            let mut lagrange = Polynomial::<F, LagrangeCoeff>::init(32);
            lagrange.copy_from_slice(&values);
            let ours = [
                Tabled::commit(&tables, &coefficients),
                Tabled::commit_lagrange(&tables, &lagrange),
            ];
            let theirs = [
                Kzg::commit(&tables.parameters, &coefficients),
                Kzg::commit_lagrange(&tables.parameters, &lagrange),
            ];
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn tables_are_read_as_written_and_cut() {
        let tables = Tabled::gen_params(5);
        let mut bytes = Vec::new();
        tables.write(&mut bytes).unwrap();
        let mut rest = &bytes[..];
        let mut read = Tables::read(&mut rest).unwrap();
        assert!(rest.is_empty());
        let mut again = Vec::new();
        read.write(&mut again).unwrap();
        assert!(again == bytes);

        read.downsize(4);
        assert_eq!(read.max_k(), 4);
        let (mut cut, mut small) = (Vec::new(), Vec::new());
        read.write(&mut cut).unwrap();
        Tabled::gen_params(4).write(&mut small).unwrap();
        assert!(cut == small);
    }
}
