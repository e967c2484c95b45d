use std::{fmt, str::FromStr};

/// A decimal number as people write it, exactly: `1.5`.
///
/// How many of an asset's smallest units it is depends on the asset's decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    digits: u128,
    /// Digits behind the point; the last of them is not 0.
    places: u8,
}

/// Why a text or number is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Something else than digits with at most one point between them.
    #[error("an amount is digits, and a point between digits")]
    Syntax,
    /// 2^128 or more.
    #[error("the amount is too large")]
    TooLarge,
    /// Digits behind the point that the asset cannot have.
    #[error("the amount has {places} digits behind the point, the asset only {decimals}")]
    TooFine {
        /// Digits behind the point.
        places: u8,
        /// What the asset has.
        decimals: u8,
    },
}

impl Amount {
    /// The amount that so many smallest units of an asset are.
    pub const fn from_units(units: u128, decimals: u8) -> Self {
        let (mut digits, mut places) = (units, decimals);
        while places > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            places -= 1;
        }
        Self { digits, places }
    }

    /// In smallest units of an asset.
    pub fn units(&self, decimals: u8) -> Result<u128, AmountError> {
        let places = self.places;
        let missing = decimals
            .checked_sub(places)
            .ok_or(AmountError::TooFine { places, decimals })?;
        let units = 10_u128
            .checked_pow(missing.into())
            .and_then(|factor| self.digits.checked_mul(factor));
        match units {
            None if self.digits == 0 => Ok(0),
            None => Err(AmountError::TooLarge),
            Some(units) => Ok(units),
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let valid = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !valid(whole) || !valid(fraction) {
            return Err(AmountError::Syntax);
        }
        let fraction = fraction.trim_end_matches('0');
        let places = u8::try_from(fraction.len()).map_err(|_| AmountError::TooLarge)?;
        let digits = format!("{whole}{fraction}");
        let digits = digits.parse().map_err(|_| AmountError::TooLarge)?;
        Ok(Self { digits, places })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::from(self.places);
        let digits = format!("{:0>width$}", self.digits, width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places == 0 { "" } else { "." };
        write!(f, "{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_exact() {
        let units = |text: &str, decimals| text.parse::<Amount>().and_then(|a| a.units(decimals));
        assert_eq!(units("1.5", 18), Ok(1_500_000_000_000_000_000));
        assert_eq!(units("0.000", 0), Ok(0));
        assert_eq!(units("007.10", 1), Ok(71));
        assert_eq!(units("0", 200), Ok(0));
        let fine = AmountError::TooFine {
            places: 2,
            decimals: 1,
        };
        assert_eq!(units("1.25", 1), Err(fine));
        assert_eq!(units(&u128::MAX.to_string(), 0), Ok(u128::MAX));
        assert_eq!(units(&u128::MAX.to_string(), 1), Err(AmountError::TooLarge));
        assert_eq!(units(&"9".repeat(40), 0), Err(AmountError::TooLarge));
        let long = format!("0.{}1", "0".repeat(300));
        assert_eq!(units(&long, 0), Err(AmountError::TooLarge));
        for text in ["", ".", "1.", ".5", "+1", "-1", "1e3", "1 ", "1.2.3", "١"] {
            assert_eq!(units(text, 18), Err(AmountError::Syntax), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_is_written(units: u128, decimals in 0_u8..60) {
            let amount = Amount::from_units(units, decimals);
            prop_assert_eq!(amount.units(decimals), Ok(units));
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }
}
