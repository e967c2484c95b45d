// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {CrosschainRemoteExecutor} from "@openzeppelin/contracts/crosschain/CrosschainRemoteExecutor.sol";
import {BridgeERC20} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Crosschain} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Crosschain.sol";

contract PlainToken is ERC20("Plain", "PLN") {
    constructor(uint256 supply) {
        _mint(msg.sender, supply);
    }
}

/// @notice OpenZeppelin's bridge for a token that knows nothing of it. Its links are set after both ends exist.
contract PlainBridge is BridgeERC20 {
    constructor(PlainToken token) BridgeERC20(token) CrosschainLinked(new Link[](0)) {}

    function link(address gateway, bytes calldata counterpart) external {
        _setLink(gateway, counterpart, false);
    }
}

/// @notice OpenZeppelin's token with the bridge in it.
contract CrossToken is ERC20("Cross", "CRS"), ERC20Crosschain {
    constructor(uint256 supply) CrosschainLinked(new Link[](0)) {
        _mint(msg.sender, supply);
    }

    function link(address gateway, bytes calldata counterpart) external {
        _setLink(gateway, counterpart, false);
    }
}

/// @notice OpenZeppelin's executor, as it is.
contract Executor is CrosschainRemoteExecutor {
    constructor(address gateway, bytes memory controller) CrosschainRemoteExecutor(gateway, controller) {}
}
