// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice One call from one module to another (docs/spec/messages.md, section 2).
struct Message {
    /// Who called the gateway of the source.
    address sender;
    /// Who is called in the destination.
    address recipient;
    /// Native coin that moves along, in wei.
    uint256 value;
    /// Gas of the delivery.
    uint64 gasLimit;
    /// Who gets the value back if the message fails: an address of the source.
    address refundTo;
    /// For the recipient.
    bytes payload;
}

/// @notice Where a message stands: the chains it goes between and its position among those of its lane.
struct Route {
    uint256 from;
    uint256 to;
    uint64 sequence;
}

/// @notice The identity of a message.
library Messages {
    bytes32 private constant DOMAIN = keccak256("trellis/message/1");

    /// @notice The id of `message` on `route`.
    function idOf(Message calldata message, Route memory route) internal pure returns (bytes32) {
        Message memory fields = Message({
            sender: message.sender,
            recipient: message.recipient,
            value: message.value,
            gasLimit: message.gasLimit,
            refundTo: message.refundTo,
            payload: ""
        });
        return id(fields, route, keccak256(message.payload));
    }

    /// @notice The same, with the hash of a payload that is not in `message`: it stays in calldata, and is not copied.
    function id(Message memory message, Route memory route, bytes32 payloadHash) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN,
                route,
                message.sender,
                message.recipient,
                message.value,
                message.gasLimit,
                message.refundTo,
                payloadHash
            )
        );
    }
}
