// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {Bls, G2Point} from "./Bls.sol";
import {Authority, Certificate, Finality} from "./Finality.sol";
import {Interoperable} from "./Interoperable.sol";
import {Message, Messages, Route} from "./Messages.sol";
import {Outbox} from "./Outbox.sol";
import {Recipients} from "./Recipients.sol";

/// @notice Why a message of a Trellis module is to be believed.
struct Proof {
    /// The validators' signature under `header`.
    Certificate certificate;
    /// The RLP of the header of a block that came after the message.
    bytes header;
    /// The extension that `header` names.
    bytes extension;
    /// Number of messages in lane 64 as of that block.
    uint64 count;
    /// The range proof of the message in the lane.
    bytes32[] hashes;
    /// From the lane to the outbox, lowest first.
    bytes32[7] lanePath;
}

/// @title A Trellis module, seen from another EVM chain (docs/spec/messages.md, section 10)
/// @notice Delivers what the module sent with `outside()`, believing nobody but the validators of its network. The other
/// direction ends at an `AttestedInbox` of the module, if there is one, and needs trust in that contract's owner.
/// @dev An ERC-7786 gateway: what is linked to it needs no code for Trellis. Nobody owns it and nothing in it can be changed.
contract Endpoint is IERC7786GatewaySource {
    using Interoperable for bytes;

    /// @notice The message was delivered to `recipient`.
    event MessageDelivered(bytes32 indexed id, uint64 indexed sequence, address indexed recipient);
    /// @notice With `MessageSent`, all there is to know about a message to the module.
    event MessageQueued(bytes32 indexed id, uint64 indexed sequence);

    /// @notice The network key is not a point, or the point that verifies everything.
    error InvalidKey();
    /// @notice The messages that are proven are not those of the block's outbox.
    error NotInOutbox(bytes32 expected, bytes32 proven);
    /// @notice The message was delivered before.
    error AlreadyDelivered(bytes32 id);
    /// @notice Only the one module can be reached.
    error NotTheModule(uint256 chainId, uint256 expected);
    /// @notice No native coin moves between chains.
    error ValueNotSupported(uint256 value);

    uint256 private constant OUTSIDE_LANE = 64;
    uint64 private constant SENT_GAS = 200_000;

    /// @notice The network whose validators are believed.
    uint64 public immutable networkId;
    /// @notice The index of the module.
    uint32 public immutable sourceModule;
    /// @notice The chain id of the module.
    uint256 public immutable sourceChainId;
    /// @notice The `AttestedInbox` of the module that speaks for its users here, zero for none.
    address public immutable inbox;

    // Code is much cheaper to read than storage, and can hold words only.
    bytes32 private immutable _key0;
    bytes32 private immutable _key1;
    bytes32 private immutable _key2;
    bytes32 private immutable _key3;
    bytes32 private immutable _key4;
    bytes32 private immutable _key5;
    bytes32 private immutable _key6;
    bytes32 private immutable _key7;

    /// @notice Number of messages sent to the module.
    uint64 public sent;
    /// @notice Whether a message was delivered.
    mapping(bytes32 id => bool) public delivered;

    /// @param key The key of the network, a point of G2 in 256 bytes as EIP-2537 encodes it.
    constructor(uint64 networkId_, uint32 sourceModule_, uint256 sourceChainId_, bytes memory key, address inbox_) {
        if (!Bls.isKey(key)) revert InvalidKey();
        (networkId, sourceModule, sourceChainId, inbox) = (networkId_, sourceModule_, sourceChainId_, inbox_);
        G2Point memory point = Bls.toPoint(key);
        (_key0, _key1, _key2, _key3) = (point.words[0], point.words[1], point.words[2], point.words[3]);
        (_key4, _key5, _key6, _key7) = (point.words[4], point.words[5], point.words[6], point.words[7]);
    }

    /// @notice Delivers `message`, the `sequence`th the module sent outside, once. Anybody may call this with what any node of
    /// the module serves, and at least the gas the message asks for; if the recipient fails, nothing has happened.
    function receiveFromTrellis(Message calldata message, uint64 sequence, Proof calldata proof)
        external
        returns (bytes32 id)
    {
        id = Messages.idOf(message, Route(sourceChainId, block.chainid, sequence));
        if (delivered[id]) revert AlreadyDelivered(id);
        delivered[id] = true;
        _verify(id, sequence, proof);
        if (message.sender == inbox && message.recipient == address(this)) {
            // The inbox puts its caller in front, and says whom it calls.
            (address sender, address recipient, bytes calldata payload) = _unwrap(message.payload);
            _deliver(id, sequence, message.gasLimit, sender, recipient, payload);
        } else {
            _deliver(id, sequence, message.gasLimit, message.sender, message.recipient, message.payload);
        }
    }

    /// @notice Sends a message to the module, for the inbox there.
    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 id)
    {
        if (msg.value != 0) revert ValueNotSupported(msg.value);
        if (attributes.length != 0) revert UnsupportedAttribute(bytes4(attributes[0]));
        (uint256 chainId, address account) = recipient.parse();
        if (chainId != sourceChainId) revert NotTheModule(chainId, sourceChainId);
        uint64 sequence = sent++;
        Message memory message = Message(msg.sender, account, 0, SENT_GAS, address(0), "");
        id = Messages.id(message, Route(block.chainid, chainId, sequence), keccak256(payload));
        emit MessageSent(id, Interoperable.format(block.chainid, msg.sender), recipient, payload, 0, attributes);
        emit MessageQueued(id, sequence);
    }

    /// @notice There are no attributes.
    function supportsAttribute(bytes4) external pure returns (bool) {
        return false;
    }

    /// @notice The key of the network.
    function networkKey() public view returns (bytes32[8] memory) {
        return [_key0, _key1, _key2, _key3, _key4, _key5, _key6, _key7];
    }

    /// @dev The way back from what the validators signed to the id.
    function _verify(bytes32 id, uint64 sequence, Proof calldata proof) private view {
        Authority memory authority = Authority(networkId, sourceModule, G2Point(networkKey()));
        bytes32 outbox = Finality.outboxOf(authority, proof.certificate, proof.header, proof.extension);
        bytes32 lane = Outbox.laneWith(id, sequence, proof.count, proof.hashes);
        bytes32 proven = Outbox.rootWith(lane, OUTSIDE_LANE, proof.lanePath);
        if (proven != outbox) revert NotInOutbox(outbox, proven);
    }

    function _deliver(
        bytes32 id,
        uint64 sequence,
        uint256 gasLimit,
        address sender,
        address recipient,
        bytes calldata payload
    ) private {
        Recipients.deliver(recipient, gasLimit, id, Interoperable.format(sourceChainId, sender), payload);
        emit MessageDelivered(id, sequence, recipient);
    }

    function _unwrap(bytes calldata wrapped) private pure returns (address, address, bytes calldata) {
        return (address(bytes20(wrapped[:20])), address(bytes20(wrapped[20:40])), wrapped[40:]);
    }
}
