//! Blocks that are executed and not yet final.

use super::*;

fn hashes(transactions: &[trellis_executor::Transaction]) -> HashSet<B256> {
    transactions.iter().map(|tx| *tx.tx_hash()).collect()
}

#[test]
fn in_flight_is_what_lies_between_the_head_and_the_parent() {
    let light = Light::new();
    let genesis = light.chain.genesis().clone();
    let txs: Vec<_> = (0..4).map(|nonce| transfer(0, nonce)).collect();
    let one = light.build(&genesis, &txs[..1]);
    let two = light.build(&one.recorded.block, &txs[1..3]);
    let three = light.build(&two.recorded.block, &txs[3..]);
    let rival = light.build(&genesis, &[transfer(1, 0)]);
    let in_flight = |block: &Candidate| {
        let (hash, number) = (block.recorded.hash(), block.recorded.number());
        light.chain.in_flight(hash, number)
    };
    assert_eq!(in_flight(&one), hashes(&txs[..1]));
    assert_eq!(in_flight(&three), hashes(&txs));
    assert_eq!(in_flight(&rival), hashes(&[transfer(1, 0)]));
    assert!(light.chain.in_flight(genesis.hash(), 0).is_empty());

    light.publish(&one);
    assert_eq!(in_flight(&three), hashes(&txs[1..]));
    light.publish(&two);
    light.publish(&three);
    assert!(in_flight(&three).is_empty());
}

/// A parent this node has not executed ends the walk: what is below it is not known to be its ancestor.
#[test]
fn in_flight_stops_at_an_unknown_block() {
    let light = Light::new();
    let genesis = light.chain.genesis().clone();
    let one = light.build(&genesis, &[transfer(0, 0)]);
    assert!(light.chain.in_flight(B256::ZERO, 2).is_empty());
    let (hash, number) = (one.recorded.hash(), one.recorded.number());
    assert!(light.chain.in_flight(hash, number + 1).is_empty());
}

#[test]
fn competitors_of_a_final_block_are_forgotten() {
    let light = Light::new();
    let genesis = light.chain.genesis().clone();
    let one = light.build(&genesis, &[transfer(0, 0)]);
    let rival = light.build(&genesis, &[transfer(1, 0)]);
    let above_rival = light.build(&rival.recorded.block, &[transfer(1, 1)]);
    light.publish(&one);
    let known = |c: &Candidate| {
        let found = light
            .chain
            .candidate(c.recorded.number(), c.recorded.hash());
        found.is_some()
    };
    assert!(known(&one));
    assert!(!known(&rival));
    assert_eq!(
        light.chain.block(1).unwrap().unwrap().hash(),
        one.recorded.hash()
    );
    assert_eq!(
        light.chain.block_by_hash(rival.recorded.hash()).unwrap(),
        None
    );
    assert_eq!(light.chain.locate(*transfer(1, 0).tx_hash()).unwrap(), None);
    assert_eq!(light.chain.locate(*transfer(1, 1).tx_hash()).unwrap(), None);

    // A descendant of a loser goes when its own height is final.
    assert!(known(&above_rival));
    light.mine(&[]);
    assert!(!known(&above_rival));
}

#[test]
fn the_history_takes_over_what_it_holds() {
    let light = Light::new();
    let one = light.mine(&[transfer(0, 0)]);
    let genesis_child = light.chain.candidate(1, one.hash());
    assert!(genesis_child.is_some());
    light.flush();
    assert!(light.chain.candidate(1, one.hash()).is_none());
    assert_eq!(light.chain.block(1).unwrap(), Some(one));
}

/// STA-1: a block that is executed while the history writer forgets older ones must stay known, or its
/// finalization would find nothing to publish.
#[test]
fn pruning_never_loses_a_block_that_is_executed_meanwhile() {
    let light = Light::new();
    let genesis = light.chain.genesis().clone();
    let candidate = light.build(&genesis, &[]);
    let recorded = candidate.recorded.clone();
    let (number, hash) = (recorded.number(), recorded.hash());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                light.chain.prune_candidates(0);
            }
        });
        for round in 0..20_000 {
            let again = Candidate::new(recorded.clone(), StateDiff::default());
            light.chain.remember(again);
            let found = light.chain.candidate(number, hash).is_some();
            if !found {
                done.store(true, Ordering::Relaxed);
            }
            assert!(found, "lost in round {round}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn demand_says_why_a_block_is_wanted() {
    let light = Light::new();
    let genesis = light.chain.genesis().clone();
    assert_eq!(light.chain.demand(&genesis), Demand::None);

    light.submit(&transfer(0, 1));
    assert_eq!(
        light.chain.demand(&genesis),
        Demand::None,
        "its nonce is not next"
    );

    let cheap = sign(1, 0, |tx| {
        tx.max_fee_per_gas = 500_000_000;
        tx.max_priority_fee_per_gas = 0;
    });
    light.submit(&cheap);
    assert_eq!(light.chain.demand(&genesis), Demand::LowerFee);

    light.submit(&transfer(0, 0));
    assert_eq!(light.chain.demand(&genesis), Demand::Transactions);
}

/// What a pending block holds is no reason for another one on top of it.
#[test]
fn demand_leaves_out_what_is_in_flight() {
    let light = Light::new();
    let genesis = light.chain.genesis().clone();
    light.submit(&transfer(0, 0));
    let one = light.build(&genesis, &[transfer(0, 0)]);
    assert_eq!(light.chain.demand(&genesis), Demand::Transactions);
    assert_eq!(light.chain.demand(&one.recorded.block), Demand::None);
    light.submit(&transfer(0, 1));
    assert_eq!(
        light.chain.demand(&one.recorded.block),
        Demand::Transactions
    );
    let two = light.build(&one.recorded.block, &[transfer(0, 1)]);
    assert_eq!(light.chain.demand(&two.recorded.block), Demand::None);
    light.publish(&one);
    assert_eq!(light.chain.demand(&two.recorded.block), Demand::None);
    light.publish(&two);
    assert_eq!(light.chain.demand(&two.recorded.block), Demand::None);
}

/// A pending block may hold transactions that wait here for something: they must not hide one that does not.
#[test]
fn demand_counts_only_executable_transactions_as_held() {
    let light = Light::new();
    let genesis = light.chain.genesis().clone();
    // The peer that built the block knew nonce 0 as well; this node has only nonce 1, behind a gap.
    light.submit(&transfer(0, 1));
    let block = light.build(&genesis, &[transfer(0, 0), transfer(0, 1)]);
    light.submit(&transfer(1, 0));
    assert_eq!(
        light.chain.demand(&block.recorded.block),
        Demand::Transactions
    );
}
