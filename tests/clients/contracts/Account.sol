// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What an EOA delegates to under EIP-7702: a batch of calls, allowed to the account itself alone, and a counter
/// anyone may raise that lives in the EOA's own storage.
contract Account {
    struct Call {
        address to;
        uint256 value;
        bytes data;
    }

    error NotSelf(address caller);

    event Executed(address indexed account, uint256 calls);

    /// Far from slot 0, so that a later delegate cannot misread it.
    bytes32 private constant SLOT = keccak256("trellis.clients.account.counter");

    receive() external payable {}

    function execute(Call[] calldata calls) external payable {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        for (uint256 i = 0; i < calls.length; i++) {
            (bool ok, bytes memory out) = calls[i].to.call{value: calls[i].value}(calls[i].data);
            if (!ok) {
                assembly {
                    revert(add(out, 32), mload(out))
                }
            }
        }
        emit Executed(address(this), calls.length);
    }

    function bump() external returns (uint256 next) {
        bytes32 slot = SLOT;
        assembly {
            next := add(sload(slot), 1)
            sstore(slot, next)
        }
    }

    function counter() external view returns (uint256 value) {
        bytes32 slot = SLOT;
        assembly {
            value := sload(slot)
        }
    }
}
