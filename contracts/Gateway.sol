// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway, IGatewayAttributes} from "./IGateway.sol";
import {Interoperable} from "./Interoperable.sol";
import {Message, Messages, Route} from "./Messages.sol";
import {Recipients} from "./Recipients.sol";

/// @title The gateway of a module, at 0x0000000000000000000000000000000000007786 since genesis
/// @notice Implements docs/spec/messages.md, whose sections the comments cite.
/// @dev There is no constructor: the genesis puts the runtime code and slot 0 in place. Every state change of a function
/// stands before the calls it makes to strangers, so a recipient may call any function of the gateway.
contract Gateway is IGateway {
    using Interoperable for bytes;

    /// What the attributes of a message say.
    struct Options {
        uint256 gasLimit;
        address refundTo;
        bool outside;
    }

    struct Outbound {
        uint64 sent;
        uint128 sentValue;
    }

    struct Inbound {
        uint64 received;
        uint128 settledValue;
    }

    address private constant IMPORTER = 0x0000000000000000000000000000000000007787;
    uint256 private constant OUTSIDE_LANE = 64;

    uint256 private constant PAYLOAD_LIMIT = 24_576;
    uint256 private constant LEAST_GAS = 21_000;
    uint256 private constant MOST_GAS = 8_000_000;
    uint256 private constant DEFAULT_GAS = 200_000;
    uint64 private constant REFUND_GAS = 100_000;
    uint256 private constant REFUND_DELAY = 1 days;

    /// What the EVM gives the recipient of a call with value on top.
    uint256 private constant STIPEND = 2_300;
    /// More than a call takes besides the gas it passes on: 9,000 for value, 2,600 for a cold delegate (EIP-7702).
    uint256 private constant CALL_COST = 14_000;
    /// More than a call of the gateway itself takes, without the bytes of the payload.
    uint256 private constant FRAME_COST = 3_000;

    // Section 9 fixes this layout: the genesis writes slot 0, and nodes read the counters without executing anything.
    uint64 private _modules;
    uint64 private _firstChainId;
    mapping(uint256 lane => Outbound) private _outbound;
    mapping(uint256 source => Inbound) private _inbound;
    mapping(bytes32 id => uint64) private _failures;

    /// @notice Burns the gas of deliveries: INVALID takes all of it and costs the node no work.
    fallback() external {
        if (msg.sender != address(this)) revert();
        assembly ("memory-safe") {
            invalid()
        }
    }

    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 id)
    {
        if (payload.length > PAYLOAD_LIMIT) revert PayloadTooLong(payload.length, PAYLOAD_LIMIT);
        (uint256 chainId, address account) = recipient.parse();
        Options memory options = _options(attributes);
        uint256 lane = _lane(chainId, options.outside);
        Message memory message = Message({
            sender: msg.sender,
            recipient: account,
            value: msg.value,
            gasLimit: uint64(options.gasLimit),
            refundTo: options.refundTo,
            payload: ""
        });
        uint64 sequence = _count(lane, msg.value);
        id = Messages.id(message, Route(block.chainid, chainId, sequence), keccak256(payload));
        if (!options.outside) _burn(options.gasLimit);
        emit MessageSent(id, Interoperable.format(block.chainid, msg.sender), recipient, payload, msg.value, attributes);
        emit MessageQueued(id, lane, sequence, message.gasLimit, message.refundTo);
    }

    function deliver(uint256 source, uint64 first, Message[] calldata messages, bytes calldata) external {
        if (msg.sender != IMPORTER) revert NotTheImporter(msg.sender);
        if (source >= _modules || _firstChainId + source == block.chainid) revert NotASource(source);
        if (messages.length == 0) revert NothingToDeliver();
        uint64 expected = _inbound[source].received;
        if (first != expected) revert WrongSequence(first, expected);
        // A single store before the first call: while recipients run, the whole import counts as received.
        _inbound[source].received = first + uint64(messages.length);
        for (uint256 i = 0; i < messages.length; ++i) {
            uint256 mark = _markMemory();
            _deliver(source, first + uint64(i), messages[i]);
            _releaseMemory(mark);
        }
    }

    function retry(uint256 source, uint64 sequence, Message calldata message) external {
        (bytes32 id,) = _takeFailure(source, sequence, message);
        (bool ok, bytes memory reason) = _attempt(id, _firstChainId + source, message, gasleft());
        if (!ok) revert DeliveryFailed(id, reason);
        _settle(source, message.value);
        emit MessageDelivered(id, source, sequence);
    }

    function refund(uint256 source, uint64 sequence, Message calldata message) external returns (bytes32 refundId) {
        (bytes32 id, uint256 failedAt) = _takeFailure(source, sequence, message);
        bool party = msg.sender == message.recipient || msg.sender == message.refundTo;
        if (!party && block.timestamp < failedAt + REFUND_DELAY) revert RefundTooEarly(id, failedAt + REFUND_DELAY);
        if (message.value != 0) refundId = _sendBack(source, message);
        emit MessageRefunded(id, refundId);
    }

    function attempt(
        address recipient,
        uint256 limit,
        uint256 value,
        bytes32 id,
        bytes calldata sender,
        bytes calldata payload
    ) external {
        if (msg.sender != address(this)) revert NotTheGateway(msg.sender);
        (bool ok, bytes memory answer) = Recipients.receiveMessage(recipient, limit, value, id, sender, payload);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function supportsAttribute(bytes4 selector) external pure returns (bool) {
        return selector == IGatewayAttributes.gasLimit.selector || selector == IGatewayAttributes.refundTo.selector
            || selector == IGatewayAttributes.outside.selector;
    }

    function sent(uint256 lane) external view returns (uint64) {
        return _outbound[lane].sent;
    }

    function received(uint256 source) external view returns (uint64) {
        return _inbound[source].received;
    }

    function sentValue(uint256 lane) external view returns (uint256) {
        return _outbound[lane].sentValue;
    }

    function settledValue(uint256 source) external view returns (uint256) {
        return _inbound[source].settledValue;
    }

    function failure(bytes32 id) external view returns (uint64) {
        return _failures[id];
    }

    function modules() external view returns (uint256) {
        return _modules;
    }

    function firstChainId() external view returns (uint256) {
        return _firstChainId;
    }

    // ---------------------------------------------------------------------------------------------------- sending

    /// @dev The lane to `chainId`: the module's index, or the one for all outside chains.
    function _lane(uint256 chainId, bool outside) private view returns (uint256) {
        (uint256 first, uint256 count) = (_firstChainId, _modules);
        bool isModule = chainId >= first && chainId - first < count;
        if (outside) {
            if (isModule) revert NotOutside(chainId);
            if (msg.value != 0) revert ValueForOutsideChain(msg.value);
            return OUTSIDE_LANE;
        }
        if (!isModule) revert NotAModule(chainId, first, count);
        if (chainId == block.chainid) revert RecipientInSameModule(chainId);
        return chainId - first;
    }

    function _options(bytes[] calldata attributes) private view returns (Options memory options) {
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes calldata attribute = attributes[i];
            if (attribute.length < 4) revert MalformedAttribute(attribute);
            bytes4 selector = bytes4(attribute);
            if (selector == IGatewayAttributes.gasLimit.selector) {
                if (options.gasLimit != 0) revert RepeatedAttribute(selector);
                options.gasLimit = _gasLimit(_word(attribute));
            } else if (selector == IGatewayAttributes.refundTo.selector) {
                if (options.refundTo != address(0)) revert RepeatedAttribute(selector);
                options.refundTo = _account(attribute);
            } else if (selector == IGatewayAttributes.outside.selector) {
                if (options.outside) revert RepeatedAttribute(selector);
                if (attribute.length != 4) revert MalformedAttribute(attribute);
                options.outside = true;
            } else {
                revert UnsupportedAttribute(selector);
            }
        }
        if (options.gasLimit == 0) options.gasLimit = DEFAULT_GAS;
        if (options.refundTo == address(0)) options.refundTo = msg.sender;
    }

    function _word(bytes calldata attribute) private pure returns (uint256) {
        if (attribute.length != 36) revert MalformedAttribute(attribute);
        return uint256(bytes32(attribute[4:]));
    }

    function _gasLimit(uint256 limit) private pure returns (uint256) {
        if (limit < LEAST_GAS || limit > MOST_GAS) revert GasLimitOutOfRange(limit, LEAST_GAS, MOST_GAS);
        return limit;
    }

    /// @dev Nobody has the zero address: it counts as malformed, because it can only be an omission.
    function _account(bytes calldata attribute) private pure returns (address) {
        uint256 word = _word(attribute);
        if (word == 0 || word > type(uint160).max) revert MalformedAttribute(attribute);
        return address(uint160(word));
    }

    /// @dev Counts a new message of `lane` and returns its sequence.
    function _count(uint256 lane, uint256 value) private returns (uint64 sequence) {
        Outbound storage outbound = _outbound[lane];
        sequence = outbound.sent;
        outbound.sent = sequence + 1;
        // All coin of a module is far below 2^128 wei, so the cast loses nothing.
        if (value != 0) outbound.sentValue += uint128(value);
    }

    /// @dev Section 3: the sender pays for the delivery by burning its gas here.
    function _burn(uint256 amount) private view {
        _requireGas(_toPassOn(amount));
        uint256 before = gasleft();
        assembly ("memory-safe") {
            pop(staticcall(amount, address(), 0, 0, 0, 0))
        }
        // Nothing is burned by a call that is too deep to be made.
        if (before - gasleft() < amount) revert NotEnoughGas(before, amount);
    }

    // --------------------------------------------------------------------------------------------------- delivery

    function _deliver(uint256 source, uint64 sequence, Message calldata message) private {
        uint256 sourceChain = _firstChainId + source;
        bytes32 id = Messages.idOf(message, Route(sourceChain, block.chainid, sequence));
        (bool ok, bytes memory reason) = _attempt(id, sourceChain, message, message.gasLimit);
        if (ok) {
            _settle(source, message.value);
            emit MessageDelivered(id, source, sequence);
        } else {
            _failures[id] = uint64(block.timestamp);
            emit MessageFailed(id, source, sequence, reason);
        }
    }

    /// @dev Section 6.3. Gives the recipient exactly `limit`, except an account without code, which needs none. That also
    /// bounds what a precompile can use up, which looks like such an account.
    function _attempt(bytes32 id, uint256 sourceChain, Message calldata message, uint256 limit)
        private
        returns (bool, bytes memory)
    {
        address to = message.recipient;
        if (to == address(this)) return (false, abi.encodeWithSelector(RecipientIsGateway.selector));
        uint256 codeSize = to.code.length;
        if (codeSize == 0 && message.payload.length != 0) {
            return (false, abi.encodeWithSelector(RecipientHasNoCode.selector, to));
        }
        if (codeSize == 0) return Recipients.call(to, 0, message.value, "");
        uint256 needed = _toPassOn(message.gasLimit);
        _requireGas(needed + needed / 63 + FRAME_COST + 2 * message.payload.length);
        // The EVM adds its stipend to a call with value.
        uint256 passed = message.value == 0 ? limit : limit - STIPEND;
        if (_isTransfer(message)) return Recipients.call(to, passed, message.value, "");
        return _receiveMessage(id, sourceChain, message, passed);
    }

    /// @dev Whether an account with code gets nothing but the coin. Refunds, the only messages of the gateway itself, go to
    /// whoever sent the value, often a contract that takes no messages; a delegated account (EIP-7702) is still a person's.
    function _isTransfer(Message calldata message) private view returns (bool) {
        if (message.payload.length != 0) return false;
        return message.sender == address(this) || Recipients.isDelegated(message.recipient);
    }

    /// @dev Calls the recipient from a frame of its own: an answer other than the selector is a failure, and undoes the call.
    function _receiveMessage(bytes32 id, uint256 sourceChain, Message calldata message, uint256 limit)
        private
        returns (bool, bytes memory)
    {
        bytes memory sender = Interoperable.format(sourceChain, message.sender);
        bytes memory input = abi.encodeCall(
            this.attempt, (message.recipient, limit, message.value, id, sender, message.payload)
        );
        return Recipients.call(address(this), gasleft(), 0, input);
    }

    /// @dev A call passes on at most 63/64 of what is left (EIP-150) and would silently get less than it was promised.
    function _toPassOn(uint256 amount) private pure returns (uint256) {
        return amount + amount / 63 + CALL_COST;
    }

    function _requireGas(uint256 needed) private view {
        if (gasleft() < needed) revert NotEnoughGas(gasleft(), needed);
    }

    function _settle(uint256 source, uint256 value) private {
        if (value != 0) _inbound[source].settledValue += uint128(value);
    }

    // ---------------------------------------------------------------------------------------------------- failures

    /// @dev Removes the failure before anything else happens, so no message is settled twice.
    function _takeFailure(uint256 source, uint64 sequence, Message calldata message)
        private
        returns (bytes32 id, uint256 failedAt)
    {
        id = Messages.idOf(message, Route(_firstChainId + source, block.chainid, sequence));
        failedAt = _failures[id];
        if (failedAt == 0) revert NothingToSettle(id);
        delete _failures[id];
    }

    /// @dev Section 7. If the refund fails too, its value can go to whom it was meant for at first.
    function _sendBack(uint256 source, Message calldata failed) private returns (bytes32 id) {
        _settle(source, failed.value);
        uint64 sequence = _count(source, failed.value);
        Message memory message = Message({
            sender: address(this),
            recipient: failed.refundTo,
            value: failed.value,
            gasLimit: REFUND_GAS,
            refundTo: failed.recipient,
            payload: ""
        });
        uint256 chainId = _firstChainId + source;
        id = Messages.id(message, Route(block.chainid, chainId, sequence), keccak256(""));
        _burn(REFUND_GAS);
        bytes memory sender = Interoperable.format(block.chainid, address(this));
        bytes memory recipient = Interoperable.format(chainId, failed.refundTo);
        emit MessageSent(id, sender, recipient, "", failed.value, new bytes[](0));
        emit MessageQueued(id, source, sequence, REFUND_GAS, message.refundTo);
    }

    // ------------------------------------------------------------------------------------------------------ memory

    /// @dev Memory of one delivery is used again by the next, because its price grows with the square.
    function _markMemory() private pure returns (uint256 mark) {
        assembly ("memory-safe") {
            mark := mload(0x40)
        }
    }

    function _releaseMemory(uint256 mark) private pure {
        assembly ("memory-safe") {
            mstore(0x40, mark)
        }
    }
}
