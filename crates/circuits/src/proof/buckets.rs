//! Sums of many points, bucket by bucket: what multiplications and the check of subgroups are made of.
//!
//! Two points are added by their affine coordinates, which needs one inversion and three multiplications. The additions of a
//! step share one inversion at three multiplications each (Montgomery's trick), and a step halves the points of every bucket.
//! So an addition costs about six multiplications, where one in projective coordinates costs eleven.

use blst::blst_fp;
use ff::Field;
use group::Group;
use midnight_curves::{Fp, G1Affine, G1Projective};

/// A point that is not the identity.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub(super) x: Fp,
    pub(super) y: Fp,
}

impl Point {
    /// Nothing for the identity.
    pub(super) fn new(point: &G1Affine) -> Option<Self> {
        let is_identity = *point == G1Affine::default();
        (!is_identity).then(|| Self {
            x: point.x(),
            y: point.y(),
        })
    }

    /// The inverse if `negative`.
    pub(super) fn signed(self, negative: bool) -> Self {
        let y = if negative { -self.y } else { self.y };
        Self { y, ..self }
    }

    pub(super) fn affine(&self) -> G1Affine {
        let mut point = G1Affine::default();
        let inner = point.as_mut();
        inner.x = self.x.into();
        inner.y = self.y.into();
        point
    }
}

/// What a bucket holds in the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    /// The sum of what was added by affine coordinates.
    pub(super) point: Option<Point>,
    /// The sum of the pairs that could not be: equal points.
    pub(super) rest: G1Projective,
}

impl Sum {
    pub(super) fn add_to(&self, total: &mut G1Projective) {
        if let Some(point) = &self.point {
            *total += point.affine();
        }
        *total += self.rest;
    }

    pub(super) fn total(&self) -> G1Projective {
        let mut total = G1Projective::identity();
        self.add_to(&mut total);
        total
    }
}

/// The sums of `buckets` buckets after each `(bucket, name)` of `thrown` has put the point of that name into that bucket.
pub(super) fn sums(
    buckets: usize,
    thrown: &[(u32, u32)],
    point: impl Fn(u32) -> Point,
) -> Vec<Sum> {
    let (mut counts, names) = sorted(buckets, thrown);
    let mut rests = vec![G1Projective::identity(); buckets];
    let mut adder = Adder::default();
    let first = |place: usize| point(names[place]);
    let mut held = adder.halve(first, &mut counts, &mut rests);
    while counts.iter().any(|count| *count > 1) {
        held = adder.halve(|place| held[place], &mut counts, &mut rests);
    }
    let mut held = held.into_iter();
    counts
        .iter()
        .zip(rests)
        .map(|(count, rest)| Sum {
            point: (*count == 1).then(|| held.next()).flatten(),
            rest,
        })
        .collect()
}

/// How many points each bucket has, and their names in the order of the buckets.
fn sorted(buckets: usize, thrown: &[(u32, u32)]) -> (Vec<usize>, Vec<u32>) {
    let mut counts = vec![0; buckets];
    for (bucket, _) in thrown {
        counts[*bucket as usize] += 1;
    }
    let mut end = 0;
    let mut next: Vec<usize> = counts
        .iter()
        .map(|count| {
            end += count;
            end - count
        })
        .collect();
    let mut names = vec![0; thrown.len()];
    for (bucket, name) in thrown {
        let place = &mut next[*bucket as usize];
        names[*place] = *name;
        *place += 1;
    }
    (counts, names)
}

/// Additions that share an inversion. More would share it better and leave the processor's cache.
const SHARED: usize = 512;
/// Products that are independent of each other: the processor works on them at the same time.
const LANES: usize = 4;

/// Adds pairs of points of different `x`.
#[derive(Default)]
struct Adder {
    pairs: Vec<(Point, Point)>,
    /// Of each pair: the difference of its `x`, then one over it.
    differences: Vec<Fp>,
    /// Of each pair: the product of the differences before it in its lane.
    products: Vec<Fp>,
    sums: Vec<Point>,
    /// Where in the result the sums of the pairs are put, in order.
    places: Vec<usize>,
}

impl Adder {
    /// Adds the points of each bucket in pairs. The points, which `get` gives, and the result stand in the order of the
    /// buckets, `counts` of each.
    fn halve(
        &mut self,
        get: impl Fn(usize) -> Point,
        counts: &mut [usize],
        rests: &mut [G1Projective],
    ) -> Vec<Point> {
        let room = counts.iter().map(|count| count.div_ceil(2)).sum();
        let mut result = vec![Point::default(); room];
        let (mut read, mut written) = (0, 0);
        for (count, rest) in counts.iter_mut().zip(rests) {
            let (end, start) = (read + *count, written);
            while read + 1 < end {
                let pair = (get(read), get(read + 1));
                read += 2;
                if limbs(&pair.0.x) == limbs(&pair.1.x) {
                    // Opposite points are the identity together.
                    if pair.0.y == pair.1.y {
                        *rest += G1Projective::from(pair.0.affine()).double();
                    }
                    continue;
                }
                self.pairs.push(pair);
                self.places.push(written);
                written += 1;
                if self.pairs.len() == SHARED {
                    self.flush(&mut result);
                }
            }
            if read < end {
                result[written] = get(read);
                (read, written) = (end, written + 1);
            }
            *count = written - start;
        }
        self.flush(&mut result);
        result.truncate(written);
        result
    }

    /// Adds the pairs that wait.
    fn flush(&mut self, result: &mut [Point]) {
        self.invert_differences();
        self.sums.clear();
        for ((one, other), inverse) in self.pairs.iter().zip(&self.differences) {
            self.sums.push(added(one, other, inverse));
        }
        for (place, sum) in self.places.iter().zip(&self.sums) {
            result[*place] = *sum;
        }
        self.pairs.clear();
        self.places.clear();
    }

    /// Fills `differences` with one over the difference of `x` of each pair.
    fn invert_differences(&mut self) {
        self.differences.clear();
        self.products.clear();
        let mut lanes = [Fp::ONE; LANES];
        for (pair, lane) in self.pairs.iter().zip((0..LANES).cycle()) {
            let difference = minus(&pair.1.x, &pair.0.x);
            self.differences.push(difference);
            self.products.push(lanes[lane]);
            lanes[lane] *= difference;
        }
        let mut inverses = inverted(&lanes);
        let lane = (0..self.pairs.len()).map(|n| n % LANES).rev();
        let pairs = self.differences.iter_mut().zip(&self.products).rev();
        for ((difference, product), lane) in pairs.zip(lane) {
            let next = inverses[lane] * *difference;
            *difference = inverses[lane] * product;
            inverses[lane] = next;
        }
    }
}

/// One over each, none of which is zero.
fn inverted(lanes: &[Fp; LANES]) -> [Fp; LANES] {
    let product = lanes.iter().fold(Fp::ONE, |product, lane| product * lane);
    let inverse = product.invert().unwrap_or(Fp::ZERO);
    std::array::from_fn(|lane| {
        let others = (0..LANES).filter(|other| *other != lane);
        others.fold(inverse, |inverse, other| inverse * lanes[other])
    })
}

/// The sum of two points of different `x`, given one over `other.x - one.x`.
fn added(one: &Point, other: &Point, inverse: &Fp) -> Point {
    let slope = minus(&other.y, &one.y) * inverse;
    let x = minus(&minus(&slope.square(), &one.x), &other.x);
    let y = minus(&(slope * minus(&one.x, &x)), &one.y);
    Point { x, y }
}

/// The modulus, lowest limb first.
const MODULUS: [u64; 6] = [
    0xb9fe_ffff_ffff_aaab,
    0x1eab_fffe_b153_ffff,
    0x6730_d2a0_f6b0_f624,
    0x6477_4b84_f385_12bf,
    0x4b1b_a7b6_434b_acd7,
    0x1a01_11ea_397f_e69a,
];

fn limbs(a: &Fp) -> [u64; 6] {
    blst_fp::from(*a).l
}

/// `a - b`. The library's is a call of a function, which takes longer than the subtraction.
#[inline]
fn minus(a: &Fp, b: &Fp) -> Fp {
    let (a, b) = (limbs(a), limbs(b));
    let mut l = [0; 6];
    let mut borrow = false;
    for i in 0..6 {
        let (value, under) = a[i].overflowing_sub(b[i]);
        let (value, again) = value.overflowing_sub(u64::from(borrow));
        l[i] = value;
        borrow = under | again;
    }
    let mask = 0_u64.wrapping_sub(u64::from(borrow));
    let mut carry = false;
    for i in 0..6 {
        let (value, over) = l[i].overflowing_add(MODULUS[i] & mask);
        let (value, again) = value.overflowing_add(u64::from(carry));
        l[i] = value;
        carry = over | again;
    }
    Fp::from(blst_fp { l })
}

#[cfg(test)]
mod tests {
    use super::*;
    use group::Curve;
    use proptest::prelude::*;

    /// The first few multiples of the generator and their inverses: equal and opposite points meet often.
    fn small(name: u32) -> Point {
        let multiple = G1Projective::generator() * crate::field::F::from(u64::from(name / 2 + 1));
        Point::new(&multiple.to_affine())
            .unwrap()
            .signed(name % 2 == 1)
    }

    proptest! {
        #[test]
        fn each_bucket_has_the_sum_of_its_points(
            thrown in prop::collection::vec((0..4_u32, 0..8_u32), 0..40)
        ) {
            let found = sums(4, &thrown, small);
            for (bucket, sum) in (0..).zip(found) {
                let here = thrown.iter().filter(|(of, _)| *of == bucket);
                let expected: G1Projective = here.map(|(_, name)| G1Projective::from(small(*name).affine())).sum();
                prop_assert_eq!(sum.total(), expected);
            }
        }
    }

    #[test]
    fn the_identity_is_no_such_point() {
        assert!(Point::new(&G1Affine::default()).is_none());
        let generator = G1Projective::generator().to_affine();
        assert_eq!(Point::new(&generator).unwrap().affine(), generator);
    }
}
