//! Picking among notes of one asset. All lists are sorted, smallest first.

/// A note that can be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coin {
    pub(super) position: u32,
    pub(super) value: u128,
}

/// The smallest note that is enough.
pub(super) fn one(coins: &[Coin], needed: u128) -> Option<u32> {
    let first = coins.partition_point(|coin| coin.value < needed);
    coins.get(first).map(|coin| coin.position)
}

/// Two notes that are enough, or the only one there is.
///
/// If one is enough, the smallest of the others goes with it: so small notes become fewer. Otherwise it is the two whose sum is
/// the smallest.
pub(super) fn pair(coins: &[Coin], needed: u128) -> Option<Vec<u32>> {
    let first = coins.partition_point(|coin| coin.value < needed);
    if let Some(coin) = coins.get(first) {
        let other = coins.iter().find(|other| other.position != coin.position);
        let other = other.filter(|other| coin.value.checked_add(other.value).is_some());
        let both = std::iter::once(coin).chain(other);
        return Some(both.map(|coin| coin.position).collect());
    }
    let (mut low, mut high) = (0, coins.len().checked_sub(1)?);
    let mut best: Option<(u128, Vec<u32>)> = None;
    while low < high {
        let sum = coins[low].value.saturating_add(coins[high].value);
        if sum >= needed {
            if best.as_ref().is_none_or(|(least, _)| sum < *least) {
                best = Some((sum, vec![coins[low].position, coins[high].position]));
            }
            high -= 1;
        } else {
            low += 1;
        }
    }
    best.map(|(_, pair)| pair)
}

/// How many of the largest notes reach the sum.
pub(super) fn largest(coins: &[Coin], needed: u128) -> Option<usize> {
    let mut sum = 0_u128;
    let mut largest = coins.iter().rev().enumerate();
    largest.find_map(|(n, coin)| {
        sum = sum.saturating_add(coin.value);
        (sum >= needed).then_some(n + 1)
    })
}

/// How many of the largest notes reach the sum when all but two are joined before, each time for a fee.
pub(super) fn joinable(coins: &[Coin], needed: u128, fee: u128) -> Option<usize> {
    let mut sum = 0_u128;
    let mut cost = needed;
    for (n, coin) in coins.iter().rev().enumerate() {
        sum = sum.saturating_add(coin.value);
        if n >= 2 {
            cost = cost.saturating_add(fee);
        }
        if sum >= cost && n >= 1 {
            return Some(n + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coins(values: &[u128]) -> Vec<Coin> {
        let mut coins: Vec<Coin> = (0..)
            .zip(values)
            .map(|(position, value)| Coin {
                position,
                value: *value,
            })
            .collect();
        coins.sort_by_key(|coin| coin.value);
        coins
    }

    #[test]
    fn small_notes_are_swept_up() {
        let coins = coins(&[5, 1, 9]);
        assert_eq!(one(&coins, 5), Some(0));
        assert_eq!(pair(&coins, 4), Some(vec![0, 1]));
        assert_eq!(pair(&coins, 9), Some(vec![2, 1]));
        assert_eq!(pair(&coins, 10), Some(vec![1, 2]));
        assert_eq!(pair(&coins, 11), Some(vec![0, 2]));
        assert_eq!(pair(&coins, 15), None);
        assert_eq!(pair(&[], 1), None);
    }

    #[test]
    fn joining_pays_its_own_fees() {
        let coins = coins(&[10, 10, 10, 10]);
        assert_eq!(joinable(&coins, 20, 1), Some(2));
        assert_eq!(joinable(&coins, 29, 1), Some(3));
        assert_eq!(joinable(&coins, 30, 1), Some(4));
        assert_eq!(joinable(&coins, 39, 1), None);
        assert_eq!(largest(&coins, 21), Some(3));
        assert_eq!(largest(&coins, 41), None);
    }

    proptest! {
        /// Two notes are found whenever any two, or one, are enough; and never more than needed.
        #[test]
        fn two_notes_are_found_if_there_are_two(values in proptest::collection::vec(1_u128..50, 0..8), needed in 1_u128..90) {
            let coins = coins(&values);
            let value = |position: u32| values[position as usize];
            let mut sums: Vec<u128> = values.clone();
            for (n, a) in values.iter().enumerate() {
                sums.extend(values[n + 1..].iter().map(|b| a + b));
            }
            match pair(&coins, needed) {
                None => prop_assert!(sums.iter().all(|sum| *sum < needed)),
                Some(pair) => {
                    prop_assert!(pair.len() <= 2 && pair.first() != pair.get(1));
                    prop_assert!(pair.iter().map(|p| value(*p)).sum::<u128>() >= needed);
                }
            }
        }
    }
}
