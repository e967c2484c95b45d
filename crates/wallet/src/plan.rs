//! Which notes a payment spends, and in how many transfers.
//!
//! A transfer takes two notes. Native coin that lies in more is joined first. Another asset cannot be joined, as its fee takes one of
//! the two: it is paid in parts, one note each.

mod coins;

use crate::Wallet;
use crate::amounts::NATIVE;
use crate::error::{Error, Shortage};
use crate::node::Node;
use alloy_primitives::{Address as Account, Bytes};
use coins::Coin;
use std::num::NonZeroU128;
use trellis_shielded::{Address, CALL_MAX, Crossing, gas_limit};

/// Lowest gas price that a wallet offers, in wei.
const PRICE_MIN: u128 = 1 << 20;

/// What a wallet is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Of what.
    pub asset: u32,
    /// How much, in smallest units.
    pub value: u128,
    /// To whom.
    pub to: Target,
}

/// Who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address, privately.
    Private {
        /// The address.
        address: Box<Address>,
        /// What the payee reads.
        memo: Option<String>,
    },
    /// An account, for everybody to see.
    Public {
        /// The account.
        recipient: Account,
        /// What the call may use.
        gas: u64,
        /// The call after the payment, if not empty.
        call: Bytes,
    },
}

/// What a transfer costs, and until when it may be included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The newest block.
    pub head: u64,
    /// Gas price, in wei.
    pub price: u128,
    /// The most that a transfer may cost, in wei. The node says what gas costs, and may lie.
    pub most: u128,
}

impl Terms {
    /// The most that a transfer may cost unless its owner says otherwise: 0.05 coins.
    pub const MOST: u128 = 50_000_000_000_000_000;

    /// Asks the node. The price is twice the base fee, rounded up to a power of two: a price of one's own would tell wallets apart.
    pub fn ask(node: &dyn Node, most: u128) -> Result<Self, Error> {
        let base = node.base_fee()?;
        let price = base.saturating_mul(2).max(PRICE_MIN);
        Ok(Self {
            head: node.head()?.number,
            price: price.checked_next_power_of_two().unwrap_or(u128::MAX),
            most,
        })
    }
}

/// How an order is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Transfers that it takes, one after the other is in a block.
    pub transfers: usize,
    /// Fee of each, in wei.
    pub fee: u128,
    /// The first.
    pub(crate) step: Step,
    /// What is left to order when the first is in a block.
    pub rest: Option<Order>,
}

/// One transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it does. Nothing: it joins.
    pub(crate) order: Option<Order>,
    /// The notes that it spends, one or two.
    pub(crate) spends: Vec<u32>,
    pub(crate) fee: u128,
}

impl Order {
    pub(crate) fn crossing(&self) -> Result<Crossing, Error> {
        match &self.to {
            Target::Private { .. } => Ok(Crossing::None),
            Target::Public { call, .. } if call.len() > CALL_MAX => {
                Err(Error::CallTooLong(call.len()))
            }
            Target::Public {
                recipient,
                gas,
                call,
            } => Ok(Crossing::Out {
                asset: self.asset,
                value: NonZeroU128::new(self.value).ok_or(Error::Zero)?,
                recipient: *recipient,
                gas: *gas,
                call: call.clone(),
            }),
        }
    }

    /// The same of another amount, which is not the last part: the memo goes with the last.
    fn part(&self, value: u128) -> Self {
        let mut part = Self {
            value,
            ..self.clone()
        };
        if let Target::Private { memo, .. } = &mut part.to {
            *memo = None;
        }
        part
    }

    /// Whether it may be done in parts.
    fn is_divisible(&self) -> bool {
        match &self.to {
            Target::Private { .. } => true,
            Target::Public { call, .. } => call.is_empty(),
        }
    }
}

impl Wallet {
    /// How an order is carried out with the notes that are there.
    ///
    /// # Errors
    /// What is missing, or [`Error::FeeTooHigh`].
    pub fn plan(&self, order: &Order, terms: &Terms) -> Result<Plan, Error> {
        self.spender()?;
        if self.synced().is_none() {
            return Err(Error::NotSynced);
        }
        if order.value == 0 {
            return Err(Error::Zero);
        }
        let fee = self.fee(&order.crossing()?, terms)?;
        if order.asset == NATIVE {
            return self.plan_native(order, terms, fee);
        }
        self.plan_asset(order, terms, fee)
    }

    fn fee(&self, crossing: &Crossing, terms: &Terms) -> Result<u128, Error> {
        let native = self.asset(NATIVE);
        let fee = terms.price.saturating_mul(gas_limit(crossing).into());
        if fee > terms.most {
            return Err(Error::FeeTooHigh {
                fee: native.money(fee),
                most: native.money(terms.most),
            });
        }
        Ok(fee)
    }

    /// Native coin: two notes, or some are joined before.
    fn plan_native(&self, order: &Order, terms: &Terms, fee: u128) -> Result<Plan, Error> {
        let short = || self.short(order, fee);
        let needed = order.value.checked_add(fee).ok_or_else(short)?;
        let coins = self.coins(NATIVE);
        if let Some(spends) = coins::pair(&coins, needed) {
            let order = Some(order.clone());
            return Ok(Plan {
                transfers: 1,
                fee,
                step: Step { order, spends, fee },
                rest: None,
            });
        }
        let join = self.fee(&Crossing::None, terms)?;
        let count = coins::joinable(&coins, needed, join).ok_or_else(short)?;
        let mut plan = self.plan_join(&coins, count, join)?;
        plan.rest = Some(order.clone());
        Ok(plan)
    }

    /// Joins the two smallest of the `count` largest notes.
    fn plan_join(&self, coins: &[Coin], count: usize, fee: u128) -> Result<Plan, Error> {
        let largest = coins.get(coins.len() - count..).unwrap_or_default();
        let spends = largest.iter().take(2).map(|coin| coin.position).collect();
        Ok(Plan {
            transfers: count - 1,
            fee,
            step: Step {
                order: None,
                spends,
                fee,
            },
            rest: None,
        })
    }

    /// Another asset: one note of it and one of native coin, or several times.
    fn plan_asset(&self, order: &Order, terms: &Terms, fee: u128) -> Result<Plan, Error> {
        let coins = self.coins(order.asset);
        let transfers =
            coins::largest(&coins, order.value).ok_or_else(|| self.short(order, fee))?;
        if transfers > 1 && !order.is_divisible() {
            return Err(Error::NeedsSteps { transfers });
        }
        let native = self.coins(NATIVE);
        if coins::one(&native, fee).is_none() {
            let join = self.fee(&Crossing::None, terms)?;
            // One more fee than the payment's own: what is joined must pay it alone.
            let count = coins::joinable(&native, fee.saturating_add(join), join);
            let count = count
                .filter(|count| *count >= 2)
                .ok_or_else(|| self.short(order, fee))?;
            let mut plan = self.plan_join(&native, count, join)?;
            plan.transfers += transfers;
            plan.rest = Some(order.clone());
            return Ok(plan);
        }
        let value = match transfers {
            1 => order.value,
            _ => coins.last().map_or(0, |coin| coin.value),
        };
        let chosen = [coins::one(&coins, value), coins::one(&native, fee)];
        let spends = chosen.into_iter().collect::<Option<Vec<u32>>>();
        let spends = spends.ok_or_else(|| self.short(order, fee))?;
        let (now, rest) = match transfers {
            1 => (order.clone(), None),
            _ => {
                let rest = Order {
                    value: order.value - value,
                    ..order.clone()
                };
                (order.part(value), Some(rest))
            }
        };
        Ok(Plan {
            transfers,
            fee,
            step: Step {
                order: Some(now),
                spends,
                fee,
            },
            rest,
        })
    }

    /// Notes that can be spent, smallest first.
    fn coins(&self, asset: u32) -> Vec<Coin> {
        let notes = self.notes().filter(|note| {
            note.asset() == asset
                && note.value() > 0
                && note.spent.is_none()
                && !self.is_leaving(note.position)
        });
        let mut coins: Vec<Coin> = notes
            .map(|note| Coin {
                position: note.position,
                value: note.value(),
            })
            .collect();
        coins.sort_by_key(|coin| (coin.value, coin.position));
        coins
    }

    /// What is missing for an order.
    fn short(&self, order: &Order, fee: u128) -> Error {
        let balances = self.balances();
        let of = |asset: u32| {
            let mut balances = balances.iter();
            let found = balances.find(|balance| balance.asset.number == asset);
            let none = self.asset(asset).money(0);
            found.map_or_else(
                || (none.clone(), none.clone()),
                |balance| (balance.ready.clone(), balance.arriving.clone()),
            )
        };
        let (ready, arriving) = of(order.asset);
        if ready.units < order.value {
            let fees = if order.asset == NATIVE { fee } else { 0 };
            return Error::NotEnough(Box::new(Shortage {
                needed: ready.with_units(order.value.saturating_add(fees)),
                ready,
                arriving,
            }));
        }
        let (ready, arriving) = of(NATIVE);
        let paid = if order.asset == NATIVE {
            order.value
        } else {
            0
        };
        Error::NoFee(Box::new(Shortage {
            needed: ready.with_units(fee),
            ready: ready.with_units(ready.units.saturating_sub(paid)),
            arriving,
        }))
    }
}
