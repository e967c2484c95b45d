//! Whether points are in the subgroup of prime order, many at a time.
//!
//! Points are thrown into buckets at random, and the sums of the buckets are checked. Let one point be outside, and everything
//! else be thrown already: at most one bucket makes all sums end inside. So a round overlooks it with a probability of at most
//! 1 in 16, and 20 rounds with 2^-80. A random linear combination would not do: the cofactor is divisible by 3.
//!
//! That is enough, because nobody can try in secret (a node draws its own places after it has the proofs) and because nothing
//! false could be proven by it: a pairing does not see what a point has outside of the subgroup. The check keeps a second
//! encoding of a proof from being valid.

use super::buckets::{self, Point, Sum};
use group::Curve;
use midnight_curves::{G1Affine, G1Projective};
use rand_08::{RngCore, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

const BUCKETS: usize = 16;
const ROUNDS: u8 = 20;
/// Below this many points it is faster to check each: a check costs as much as some 110 additions here.
const MANY: usize = 500;

/// Whether all are inside. The seed is drawn after the points are fixed.
pub(super) fn all_inside(points: &[G1Affine], seed: &[u8; 32]) -> bool {
    if points.len() < MANY {
        return points.par_iter().all(is_inside);
    }
    // The identity is inside.
    let points: Vec<Point> = points.iter().filter_map(Point::new).collect();
    (0..ROUNDS)
        .into_par_iter()
        .all(|round| round_holds(&points, seed, round))
}

pub(super) fn is_inside(point: &G1Affine) -> bool {
    point.is_torsion_free().into()
}

fn round_holds(points: &[Point], seed: &[u8; 32], round: u8) -> bool {
    let mut seed = *seed;
    seed[0] ^= round;
    let mut random = StdRng::from_seed(seed);
    // A byte for each point, of which the lowest bits are its bucket.
    let mut places = vec![0; points.len()];
    random.fill_bytes(&mut places);
    let thrown: Vec<(u32, u32)> = places
        .iter()
        .zip(0..)
        .map(|(place, name)| (u32::from(*place) % BUCKETS as u32, name))
        .collect();
    let sums = buckets::sums(BUCKETS, &thrown, |name| points[name as usize]);
    let sums: Vec<_> = sums.iter().map(Sum::total).collect();
    let mut affine = [G1Affine::default(); BUCKETS];
    G1Projective::batch_normalize(&sums, &mut affine);
    affine.iter().all(is_inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order_3;
    use group::Group;
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
