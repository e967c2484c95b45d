// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {IERC7786Recipient, IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// Takes messages from anybody, remembers the last, fails as long as it is told to, and can answer.
contract Inbox is IERC7786Recipient {
    event Received(bytes32 id, bytes sender, bytes payload, uint256 value);

    uint256 public count;
    bool public refusing;

    error NotNow(uint256 count);

    function refuse(bool refusing_) external {
        refusing = refusing_;
    }

    /// A payload that begins with "ping" is answered with "pong" and the rest.
    function receiveMessage(bytes32 id, bytes calldata sender, bytes calldata payload) external payable returns (bytes4) {
        if (refusing) revert NotNow(count);
        count++;
        emit Received(id, sender, payload, msg.value);
        if (payload.length >= 4 && bytes4(payload) == "ping") {
            bytes[] memory none = new bytes[](0);
            IERC7786GatewaySource(msg.sender).sendMessage{value: msg.value}(sender, bytes.concat("pong", payload[4:]), none);
        }
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// Sends as this contract.
    function send(address gateway, bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32)
    {
        return IERC7786GatewaySource(gateway).sendMessage{value: msg.value}(recipient, payload, attributes);
    }
}
