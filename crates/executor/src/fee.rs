use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};

/// The base fee of the block after one that used `parent_gas_used` of `parent_gas_limit` at `parent_base_fee`
/// (EIP-1559: target half of the limit, at most one eighth of change), in wei per gas.
pub fn next_base_fee(parent_gas_used: u64, parent_gas_limit: u64, parent_base_fee: u64) -> u64 {
    calc_next_block_base_fee(
        parent_gas_used,
        parent_gas_limit,
        parent_base_fee,
        BaseFeeParams::ethereum(),
    )
}

#[cfg(test)]
mod tests {
    use super::next_base_fee;

    #[test]
    fn base_fee_follows_demand() {
        const GWEI: u64 = 1_000_000_000;
        assert_eq!(next_base_fee(15_000_000, 30_000_000, GWEI), GWEI);
        assert_eq!(next_base_fee(30_000_000, 30_000_000, GWEI), GWEI + GWEI / 8);
        assert_eq!(next_base_fee(0, 30_000_000, GWEI), GWEI - GWEI / 8);
        // The smallest rise is one wei, so a base fee of zero can grow again.
        assert_eq!(next_base_fee(15_000_001, 30_000_000, 0), 1);
        assert_eq!(next_base_fee(0, 30_000_000, 0), 0);
    }
}
