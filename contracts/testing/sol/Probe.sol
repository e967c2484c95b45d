// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// @notice A recipient that does what the first byte of the payload says, and remembers what it was called with.
contract Probe is IERC7786Recipient {
    event Got(bytes32 id, bytes sender, bytes payload, uint256 value, address caller, uint256 gasAtStart);
    event Inner(bool ok, bytes answer);

    bool public closed;
    address private target;
    uint256 private forwarded;
    bytes private call;

    /// @notice While closed, every message is refused.
    function close(bool value) external {
        closed = value;
    }

    /// @notice What the payload 0x06 makes this contract call.
    function arm(address to, uint256 value, bytes calldata input) external {
        (target, forwarded, call) = (to, value, input);
    }

    function receiveMessage(bytes32 id, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4)
    {
        uint256 start = gasleft();
        require(!closed, "closed");
        uint8 kind = payload.length == 0 ? 0 : uint8(payload[0]);
        if (kind == 1) revert("refused");
        if (kind == 2) while (true) {}
        if (kind == 3) return 0xdeadbeef;
        if (kind == 4) _bomb(false);
        if (kind == 5) _bomb(true);
        if (kind == 6) {
            (bool ok, bytes memory answer) = target.call{value: forwarded}(call);
            emit Inner(ok, answer);
        }
        if (kind == 7) _nothing();
        emit Got(id, sender, payload, msg.value, msg.sender, start);
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @dev Returns or reverts with a megabyte.
    function _bomb(bool fail) private pure {
        assembly {
            if fail { revert(0, 1000000) }
            return(0, 1000000)
        }
    }

    function _nothing() private pure {
        assembly {
            return(0, 0)
        }
    }

    function run(address to, bytes calldata input) external payable {
        (bool ok, bytes memory answer) = to.call{value: msg.value}(input);
        if (!ok) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}

/// @notice Takes coin, but no messages: like most wallets that are contracts.
contract Wallet {
    event Paid(uint256 value);

    receive() external payable {
        emit Paid(msg.value);
    }

    function run(address to, uint256 value, bytes calldata input) external payable {
        (bool ok,) = to.call{value: value}(input);
        require(ok, "call failed");
    }
}
