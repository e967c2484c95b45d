// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice Makes the calls of unshields (docs/spec/payments.md, section 11.4).
/// @dev What an unshield calls is up to whoever proves it. From the pool itself, a call of a token's `transfer` or `approve`
/// would move what belongs to all. This account holds nothing and may do nothing, so anybody may speak through it.
contract Caller {
    /// @notice Calls `target` with exactly `gasLimit`, if there is that much, and copies nothing of its answer.
    function call(address target, uint256 gasLimit, bytes calldata input) external returns (bool ok) {
        assembly ("memory-safe") {
            let start := mload(0x40)
            calldatacopy(start, input.offset, input.length)
            ok := call(gasLimit, target, 0, start, input.length, 0, 0)
        }
    }
}
