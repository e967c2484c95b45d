//! Blocks of calls to published contracts, set up by the transactions anyone would send.

use crate::{
    Sample,
    artifact::Packages,
    chain::Reached,
    token::{self, Issuer},
    uniswap::{Exchange, Pair, Swap},
    workload::{Action, WorkloadError, block_gas_limit, setting},
};
use alloy_primitives::{Address, Bytes, U256};
use std::collections::{HashMap, HashSet};

/// Ether of everybody who sends something.
const ETHER: u64 = 10;

/// Gas a user's wallet asks for.
const PAY_GAS_LIMIT: u64 = 21_000;
const TOKEN_GAS_LIMIT: u64 = 80_000;
const SWAP_GAS_LIMIT: u64 = 200_000;

/// The block that does this, and the state before it.
///
/// # Errors
/// [`WorkloadError`] if the contracts are not there, or cannot be set up.
pub(crate) fn block(name: String, actions: &[Action]) -> Result<Sample, WorkloadError> {
    let mut scene = Scene::set(actions)?;
    let calls: Vec<Call> = actions
        .iter()
        .map(|action| scene.prepare(*action))
        .collect();
    let mut chain = scene.issuer.chain;
    chain.mine("funding users")?;
    let Reached {
        state,
        mut senders,
        number,
    } = chain.finish();
    let transactions = calls.into_iter().map(|call| {
        let (to, gas_limit) = (call.to.into(), call.gas_limit);
        senders.transaction(call.from, to, gas_limit, call.value, call.input)
    });
    Ok(Sample {
        name,
        setting: setting(number, block_gas_limit(actions.len())),
        transactions: transactions.collect(),
        state,
    })
}

/// A transaction of the block, except for its nonce.
struct Call {
    from: Address,
    to: Address,
    gas_limit: u64,
    value: U256,
    input: Bytes,
}

/// The contracts, and who has what they need to use them.
struct Scene {
    issuer: Issuer,
    token: Address,
    /// Who has some of the token.
    holders: HashSet<Address>,
    exchange: Exchange,
    pairs: Vec<Pair>,
    /// The number of each pool's next swap.
    turns: HashMap<usize, usize>,
}

impl Scene {
    /// One token, and as many pools as are used.
    fn set(actions: &[Action]) -> Result<Self, WorkloadError> {
        let packages = Packages::find();
        let mut issuer = Issuer::new(&packages)?;
        let token = issuer.create();
        let exchange = Exchange::deploy(&mut issuer.chain, &packages)?;
        let pools = actions.iter().map(|action| match action {
            Action::Swap { pool, .. } => pool + 1,
            Action::Pay { .. } | Action::Token { .. } => 0,
        });
        let pairs = exchange.open_pools(&mut issuer, pools.max().unwrap_or_default())?;
        Ok(Self {
            issuer,
            token,
            holders: HashSet::new(),
            exchange,
            pairs,
            turns: HashMap::new(),
        })
    }

    /// Gives everybody what they need for this, in the chain's next block.
    fn prepare(&mut self, action: Action) -> Call {
        match action {
            Action::Pay { from, to } => self.pay(from, to),
            Action::Token { from, to } => self.token(from, to),
            Action::Swap { user, pool } => self.swap(user, pool),
        }
    }

    fn pay(&mut self, from: Address, to: Address) -> Call {
        self.issuer.chain.fund(from, ETHER);
        Call {
            from,
            to,
            gas_limit: PAY_GAS_LIMIT,
            value: U256::from(1_000),
            input: Bytes::new(),
        }
    }

    fn token(&mut self, from: Address, to: Address) -> Call {
        self.issuer.chain.fund(from, ETHER);
        // Recipients have some already: filling an empty slot costs more, and only the first transfer to somebody does.
        for holder in [from, to] {
            if self.holders.insert(holder) {
                self.issuer.allot(self.token, holder);
            }
        }
        Call {
            from,
            to: self.token,
            gas_limit: TOKEN_GAS_LIMIT,
            value: U256::ZERO,
            input: token::transfer(to, U256::from(1_000)),
        }
    }

    fn swap(&mut self, user: Address, pool: usize) -> Call {
        // Turns start at the pool's number, so that pools with one swap each do not all have the same.
        let turn = self.turns.entry(pool).or_insert(pool);
        let swap = Swap::new(user, *turn, self.pairs[pool]);
        *turn += 1;
        self.issuer.chain.fund(user, ETHER);
        self.exchange.admit(&mut self.issuer, &swap);
        Call {
            from: user,
            to: self.exchange.router(),
            gas_limit: SWAP_GAS_LIMIT,
            value: U256::ZERO,
            input: swap.input(),
        }
    }
}
