//! Amounts of assets, as people read and write them.

use crate::node::Token;
use alloy_primitives::Address as Account;
use serde::{Deserialize, Serialize};
use std::fmt;
use trellis_shielded::{Amount, AmountError};

/// Number of the native coin.
pub const NATIVE: u32 = 0;
/// What the native coin is called.
pub const NATIVE_SYMBOL: &str = "ETH";
const NATIVE_DECIMALS: u8 = 18;
/// Longest symbol that is shown.
const SYMBOL_MAX: usize = 16;
/// More than any token has, and what 128 bits have digits for.
const DECIMALS_MAX: u8 = 38;

/// An asset as the wallet knows it.
///
/// It is kept as it was first told: a node that later tells other decimals would make its owner send another amount than she
/// means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its number in the pool.
    pub number: u32,
    /// Its contract; none for native coin.
    pub token: Option<Account>,
    /// What it is called.
    pub symbol: String,
    /// Digits behind the point.
    pub decimals: u8,
}

impl Asset {
    /// The coin that fees are paid in.
    pub fn native() -> Self {
        Self {
            number: NATIVE,
            token: None,
            symbol: NATIVE_SYMBOL.to_owned(),
            decimals: NATIVE_DECIMALS,
        }
    }

    /// An asset by its number alone, in smallest units.
    pub fn unknown(number: u32) -> Self {
        Self {
            number,
            token: None,
            symbol: format!("asset {number}"),
            decimals: 0,
        }
    }

    /// An asset as its contract describes it. A symbol is made of visible characters that nobody takes for others; one that is
    /// the native coin's, or has nothing to show, becomes the number.
    pub fn of_token(number: u32, token: &Token) -> Self {
        let visible =
            |c: &char| c.is_ascii_graphic() && !matches!(c, '"' | ',' | '=' | '\\' | '<' | '>');
        let symbol: String = token
            .symbol
            .chars()
            .filter(visible)
            .take(SYMBOL_MAX)
            .collect();
        let mistakable = symbol.is_empty()
            || symbol.eq_ignore_ascii_case(NATIVE_SYMBOL)
            || symbol.bytes().all(|byte| byte.is_ascii_digit());
        Self {
            number,
            token: Some(token.contract),
            symbol: if mistakable {
                format!("asset {number}")
            } else {
                symbol
            },
            decimals: token.decimals.min(DECIMALS_MAX),
        }
    }

    /// So much of it.
    pub fn money(&self, units: u128) -> Money {
        Money {
            units,
            decimals: self.decimals,
            symbol: self.symbol.clone(),
        }
    }

    /// Reads an amount such as `1.5`, in smallest units.
    ///
    /// # Errors
    /// Not a number, too large, or finer than the asset.
    pub fn units(&self, text: &str) -> Result<u128, AmountError> {
        text.parse::<Amount>()?.units(self.decimals)
    }
}

/// An amount with the name of its asset: `1.5 ETH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// In smallest units.
    pub units: u128,
    decimals: u8,
    symbol: String,
}

impl Money {
    /// The number alone: `1.5`.
    pub const fn amount(&self) -> Amount {
        Amount::from_units(self.units, self.decimals)
    }

    pub(crate) fn with_units(&self, units: u128) -> Self {
        Self {
            units,
            ..self.clone()
        }
    }

    /// The name alone.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.symbol)
    }
}

/// Amounts as decimal text: JSON numbers are read as floating point by some.
pub(crate) mod units {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(units: &u128, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(units)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<u128, D::Error> {
        String::deserialize(input)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(symbol: &str) -> String {
        let token = Token {
            contract: Account::ZERO,
            symbol: symbol.into(),
            decimals: 255,
        };
        let asset = Asset::of_token(7, &token);
        assert_eq!(asset.decimals, 38);
        asset.symbol
    }

    #[test]
    fn a_symbol_is_not_taken_for_another() {
        assert_eq!(symbol("USD"), "USD");
        assert_eq!(symbol("U\u{202e}S\nD\u{1b}[2J"), "USD[2J");
        for taken in ["eth", "ETH", "", "\u{202e}", "5"] {
            assert_eq!(symbol(taken), "asset 7");
        }
        assert_eq!(symbol(&"X".repeat(1_000)).len(), 16);
    }

    #[test]
    fn money_is_read_and_written_exactly() {
        let native = Asset::native();
        assert_eq!(native.units("1.5"), Ok(1_500_000_000_000_000_000));
        assert_eq!(
            native.money(1_500_000_000_000_000_000).to_string(),
            "1.5 ETH"
        );
        assert_eq!(native.money(1).to_string(), "0.000000000000000001 ETH");
        assert_eq!(
            Asset::unknown(3).units("0.1"),
            Err(AmountError::TooFine {
                places: 1,
                decimals: 0
            })
        );
    }
}
