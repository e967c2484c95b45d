//! Opening a chain over a history that exists (STA-1).

use super::*;

/// A chain after some blocks, and the same history opened again as after a crash.
fn restarted(blocks: u64, window: u64) -> (Light, Light) {
    let before = Light::with(spec(), window, Limits::default());
    for nonce in 0..blocks {
        before.mine(&[transfer(0, nonce)]);
    }
    before.flush();
    let after = reopen(&before, window);
    (before, after)
}

fn reopen(light: &Light, window: u64) -> Light {
    let genesis = light.chain.genesis().clone();
    let history = light.history.clone();
    let chain = Chain::open(
        spec(),
        genesis,
        history.clone(),
        window,
        Limits::default(),
        Engine::default(),
        crate::Exchange::insecure(1),
    );
    Light::over(chain.unwrap(), history)
}

#[test]
fn a_new_history_receives_the_genesis() {
    let light = Light::new();
    assert_eq!(light.history.tip(), Some(0));
    let recorded = light.history.block(0).unwrap().unwrap();
    assert_eq!(recorded.hash(), light.chain.genesis_hash());
    assert_eq!(light.chain.head().hash(), light.chain.genesis_hash());
}

#[test]
fn the_head_is_the_newest_block_of_the_history() {
    let (before, after) = restarted(5, 8);
    assert_eq!(after.chain.head(), before.chain.head());
    assert_eq!(after.chain.genesis_hash(), before.chain.genesis_hash());
    assert_eq!(after.chain.pool_stats(), Stats::default());
    let fee = rules::base_fee_after(&before.chain.head().block);
    assert_eq!(after.chain.with_pool(|pool, _| pool.base_fee()), fee);
    assert!(after.chain.durable(5).now_or_never().is_some());
    for number in 0..=5 {
        let (a, b) = (before.chain.block(number), after.chain.block(number));
        assert_eq!(a.unwrap().unwrap().hash(), b.unwrap().unwrap().hash());
    }
}

#[test]
fn what_was_not_written_is_not_there() {
    let light = Light::new();
    light.mine(&[transfer(0, 0)]);
    light.flush();
    light.mine(&[transfer(0, 1)]);
    let after = reopen(&light, 8);
    assert_eq!(after.chain.head().number(), 1);
}

#[test]
fn state_of_older_blocks_is_served_again() {
    let (before, after) = restarted(6, 3);
    after.chain.attach_state(Arc::new(before.state.clone()), 6);
    assert_eq!(after.chain.oldest_state(), before.chain.oldest_state());
    for number in 3..=6 {
        let view = after.chain.state_at(number).unwrap();
        assert_eq!(view.account(address(0)).unwrap().unwrap().nonce, number);
    }
    assert!(after.chain.state_at(2).is_err());
}

/// The databases may open below the head: until they have caught up, what they answer is the state of no block that is
/// asked for, so nothing is answered and nothing enters the pool.
#[test]
fn nothing_is_answered_until_the_state_has_caught_up() {
    let (before, after) = restarted(3, 8);
    let starting = |chain: &Chain| {
        let error = chain.state_at(3).unwrap_err();
        assert!(matches!(error, ChainError::Starting), "{error}");
        assert!(matches!(
            chain.pending_nonce(address(0)),
            Err(ChainError::Starting)
        ));
        assert!(!chain.is_current());
    };
    starting(&after.chain);

    // The databases open at block 1. A peer sends again what block 2 holds.
    let state = Light::new();
    state.mine(&[transfer(0, 0)]);
    after.chain.attach_state(Arc::new(state.state.clone()), 1);
    starting(&after.chain);
    assert_eq!(after.chain.receive_many(vec![raw(&transfer(0, 1)).0]), 0);
    assert_eq!(after.chain.pool_stats(), Stats::default());

    for number in 2..=3 {
        let block = before.chain.block(number).unwrap().unwrap();
        state.mine(&block.transactions);
        after
            .chain
            .publish(&Candidate::new(block, StateDiff::default()));
        if number < 3 {
            starting(&after.chain);
        }
    }
    assert!(after.chain.is_current());
    assert_eq!(after.chain.pending_nonce(address(0)).unwrap(), 3);
}

/// Blocks the history holds are executed again after a crash, and shown to nobody a second time.
#[test]
fn executing_known_blocks_again_is_silent() {
    let (before, after) = restarted(3, 8);
    let mut blocks = after.chain.subscribe_blocks();
    let mut changes = after.chain.changes();
    changes.mark_unchanged();
    after.chain.attach_state(Arc::new(before.state.clone()), 1);
    for number in 2..=3 {
        let block = before.chain.block(number).unwrap().unwrap();
        let again = Candidate::new(block, StateDiff::default());
        after.chain.record_undo(&again);
        after.chain.publish(&again);
    }
    assert!(blocks.try_recv().is_err());
    assert!(!changes.has_changed().unwrap());
    assert_eq!(after.chain.window.read().tip(), 3);
    assert_eq!(
        after.chain.window.read().oldest(),
        before.chain.oldest_state()
    );
    after.flush();
    assert_eq!(after.history.tip(), Some(3));

    // The next block is news.
    let next = before.mine(&[transfer(0, 3)]);
    let next = Candidate::new(next, StateDiff::default());
    after.chain.record_undo(&next);
    after.chain.publish(&next);
    assert_eq!(blocks.try_recv().unwrap().number(), 4);
    after.flush();
    assert_eq!(after.history.tip(), Some(4));
}

/// A second engine over the same chain cannot exchange the state under its readers.
#[test]
fn the_first_state_stays() {
    let light = Light::new();
    light.mine(&[transfer(0, 0)]);
    light.chain.attach_state(Arc::new(Light::new().state), 1);
    let view = light.chain.state_at(1).unwrap();
    assert_eq!(view.account(address(0)).unwrap().unwrap().nonce, 1);
}

#[test]
fn a_chain_prints_what_it_is() {
    let light = Light::new();
    assert!(format!("{:?}", light.chain).contains("123456"));
    let view = light.chain.state_at(0).unwrap();
    assert!(format!("{view:?}").contains("number: 0"));
}
