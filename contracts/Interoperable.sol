// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice ERC-7930 addresses of EVM chains, of which exactly one encoding is accepted.
/// @dev The usual parsers ignore trailing bytes and leading zeros. A message's recipient stands in logs that others parse
/// again, so it must not have two spellings.
library Interoperable {
    /// @notice The address is of another length than its chain reference asks for.
    error InvalidAddressLength(uint256 length, uint256 expected);
    /// @notice Only version 1 of ERC-7930 is known.
    error UnsupportedAddressVersion(uint256 version);
    /// @notice Only chain type 0 (eip155) can be reached.
    error UnsupportedChainType(uint256 chainType);
    /// @notice A chain reference has 1 to 32 bytes, the first of which is not zero.
    error InvalidChainReference(bytes chainReference);
    /// @notice An EVM address has 20 bytes.
    error InvalidAccountLength(uint256 length);

    uint256 private constant HEADER = 5;
    uint256 private constant SHORTEST = 6;

    /// @notice Splits `self` into chain id and account, or reverts with what is wrong with it.
    function parse(bytes calldata self) internal pure returns (uint256 chainId, address account) {
        if (self.length < SHORTEST) revert InvalidAddressLength(self.length, SHORTEST);
        if (bytes2(self[0:2]) != 0x0001) revert UnsupportedAddressVersion(uint16(bytes2(self[0:2])));
        if (bytes2(self[2:4]) != 0x0000) revert UnsupportedChainType(uint16(bytes2(self[2:4])));
        uint256 end = HEADER + uint8(self[4]);
        if (self.length <= end) revert InvalidAddressLength(self.length, end + 1);
        chainId = _chainId(self[HEADER:end]);
        if (uint8(self[end]) != 20) revert InvalidAccountLength(uint8(self[end]));
        if (self.length != end + 21) revert InvalidAddressLength(self.length, end + 21);
        account = address(bytes20(self[end + 1:]));
    }

    /// @notice The encoding of `account` on chain `chainId`, which must not be zero.
    function format(uint256 chainId, address account) internal pure returns (bytes memory self) {
        uint256 size = _size(chainId);
        assembly ("memory-safe") {
            self := mload(0x40)
            mstore(self, add(26, size))
            let at := add(self, 0x20)
            mstore(at, or(shl(224, 0x00010000), shl(216, size)))
            mstore(add(at, 5), shl(sub(256, shl(3, size)), chainId))
            mstore(add(add(at, 5), size), or(shl(248, 20), shr(8, shl(96, account))))
            mstore(0x40, add(self, 0x80))
        }
    }

    function _chainId(bytes calldata ref) private pure returns (uint256) {
        if (ref.length == 0 || ref.length > 32 || ref[0] == 0) revert InvalidChainReference(ref);
        return uint256(bytes32(ref)) >> (256 - 8 * ref.length);
    }

    function _size(uint256 chainId) private pure returns (uint256 size) {
        for (; chainId != 0; chainId >>= 8) ++size;
    }
}
