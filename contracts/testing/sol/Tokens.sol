// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {CrosschainRemoteExecutor} from "@openzeppelin/contracts/crosschain/CrosschainRemoteExecutor.sol";
import {BridgeERC1155} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC1155.sol";
import {BridgeERC20} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC20.sol";
import {BridgeERC721} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC721.sol";
import {BridgeERC7802} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC7802.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC1155Crosschain} from "@openzeppelin/contracts/token/ERC1155/extensions/ERC1155Crosschain.sol";
import {ERC1155Supply} from "@openzeppelin/contracts/token/ERC1155/extensions/ERC1155Supply.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";
import {ERC20Crosschain} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Crosschain.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Crosschain} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Crosschain.sol";

/// @notice Links that are set after both ends exist.
abstract contract Linkable is CrosschainLinked {
    constructor() CrosschainLinked(new Link[](0)) {}

    function link(address gateway, bytes calldata counterpart) external {
        _setLink(gateway, counterpart, false);
    }
}

contract PlainToken is ERC20("Plain", "PLN") {
    constructor(uint256 supply) {
        _mint(msg.sender, supply);
    }
}

/// @notice OpenZeppelin's bridge for a token that knows nothing of it.
contract PlainBridge is BridgeERC20, Linkable {
    constructor(PlainToken token) BridgeERC20(token) {}
}

/// @notice OpenZeppelin's token with the bridge in it.
contract CrossToken is ERC20("Cross", "CRS"), ERC20Crosschain, Linkable {
    constructor(uint256 supply) {
        _mint(msg.sender, supply);
    }
}

/// @notice An ERC-7802 token, whose one bridge is set after both exist.
contract MintToken is ERC20("Mint", "MNT"), ERC20Bridgeable {
    error NotTheBridge(address caller);

    address private bridge;

    constructor(uint256 supply) {
        _mint(msg.sender, supply);
    }

    function appoint(address to) external {
        bridge = to;
    }

    function _checkTokenBridge(address caller) internal view override {
        require(caller == bridge, NotTheBridge(caller));
    }
}

/// @notice OpenZeppelin's bridge for it.
contract MintBridge is BridgeERC7802, Linkable {
    constructor(MintToken token) BridgeERC7802(token) {}
}

contract PlainArt is ERC721("Plain art", "PLA") {
    constructor(uint256 tokenId) {
        _mint(msg.sender, tokenId);
    }
}

/// @notice OpenZeppelin's bridge for non-fungible tokens that know nothing of it.
contract ArtBridge is BridgeERC721, Linkable {
    constructor(PlainArt token) BridgeERC721(token) {}
}

/// @notice OpenZeppelin's non-fungible token with the bridge in it.
contract CrossArt is ERC721("Cross art", "CRA"), ERC721Crosschain, Linkable {}

contract PlainGoods is ERC1155("") {
    constructor(uint256[] memory ids, uint256[] memory values) {
        _mintBatch(msg.sender, ids, values, "");
    }
}

/// @notice OpenZeppelin's bridge for multi-tokens that know nothing of it.
contract GoodsBridge is BridgeERC1155, Linkable {
    constructor(PlainGoods token) BridgeERC1155(token) {}
}

/// @notice OpenZeppelin's multi-token with the bridge in it; it counts its supply.
contract CrossGoods is ERC1155(""), ERC1155Crosschain, ERC1155Supply, Linkable {
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values)
        internal
        override(ERC1155, ERC1155Supply)
    {
        super._update(from, to, ids, values);
    }
}

/// @notice OpenZeppelin's executor, as it is.
contract Executor is CrosschainRemoteExecutor {
    constructor(address gateway, bytes memory controller) CrosschainRemoteExecutor(gateway, controller) {}
}
