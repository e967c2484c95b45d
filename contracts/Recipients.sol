// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// @notice Calls of recipients, which are strangers: nothing they do or return may cost the caller more than it planned.
library Recipients {
    /// @notice The recipient refused the message, which can be tried again.
    error DeliveryFailed(bytes32 id, bytes reason);
    /// @notice The gas that is left is not enough for what the message is promised.
    error NotEnoughGas(uint256 available, uint256 needed);

    /// More than a call takes besides the gas it passes on and the bytes of the payload.
    uint256 private constant CALL_COST = 10_000;
    /// At most this much of an answer is copied, so that a long one cannot use up the caller's gas.
    uint256 private constant ANSWER_LIMIT = 256;

    /// @notice Calls `receiveMessage` with all the gas there is, at least `gasLimit`, or reverts.
    /// @dev Whoever pays for the call decides its gas, and must not make a recipient that catches errors do half of its work.
    function deliver(address recipient, uint256 gasLimit, bytes32 id, bytes memory sender, bytes calldata payload)
        internal
    {
        uint256 needed = gasLimit + gasLimit / 63 + CALL_COST + payload.length;
        if (gasleft() < needed) revert NotEnoughGas(gasleft(), needed);
        (bool ok, bytes memory reason) = receiveMessage(recipient, gasleft(), 0, id, sender, payload);
        if (!ok) revert DeliveryFailed(id, reason);
    }

    /// @notice Whether the code of `account` is nothing but a delegation (EIP-7702).
    function isDelegated(address account) internal view returns (bool) {
        bytes memory code = account.code.length == 23 ? account.code : bytes("");
        return bytes3(code) == 0xef0100;
    }

    /// @notice Calls `receiveMessage`, with `gasLimit` at most. Success needs the selector as the answer (ERC-7786).
    function receiveMessage(
        address recipient,
        uint256 gasLimit,
        uint256 value,
        bytes32 id,
        bytes memory sender,
        bytes calldata payload
    ) internal returns (bool ok, bytes memory answer) {
        bytes memory input = abi.encodeCall(IERC7786Recipient.receiveMessage, (id, sender, payload));
        (ok, answer) = call(recipient, gasLimit, value, input);
        ok = ok && answer.length >= 32 && bytes32(answer) == bytes32(IERC7786Recipient.receiveMessage.selector);
    }

    /// @notice A call of which at most 256 bytes of answer are kept.
    function call(address to, uint256 gasLimit, uint256 value, bytes memory input)
        internal
        returns (bool ok, bytes memory answer)
    {
        assembly ("memory-safe") {
            ok := call(gasLimit, to, value, add(input, 0x20), mload(input), 0, 0)
            let size := returndatasize()
            if gt(size, ANSWER_LIMIT) { size := ANSWER_LIMIT }
            answer := mload(0x40)
            mstore(answer, size)
            returndatacopy(add(answer, 0x20), 0, size)
            mstore(0x40, add(answer, add(0x20, ANSWER_LIMIT)))
        }
    }
}
