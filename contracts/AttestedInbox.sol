// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IGateway, IGatewayAttributes} from "./IGateway.sol";
import {Interoperable} from "./Interoperable.sol";
import {Message, Messages, Route} from "./Messages.sol";
import {Recipients} from "./Recipients.sol";

/// @title An outside EVM chain, seen from a Trellis module (docs/spec/messages.md, section 10)
/// @notice Whoever links a contract to this inbox trusts its owner: a module has no light client of the outside chain, so the
/// owner's word is all there is, and it can speak for every sender there. The other direction needs no such trust.
/// @dev An ERC-7786 gateway, as which the `Endpoint` on the outside chain is its other half.
contract AttestedInbox is IERC7786GatewaySource {
    using Interoperable for bytes;

    /// @notice The owner says that the outside chain sent the message.
    event MessageAttested(bytes32 indexed id);
    /// @notice The message was delivered to `recipient`.
    event MessageDelivered(bytes32 indexed id, uint64 indexed sequence, address indexed recipient);

    /// @notice Only the owner attests.
    error NotTheOwner(address caller);
    /// @notice The owner said nothing of this message, or it was delivered before.
    error NotAttested(bytes32 id);
    /// @notice Only the one outside chain can be reached.
    error NotTheOutsideChain(uint256 chainId, uint256 expected);

    /// @notice What is known of a message. What was delivered stays so whatever the owner says.
    enum State {
        Unknown,
        Attested,
        Delivered
    }

    IGateway private constant GATEWAY = IGateway(0x0000000000000000000000000000000000007786);

    /// @notice Who is trusted.
    address public immutable owner;
    /// @notice The chain the messages come from.
    uint256 public immutable outsideChainId;
    /// @notice The other half on the outside chain.
    address public immutable endpoint;
    /// @notice What is known of a message.
    mapping(bytes32 id => State) public state;

    constructor(address owner_, uint256 outsideChainId_, address endpoint_) {
        (owner, outsideChainId, endpoint) = (owner_, outsideChainId_, endpoint_);
    }

    /// @notice The owner says that `endpoint` sent these messages.
    function attest(bytes32[] calldata ids) external {
        if (msg.sender != owner) revert NotTheOwner(msg.sender);
        for (uint256 i = 0; i < ids.length; ++i) {
            if (state[ids[i]] != State.Unknown) continue;
            state[ids[i]] = State.Attested;
            emit MessageAttested(ids[i]);
        }
    }

    /// @notice Delivers an attested message, once. Anybody may call this, with at least the gas the message asks for; if the
    /// recipient fails, nothing has happened.
    function receiveFromOutside(Message calldata message, uint64 sequence) external returns (bytes32 id) {
        id = Messages.idOf(message, Route(outsideChainId, block.chainid, sequence));
        if (state[id] != State.Attested) revert NotAttested(id);
        state[id] = State.Delivered;
        bytes memory sender = Interoperable.format(outsideChainId, message.sender);
        Recipients.deliver(message.recipient, message.gasLimit, id, sender, message.payload);
        emit MessageDelivered(id, sequence, message.recipient);
    }

    /// @notice Sends a message to the outside chain. The endpoint there calls the recipient in the caller's name.
    /// @dev The gateway adds its own attributes' checks; `outside()` is added here and must not be given.
    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 id)
    {
        (uint256 chainId, address account) = recipient.parse();
        if (chainId != outsideChainId) revert NotTheOutsideChain(chainId, outsideChainId);
        bytes[] memory all = new bytes[](attributes.length + 1);
        for (uint256 i = 0; i < attributes.length; ++i) all[i] = attributes[i];
        all[attributes.length] = abi.encodeCall(IGatewayAttributes.outside, ());
        bytes memory wrapped = abi.encodePacked(msg.sender, account, payload);
        id = GATEWAY.sendMessage{value: msg.value}(Interoperable.format(chainId, endpoint), wrapped, all);
        emit MessageSent(id, Interoperable.format(block.chainid, msg.sender), recipient, payload, 0, attributes);
    }

    /// @notice Attributes of the gateway, except the one that is added to every message.
    function supportsAttribute(bytes4 selector) external view returns (bool) {
        return selector != IGatewayAttributes.outside.selector && GATEWAY.supportsAttribute(selector);
    }
}
