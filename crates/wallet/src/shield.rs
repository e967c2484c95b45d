//! Bringing value into the pool: calls for a public account to send. Signing them is not a wallet's business.

use crate::Wallet;
use crate::amounts::{Asset, NATIVE};
use crate::error::Error;
use crate::send::sealing;
use alloy_primitives::{Address as Account, Bytes, U256};
use alloy_sol_types::{SolCall as _, sol};
use rand_core::CryptoRng;
use trellis_circuits::field;
use trellis_shielded::{
    Address, Memo, Note, Output, Sealed,
    pool::{POOL, abi},
};

sol! {
    function approve(address spender, uint256 amount) returns (bool);
}

/// A call of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The contract.
    pub to: Account,
    /// Wei that go with it.
    pub value: U256,
    /// The call.
    pub data: Bytes,
}

/// What an account sends to shield, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shielding {
    /// Lets the pool take the tokens. Not for native coin.
    pub approve: Option<Call>,
    /// Brings the value in.
    pub shield: Call,
}

impl Wallet {
    /// Calls that bring an amount in as a note of an address: one of the wallet's own, or anybody's. The wallet is to be kept before
    /// they are sent.
    ///
    /// # Errors
    /// [`Error::Zero`], [`Error::Memo`], and [`Error::CannotWith`] if the key sees nothing that comes in.
    pub fn shield(
        &mut self,
        asset: &Asset,
        value: u128,
        to: &Address,
        memo: Option<&str>,
        rng: &mut impl CryptoRng,
    ) -> Result<Shielding, Error> {
        if value == 0 {
            return Err(Error::Zero);
        }
        let note = Note::new(to, asset.number, value, rng);
        let memo = memo.map_or_else(|| Ok(Memo::none(rng)), |text| Memo::seal(text, &note))?;
        let own = self.address_of(to).is_some() && self.keys.full().is_some();
        let tag = if own {
            self.own_tag()?
        } else {
            self.contact_tag(to, rng)
        };
        let from = self.keys.outgoing().filter(|_| !own);
        let (output, _) = Output::seal(&note, to, from, tag, rng).map_err(sealing)?;
        let call = abi::shieldCall {
            asset: asset.number,
            value,
            inner: field::encode(&note.inner()).into(),
            ciphertext: Sealed::new(output, memo).encode().into(),
        };
        let shield = Call {
            to: POOL,
            value: if asset.number == NATIVE {
                U256::from(value)
            } else {
                U256::ZERO
            },
            data: call.abi_encode().into(),
        };
        let approve = asset.token.map(|token| Call {
            to: token,
            value: U256::ZERO,
            data: approveCall {
                spender: POOL,
                amount: U256::from(value),
            }
            .abi_encode()
            .into(),
        });
        Ok(Shielding { approve, shield })
    }
}

/// The call that gives a token a number in the pool, so that it can be shielded.
pub fn add_asset(token: Account) -> Call {
    Call {
        to: POOL,
        value: U256::ZERO,
        data: abi::addAssetCall { token }.abi_encode().into(),
    }
}
