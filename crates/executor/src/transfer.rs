//! Plain transfers of the native coin, without the EVM: most transactions of a busy payment chain, and a fraction of the
//! EVM's cost for them.
//!
//! Only what has exactly one possible course is done here. Whatever is unusual about a transaction or about the accounts
//! it meets, an error included, is left to the EVM.

use crate::{Setting, Transaction};
use alloy_consensus::{Transaction as _, TxType};
use alloy_primitives::{Address, TxKind, U256};
use revm::primitives::hardfork::SpecId;
use trellis_primitives::Account;

/// Gas of a transfer.
pub(crate) const GAS: u64 = 21_000;

/// What a transfer needs besides the two accounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    pub(crate) sender: Address,
    pub(crate) to: Address,
    pub(crate) tx_type: TxType,
    nonce: u64,
    value: U256,
    /// Most the transaction may cost.
    cost: U256,
    /// What the sender pays for gas.
    fee: U256,
    /// What the beneficiary gets of it.
    tip: U256,
    beneficiary: Address,
}

/// A transfer's effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) sender: Account,
    pub(crate) to: Option<Account>,
    /// What the beneficiary is owed, unless it is one of the two and has it already.
    pub(crate) tip: Option<U256>,
}

impl Transfer {
    /// The transaction as a plain transfer, if it is one whose static rules all hold.
    pub(crate) fn of(setting: &Setting, tx: &Transaction) -> Option<Self> {
        let Setting { block, config, .. } = setting;
        let inner = tx.inner();
        let TxKind::Call(to) = inner.kind() else {
            return None;
        };
        let plain = inner.input().is_empty()
            && config.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON)
            && matches!(
                inner.tx_type(),
                TxType::Legacy | TxType::Eip2930 | TxType::Eip1559
            )
            && inner.access_list().is_none_or(|list| list.is_empty())
            && inner.chain_id().is_none_or(|id| id == config.chain_id);
        let cap = if config.spec.is_enabled_in(SpecId::OSAKA) {
            revm::primitives::eip7825::TX_GAS_LIMIT_CAP
        } else {
            u64::MAX
        };
        let gas = inner.gas_limit();
        if !plain || gas < GAS || gas > cap || gas > block.gas_limit || inner.nonce() == u64::MAX {
            return None;
        }
        let sender = tx.signer();
        // Precompiles have ways of their own.
        let special = |address: Address| address.as_slice()[..18].iter().all(|byte| *byte == 0);
        if special(to) || special(sender) || sender == to {
            return None;
        }
        let base_fee = u128::from(block.basefee);
        let max_fee = inner.max_fee_per_gas();
        let priority = inner.max_priority_fee_per_gas().unwrap_or(max_fee);
        if max_fee < base_fee || priority > max_fee {
            return None;
        }
        let price = max_fee.min(base_fee.saturating_add(priority));
        Some(Self {
            sender,
            to,
            tx_type: inner.tx_type(),
            nonce: inner.nonce(),
            value: inner.value(),
            cost: U256::from(max_fee)
                .checked_mul(U256::from(gas))?
                .checked_add(inner.value())?,
            fee: U256::from(price) * U256::from(GAS),
            tip: U256::from(price - base_fee) * U256::from(GAS),
            beneficiary: block.beneficiary,
        })
    }

    /// What the transfer does to the accounts, unless that is for the EVM to say.
    pub(crate) fn settle(&self, sender: Option<Account>, to: Option<Account>) -> Option<Moved> {
        let mut sender = sender?;
        let recipient = to.unwrap_or_default();
        if sender.has_code()
            || recipient.has_code()
            || sender.nonce != self.nonce
            || sender.balance < self.cost
        {
            return None;
        }
        sender.nonce += 1;
        sender.balance -= self.value + self.fee;
        let balance = recipient.balance.checked_add(self.value)?;
        let mut to = Account {
            balance,
            ..recipient
        };
        let mut tip = Some(self.tip);
        for (address, account) in [(self.sender, &mut sender), (self.to, &mut to)] {
            if address == self.beneficiary {
                account.balance = account.balance.checked_add(self.tip)?;
                tip = None;
            }
        }
        Some(Moved {
            sender,
            to: Some(to).filter(|account| !account.is_empty()),
            tip,
        })
    }
}
