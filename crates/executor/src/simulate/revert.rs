use alloy_sol_types::{Panic, Revert, SolError};

/// What Solidity revert data says: the text of `Error(string)`, or the meaning of a `Panic(uint256)` code in the
/// words geth uses. `None` for custom errors and anything else.
pub fn revert_reason(output: &[u8]) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(output) {
        return Some(revert.reason);
    }
    Panic::abi_decode(output)
        .ok()
        .map(|panic| panic.as_geth_str().into_owned())
}

#[cfg(test)]
mod tests {
    use super::revert_reason;
    use alloy_primitives::hex;
    use alloy_sol_types::{Panic, PanicKind, Revert, SolError};

    #[test]
    fn solidity_errors_are_read() {
        let text = Revert::from("not the owner").abi_encode();
        assert_eq!(revert_reason(&text).as_deref(), Some("not the owner"));
        let panic = Panic::from(PanicKind::UnderOverflow).abi_encode();
        assert_eq!(
            revert_reason(&panic).as_deref(),
            Some("arithmetic underflow or overflow")
        );
    }

    #[test]
    fn other_data_has_no_reason() {
        let text = Revert::from("cut").abi_encode();
        for data in [
            &[][..],
            &hex!("08c379a0"),
            &hex!("deadbeef"),
            &text[..40],
            &[0xff; 100],
        ] {
            assert_eq!(revert_reason(data), None, "{}", hex::encode(data));
        }
    }
}
