// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {BridgeERC20} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Crosschain} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Crosschain.sol";

/// @notice A token in the hub that knows nothing of bridges.
contract Gold is ERC20("Gold", "GLD") {
    constructor(uint256 supply) {
        _mint(msg.sender, supply);
    }
}

/// @notice In the hub: keeps the tokens that are elsewhere.
/// @dev The links are fixed at the deployment, so nobody can ever let another contract release what is locked here.
contract GoldBridge is BridgeERC20 {
    constructor(ERC20 token, Link[] memory links) BridgeERC20(token) CrosschainLinked(links) {}
}

/// @notice In the other module: exists as far as tokens are locked in the hub. It is token and bridge in one.
contract RemoteGold is ERC20("Gold", "GLD"), ERC20Crosschain {
    constructor(Link[] memory links) CrosschainLinked(links) {}
}
