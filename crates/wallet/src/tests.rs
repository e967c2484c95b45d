//! The whole life of wallets, on a chain in memory.

mod hostile;
mod life;
mod measure;
mod papers;
mod steps;

use crate::testing::{MockChain, Unproven};
use crate::{Asset, Dispatch, Error, Forget, Identity, Keys, Order, Target, Terms, Token, Wallet};
use alloy_primitives::{Address as Account, B256};
use rand::{SeedableRng as _, rngs::StdRng};
use trellis_shielded::{Address, Phrase};

/// A fee that every test can pay, in wei: 400,000 gas at the price for a base fee of 1,000.
pub(crate) const FEE: u128 = 400_000 * (1 << 20);

pub(crate) fn identity() -> Identity {
    Identity {
        network: 7786,
        chain_id: 77_862,
        module: 2,
        genesis: B256::repeat_byte(9),
    }
}

fn usd() -> Token {
    Token {
        contract: Account::repeat_byte(0xaa),
        symbol: "USD".into(),
        decimals: 6,
    }
}

pub(crate) fn chain() -> MockChain {
    MockChain::new(identity(), vec![usd()], None)
}

pub(crate) fn keys(seed: u8) -> Keys {
    Keys::spending(Phrase::from_entropy(&[seed; 32]), identity().network(), 0)
}

/// A wallet whose owner does what she is told.
pub(crate) struct Person {
    pub(crate) wallet: Wallet,
    pub(crate) rng: StdRng,
}

impl Person {
    pub(crate) fn new(seed: u8) -> Self {
        Self::with(keys(seed), 0)
    }

    pub(crate) fn with(keys: Keys, birthday: u64) -> Self {
        Self {
            wallet: Wallet::new(keys, identity(), birthday),
            rng: StdRng::seed_from_u64(birthday + 1),
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.wallet.address().unwrap().1
    }

    pub(crate) fn sync(&mut self, chain: &MockChain) -> crate::Synced {
        self.wallet.sync(chain, &mut Forget, &mut |_| {}).unwrap()
    }

    /// Shields for oneself, with the next block.
    pub(crate) fn shield(&mut self, chain: &MockChain, asset: u32, value: u128) {
        let to = self.address();
        let mut kind = Asset::unknown(asset);
        kind.token = (asset == 1).then(|| usd().contract);
        let calls = self
            .wallet
            .shield(&kind, value, &to, None, &mut self.rng)
            .unwrap();
        assert_eq!(calls.approve.is_some(), asset != 0);
        chain
            .shield(Account::repeat_byte(7), &calls.shield)
            .unwrap();
    }

    pub(crate) fn pay(
        &mut self,
        chain: &MockChain,
        asset: u32,
        value: u128,
        to: Address,
    ) -> Result<Dispatch, Error> {
        let to = Target::Private {
            address: Box::new(to),
            memo: Some(format!("{value} of {asset}")),
        };
        self.order(chain, &Order { asset, value, to })
    }

    pub(crate) fn order(&mut self, chain: &MockChain, order: &Order) -> Result<Dispatch, Error> {
        self.wallet.send(
            chain,
            &mut Forget,
            &Unproven,
            order,
            Terms::MOST,
            &mut self.rng,
        )
    }

    /// What can be spent, and what arrives.
    pub(crate) fn balance(&self, asset: u32) -> (u128, u128) {
        let balances = self.wallet.balances();
        let found = balances
            .iter()
            .find(|balance| balance.asset.number == asset);
        found.map_or((0, 0), |balance| {
            (balance.ready.units, balance.arriving.units)
        })
    }
}

/// A block, which everybody reads.
pub(crate) fn settle(chain: &MockChain, people: &mut [&mut Person]) {
    chain.mine();
    for person in people {
        person.sync(chain);
    }
}
