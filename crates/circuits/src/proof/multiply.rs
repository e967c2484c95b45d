//! Sums of points times factors.

use super::buckets::{self, Point, Sum};
use crate::field::F;
use group::{Curve, Group};
use midnight_curves::{G1Affine, G1Projective};
use midnight_proofs::poly::kzg::msm::msm_specific;
use rayon::prelude::*;

/// Bits of a factor.
const FACTOR_BITS: u32 = 255;
/// Below this many points the library's multiplication is as fast.
const FEW: usize = 256;

/// Digits of factors to the base `2^bits`, signed so that half as many buckets are needed.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    bits: u32,
}

impl Digits {
    pub(super) const fn new(bits: u32) -> Self {
        Self { bits }
    }

    pub(super) const fn bits(self) -> u32 {
        self.bits
    }

    /// Digits of each factor. The highest has room for the carry of the one before.
    pub(super) const fn count(self) -> usize {
        (FACTOR_BITS / self.bits + 1) as usize
    }

    /// The size of the largest digit, which is the number of buckets.
    pub(super) const fn largest(self) -> usize {
        1 << (self.bits - 1)
    }

    /// The digits of a factor, lowest first, each from minus to plus [`largest`](Self::largest).
    pub(super) fn of(self, factor: &F) -> impl Iterator<Item = i32> {
        let mut bytes = [0; 40];
        bytes[..32].copy_from_slice(&factor.to_bytes_le());
        let mut carry = 0;
        (0..self.count() as u32).map(move |digit| {
            let bit = digit * self.bits;
            let mut window = [0; 8];
            window.copy_from_slice(&bytes[bit as usize / 8..][..8]);
            let raw = (u64::from_le_bytes(window) >> (bit % 8)) & ((1 << self.bits) - 1);
            let mut value = raw as i32 + carry;
            carry = i32::from(value > self.largest() as i32);
            value -= carry << self.bits;
            value
        })
    }
}

/// The bucket of a digit, and its sign; nothing for zero.
pub(super) fn throw(digit: i32) -> Option<(u32, bool)> {
    (digit != 0).then(|| (digit.unsigned_abs() - 1, digit < 0))
}

/// The first bucket once, the second twice, and so on. There are as many as a power of two.
///
/// The buckets stand in a square, whose rows and columns are summed by their affine coordinates. A bucket counts a row's length
/// for each row before its own, and once for its column and each before it: so few sums are left to be weighted.
pub(super) fn weighted(sums: &[Sum]) -> G1Projective {
    let bits = sums.len().ilog2() / 2;
    let rows = lines(sums, |place| place >> bits);
    let columns = lines(sums, |place| place & ((1 << bits) - 1));
    let mut total = ramp(&rows[1..]);
    for _ in 0..bits {
        total = total.double();
    }
    total + ramp(&columns)
}

/// The sums of the buckets on each line, given the line of a bucket. The last bucket is on the last line.
fn lines(sums: &[Sum], line: impl Fn(usize) -> usize) -> Vec<Sum> {
    let filled = sums.iter().enumerate();
    let filled = filled.filter_map(|(place, sum)| Some((line(place) as u32, sum.point?)));
    let (thrown, points): (Vec<_>, Vec<_>) = (0..)
        .zip(filled)
        .map(|(name, (line, point))| ((line, name), point))
        .unzip();
    let count = line(sums.len() - 1) + 1;
    let mut lines = buckets::sums(count, &thrown, |name| points[name as usize]);
    for (place, sum) in sums.iter().enumerate() {
        // Equal points have met in few of them.
        if !bool::from(sum.rest.is_identity()) {
            lines[line(place)].rest += sum.rest;
        }
    }
    lines
}

/// The first sum once, the second twice, and so on, one by one.
fn ramp(sums: &[Sum]) -> G1Projective {
    let mut running = G1Projective::identity();
    let mut total = G1Projective::identity();
    for sum in sums.iter().rev() {
        sum.add_to(&mut running);
        total += running;
    }
    total
}

/// The sum of the points times their factors.
pub(super) fn multiply(factors: &[F], points: &[G1Projective]) -> G1Projective {
    if points.len() < FEW {
        return msm_specific::<G1Affine>(factors, points);
    }
    let mut affine = vec![G1Affine::default(); points.len()];
    G1Projective::batch_normalize(points, &mut affine);
    let (points, factors): (Vec<Point>, Vec<F>) = affine
        .iter()
        .zip(factors)
        .filter_map(|(point, factor)| Some((Point::new(point)?, *factor)))
        .unzip();
    let digits = Digits::new(points.len().max(FEW).ilog2() - 2);
    let digits_of: Vec<Vec<i32>> = factors.iter().map(|f| digits.of(f).collect()).collect();
    let windows: Vec<G1Projective> = (0..digits.count())
        .into_par_iter()
        .map(|window| {
            let thrown: Vec<(u32, u32)> = (0..)
                .zip(&digits_of)
                .filter_map(|(place, digits)| {
                    let (bucket, negative) = throw(digits[window])?;
                    Some((bucket, place << 1 | u32::from(negative)))
                })
                .collect();
            weighted(&buckets::sums(digits.largest(), &thrown, |name| {
                points[name as usize >> 1].signed(name & 1 == 1)
            }))
        })
        .collect();
    let rest = windows.iter().rev();
    rest.fold(G1Projective::identity(), |mut total, window| {
        for _ in 0..digits.bits {
            total = total.double();
        }
        total + window
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;
    use rand_08::rngs::OsRng;

    /// However many buckets are empty, and where equal points met.
    #[test]
    fn buckets_count_by_their_place() {
        for bits in 3..=9 {
            for filled in [0, 1, 5, 1 << bits] {
                let mut sums: Vec<Sum> = (0..1 << bits)
                    .map(|place| Sum {
                        point: (place < filled)
                            .then(|| Point::new(&G1Projective::random(OsRng).to_affine()))
                            .flatten(),
                        rest: G1Projective::identity(),
                    })
                    .collect();
                sums[3].rest = G1Projective::generator();
                sums[7].rest = G1Projective::random(OsRng);
                assert_eq!(weighted(&sums), ramp(&sums), "{filled} of {bits} bits");
            }
        }
    }

    /// The number that digits stand for.
    fn value(digits: Digits, factor: &F) -> F {
        let all: Vec<i32> = digits.of(factor).collect();
        all.iter().rev().fold(F::ZERO, |value, digit| {
            let size = F::from(u64::from(digit.unsigned_abs()));
            let sum = value * F::from(1 << digits.bits);
            if *digit < 0 { sum - size } else { sum + size }
        })
    }

    #[test]
    fn digits_stand_for_their_factor() {
        let mut factors = vec![F::ZERO, F::ONE, -F::ONE, F::from(u64::MAX)];
        factors.extend((0..100).map(|_| F::random(OsRng)));
        for bits in 4..=16 {
            let digits = Digits::new(bits);
            for factor in &factors {
                assert_eq!(value(digits, factor), *factor, "{bits} bits");
                assert_eq!(digits.of(factor).count(), digits.count());
                let largest = digits.largest() as u32;
                assert!(digits.of(factor).all(|d| d.unsigned_abs() <= largest));
            }
        }
    }

    #[test]
    fn products_are_the_library_s() {
        for count in [0, 1, 3, FEW - 1, FEW, 1_000] {
            let mut points: Vec<_> = (0..count).map(|_| G1Projective::random(OsRng)).collect();
            let mut factors: Vec<_> = (0..count).map(|_| F::random(OsRng)).collect();
            if count > 100 {
                // Equal points, opposite points, the identity; factors that are small, opposite or zero.
                points[1] = points[0];
                points[2] = -points[0];
                points[3] = G1Projective::identity();
                factors[1] = factors[0];
                factors[2] = factors[0];
                factors[5] = F::ZERO;
                factors[6] = -F::ONE;
                for n in 10..90 {
                    (points[n], factors[n]) = (points[7], factors[7]);
                }
            }
            let expected: G1Projective = points.iter().zip(&factors).map(|(p, f)| *p * f).sum();
            assert_eq!(multiply(&factors, &points), expected, "{count}");
        }
    }
}
