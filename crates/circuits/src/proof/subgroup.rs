//! Whether points are in the subgroup of prime order, many at a time.
//!
//! Points are thrown into buckets at random, and the sums of the buckets are checked. Let one point be outside, and everything
//! else be thrown already: at most one bucket makes all sums end inside. So a round overlooks it with a probability of at most
//! 1 in 32, and 26 rounds with 2^-130. A random linear combination would not do: the cofactor is divisible by 3.

use group::{Curve, Group};
use midnight_curves::{G1Affine, G1Projective};
use rand_08::{RngCore, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

const BUCKETS: usize = 32;
const ROUNDS: u8 = 26;
/// Below this many points it is faster to check each: a check costs as much as some 80 additions.
const MANY: usize = 1_400;

/// Whether all are inside. The seed is drawn after the points are fixed.
pub(super) fn all_inside(points: &[G1Affine], seed: &[u8; 32]) -> bool {
    if points.len() < MANY {
        return points.par_iter().all(is_inside);
    }
    (0..ROUNDS)
        .into_par_iter()
        .all(|round| round_holds(points, seed, round))
}

pub(super) fn is_inside(point: &G1Affine) -> bool {
    point.is_torsion_free().into()
}

fn round_holds(points: &[G1Affine], seed: &[u8; 32], round: u8) -> bool {
    let mut seed = *seed;
    seed[0] ^= round;
    let mut random = StdRng::from_seed(seed);
    let mut sums = [G1Projective::identity(); BUCKETS];
    // Twelve places of five bits out of each 64.
    for some in points.chunks(12) {
        let mut places = random.next_u64();
        for point in some {
            sums[places as usize % BUCKETS] += point;
            places >>= 5;
        }
    }
    let mut affine = [G1Affine::default(); BUCKETS];
    G1Projective::batch_normalize(&sums, &mut affine);
    affine.iter().all(is_inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order_3;
    use rand_08::rngs::OsRng;

    fn inside(count: usize) -> Vec<G1Affine> {
        let points = (0..count).map(|_| G1Projective::random(OsRng).to_affine());
        points.collect()
    }

    #[test]
    fn points_inside_are() {
        for count in [0, 1, 100, MANY, MANY + 7] {
            assert!(all_inside(&inside(count), &[3; 32]), "{count}");
        }
        let identity = vec![G1Affine::default(); MANY];
        assert!(all_inside(&identity, &[3; 32]));
        let equal = vec![inside(1)[0]; MANY];
        assert!(all_inside(&equal, &[3; 32]));
    }

    /// Also where they cancel, which a plain sum would not see.
    #[test]
    fn points_outside_are_found() {
        let bad = order_3().to_affine();
        assert!(!is_inside(&bad));
        for count in [10, MANY + 10] {
            for wrong in [vec![bad], vec![bad, -bad], vec![bad; 3], vec![bad; 9]] {
                let mut points = inside(count);
                let end = points.len() - 1;
                for (n, point) in wrong.iter().enumerate() {
                    let moved = G1Projective::from(points[end - n]) + point;
                    points[end - n] = moved.to_affine();
                }
                assert!(!all_inside(&points, &[4; 32]), "{} of {count}", wrong.len());
            }
        }
        assert!(!all_inside(&vec![bad; MANY], &[4; 32]));
    }
}
