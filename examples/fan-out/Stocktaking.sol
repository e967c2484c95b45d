// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";
import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

IERC7786GatewaySource constant GATEWAY = IERC7786GatewaySource(0x0000000000000000000000000000000000007786);

interface IGatewayAttributes {
    function gasLimit(uint256 limit) external;
}

/// @notice In the hub: asks the warehouses of all modules what they have, and adds it up.
contract Headquarters is ERC7786Recipient {
    event Counted(bytes32 indexed question, bytes warehouse, uint256 stock);

    error NotAsked(bytes32 question, bytes sender);

    uint256 public total;
    uint256 public answers;
    /// Whom a question was for, until it is answered.
    mapping(bytes32 question => bytes32 warehouseHash) private asked;

    /// @notice Asks `warehouses`, given by their ERC-7930 addresses, all in one transaction.
    function ask(bytes[] calldata warehouses) external {
        // The delivery of a question sends the answer, and so pays for the delivery of that one too.
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = abi.encodeCall(IGatewayAttributes.gasLimit, (500_000));
        for (uint256 i = 0; i < warehouses.length; ++i) {
            bytes32 question = GATEWAY.sendMessage(warehouses[i], "", attributes);
            asked[question] = keccak256(warehouses[i]);
        }
    }

    function _isAuthorizedGateway(address gateway, bytes calldata) internal pure override returns (bool) {
        return gateway == address(GATEWAY);
    }

    function _processMessage(address, bytes32, bytes calldata sender, bytes calldata payload) internal override {
        (bytes32 question, uint256 stock) = abi.decode(payload, (bytes32, uint256));
        // Anybody can send a message here: only the one who was asked may answer, once.
        require(asked[question] == keccak256(sender), NotAsked(question, sender));
        delete asked[question];
        total += stock;
        ++answers;
        emit Counted(question, sender, stock);
    }
}

/// @notice In every other module: answers whoever asks.
contract Warehouse is ERC7786Recipient {
    uint256 private immutable stock;

    constructor(uint256 stock_) {
        stock = stock_;
    }

    function _isAuthorizedGateway(address gateway, bytes calldata) internal pure override returns (bool) {
        return gateway == address(GATEWAY);
    }

    /// @dev The sender's ERC-7930 address is where the answer goes.
    function _processMessage(address, bytes32 question, bytes calldata sender, bytes calldata) internal override {
        GATEWAY.sendMessage(sender, abi.encode(question, stock), new bytes[](0));
    }
}
