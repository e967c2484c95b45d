// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IPool} from "./IPool.sol";

/// What an unshield pays and how it calls, without the call data.
struct Unshield {
    uint32 asset;
    uint128 value;
    address recipient;
    uint64 gas;
}

/// @notice Reads a transfer (docs/spec/payments.md, section 9), of which there is exactly one encoding.
/// @dev The fee at byte 108 is not read: nodes compare it with the transaction, and `append` destroys it.
library Transfers {
    /// Order of the scalar field of BLS12-381 (section 2).
    uint256 private constant R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    uint256 private constant CIRCUIT = 0;
    uint256 private constant EXPIRY = 4;
    uint256 private constant ANCHOR = 12;
    uint256 private constant NULLIFIERS = 44;
    uint256 private constant KIND = 124;
    uint256 private constant ASSET = 125;
    uint256 private constant VALUE = 129;
    uint256 private constant RECIPIENT = 145;
    uint256 private constant GAS = 165;
    uint256 private constant LENGTH = 173;
    uint256 private constant CALL_DATA = 175;

    uint256 private constant CALL_DATA_LIMIT = 4_096;
    uint256 private constant OUTPUT = 274;
    /// Three outputs and the memo.
    uint256 private constant OUTPUTS = 3 * OUTPUT + 528;
    uint256 private constant PROOF = 2_912;

    /// @notice Checks form and encodings, and returns where the outputs begin.
    function check(bytes calldata self) internal pure returns (uint256 outputsAt) {
        outputsAt = _outputsAt(self);
        uint256 expected = outputsAt + OUTPUTS + PROOF;
        if (self.length != expected) revert IPool.InvalidLength(self.length, expected);
        requireCanonical(anchor(self));
        (bytes32 first, bytes32 second) = nullifiers(self);
        requireCanonical(first);
        requireCanonical(second);
        for (uint256 i = 0; i < 3; ++i) requireCanonical(_word(self, outputsAt + i * OUTPUT));
    }

    /// @notice Section 2: `x` and `x + r` would name one nullifier by two keys.
    function requireCanonical(bytes32 element) internal pure {
        if (uint256(element) >= R) revert IPool.NotCanonical(element);
    }

    function circuit(bytes calldata self) internal pure returns (uint32) {
        return uint32(_uint(self, CIRCUIT, 4));
    }

    function expiry(bytes calldata self) internal pure returns (uint64) {
        return uint64(_uint(self, EXPIRY, 8));
    }

    function anchor(bytes calldata self) internal pure returns (bytes32) {
        return _word(self, ANCHOR);
    }

    function nullifiers(bytes calldata self) internal pure returns (bytes32 first, bytes32 second) {
        return (_word(self, NULLIFIERS), _word(self, NULLIFIERS + 32));
    }

    /// @notice The account of the transaction (section 11.1), which nobody has a key of.
    function sender(bytes32 firstNullifier) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked("trellis/payments/1/sender", firstNullifier)))));
    }

    function outputs(bytes calldata self, uint256 outputsAt) internal pure returns (bytes calldata) {
        return self[outputsAt:outputsAt + OUTPUTS];
    }

    function hasUnshield(bytes calldata self) internal pure returns (bool) {
        return _uint(self, KIND, 1) != 0;
    }

    function unshield(bytes calldata self) internal pure returns (Unshield memory) {
        return Unshield({
            asset: uint32(_uint(self, ASSET, 4)),
            value: uint128(_uint(self, VALUE, 16)),
            recipient: address(uint160(_uint(self, RECIPIENT, 20))),
            gas: uint64(_uint(self, GAS, 8))
        });
    }

    function callData(bytes calldata self, uint256 outputsAt) internal pure returns (bytes calldata) {
        return self[CALL_DATA:outputsAt];
    }

    function _outputsAt(bytes calldata self) private pure returns (uint256) {
        uint256 least = ASSET + OUTPUTS + PROOF;
        if (self.length < least) revert IPool.InvalidLength(self.length, least);
        uint8 kind = uint8(_uint(self, KIND, 1));
        if (kind == 0) return ASSET;
        if (kind != 2) revert IPool.InvalidPublicPart(kind);
        uint256 length = _uint(self, LENGTH, 2);
        if (length > CALL_DATA_LIMIT) revert IPool.CallDataTooLong(length, CALL_DATA_LIMIT);
        return CALL_DATA + length;
    }

    /// @dev No bound is checked: all that is read lies within the shortest transfer, or within the length `check` compares.
    function _word(bytes calldata self, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(self.offset, offset))
        }
    }

    function _uint(bytes calldata self, uint256 offset, uint256 size) private pure returns (uint256) {
        return uint256(_word(self, offset)) >> (256 - 8 * size);
    }
}
