//! The queue and the order by tip, each against the obvious way to do it.

use super::address;
use crate::{
    run::{Entry, Run},
    tip_index::{Rank, TipIndex},
};
use alloy_primitives::{Address, U256};
use proptest::{collection::vec, prelude::*};
use std::cmp::Reverse;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn run_prefix_equals_walk(
        ops in vec((0..8_u8, 0..40_u128, 0..60_u128, any::<prop::sample::Index>()), 1..200)
    ) {
        let (mut run, mut naive) = (Run::default(), Vec::<Entry>::new());
        for (sequence, (op, fee, threshold, pick)) in ops.into_iter().enumerate() {
            let tx = super::tx(0, 0).fees(fee, fee / 2).value(fee % 7).build();
            let entry = Entry { tx, sequence: sequence as u64 };
            match op {
                0 => drop(run.pop_front().map(|_| naive.remove(0))),
                1 => drop(run.pop_back().map(|_| naive.pop())),
                2 if !naive.is_empty() => {
                    let index = pick.index(naive.len());
                    run.replace(index, entry.clone());
                    naive[index] = entry;
                }
                _ => {
                    run.push_back(entry.clone());
                    naive.push(entry);
                }
            }
            let sequences: Vec<_> = run.iter().map(|entry| entry.sequence).collect();
            prop_assert_eq!(sequences, naive.iter().map(|e| e.sequence).collect::<Vec<_>>());
            let (balance, base_fee) = (U256::from(threshold * 5), threshold / 4);
            let mut cost = U256::ZERO;
            let fits = naive.iter().take_while(|entry| {
                cost += entry.tx.cost;
                cost <= balance && entry.tx.max_fee() >= base_fee
            });
            let length = fits.count();
            let (got, totals) =
                run.prefix(|run| run.cost <= balance && run.max_fee >= base_fee);
            prop_assert_eq!(got, length);
            let prefix = || naive[..length].iter().map(|entry| &entry.tx);
            prop_assert_eq!(totals.cost, prefix().map(|tx| tx.cost).sum::<U256>());
            prop_assert_eq!(totals.max_fee, prefix().map(|tx| tx.max_fee()).min().unwrap_or(u128::MAX));
            prop_assert_eq!(
                totals.priority_fee,
                prefix().map(|tx| tx.priority_fee()).min().unwrap_or(u128::MAX)
            );
        }
    }

    #[test]
    fn tip_index_equals_sort(
        ops in vec((0..4_u8, 0..30_u128, 0..30_u128, any::<prop::sample::Index>()), 1..120)
    ) {
        let (mut index, mut naive, mut base_fee) = (TipIndex::default(), Vec::new(), 0);
        for (sequence, (op, fee, tip, pick)) in ops.into_iter().enumerate() {
            match op {
                0 => {
                    base_fee = fee;
                    // Those that no longer cover the base fee are not executable and leave.
                    index.set_base_fee(base_fee);
                    naive.retain(|&(rank, sender): &(Rank, Address)| {
                        let stays = rank.max_fee >= base_fee;
                        if !stays {
                            index.remove(rank, sender);
                        }
                        stays
                    });
                }
                1 if !naive.is_empty() => {
                    let (rank, sender) = naive.remove(pick.index(naive.len()));
                    index.remove(rank, sender);
                }
                _ => {
                    let max_fee = base_fee + fee;
                    let sequence = sequence as u64;
                    let rank = Rank { priority_fee: tip.min(max_fee), max_fee, sequence };
                    naive.push((rank, address(sequence)));
                    index.insert(rank, address(sequence));
                }
            }
            let mut sorted: Vec<_> = naive
                .iter()
                .map(|&(rank, sender)| {
                    let tip = rank.priority_fee.min(rank.max_fee - base_fee);
                    (tip, Reverse(rank.sequence), sender)
                })
                .collect();
            sorted.sort();
            prop_assert_eq!(index.worst(), sorted.first().copied());
            sorted.reverse();
            prop_assert_eq!(index.best_first().collect::<Vec<_>>(), sorted);
        }
    }
}
