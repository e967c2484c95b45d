// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {Message} from "./Messages.sol";

/// @notice What `attributes` of `sendMessage` may hold: calls of these functions in ABI encoding.
interface IGatewayAttributes {
    /// @notice Gas of the delivery.
    function gasLimit(uint256 limit) external;
    /// @notice Who gets the value back if the message fails.
    function refundTo(address account) external;
    /// @notice The destination is an EVM chain outside of the network.
    function outside() external;
}

/// @notice The gateway of a module: sends messages to other modules and delivers theirs (docs/spec/messages.md).
interface IGateway is IERC7786GatewaySource {
    /// @notice With `MessageSent`, all there is to know about a message.
    event MessageQueued(
        bytes32 indexed id, uint256 indexed lane, uint64 indexed sequence, uint64 gasLimit, address refundTo
    );
    /// @notice The message was delivered, at once or by a retry.
    event MessageDelivered(bytes32 indexed id, uint256 indexed source, uint64 indexed sequence);
    /// @notice The recipient did not take the message. `reason` is the beginning of what it said.
    event MessageFailed(bytes32 indexed id, uint256 indexed source, uint64 indexed sequence, bytes reason);
    /// @notice The failed message is closed. Its value travels back as message `refundId`, zero if there was none.
    event MessageRefunded(bytes32 indexed id, bytes32 indexed refundId);

    /// @notice The chain is no module of the network: those have the `modules` ids from `firstChainId` on.
    error NotAModule(uint256 chainId, uint256 firstChainId, uint256 modules);
    /// @notice A message to the module it is sent in: call the recipient instead.
    error RecipientInSameModule(uint256 chainId);
    /// @notice `outside()` with a chain that is a module of the network.
    error NotOutside(uint256 chainId);
    /// @notice Value moves between modules only.
    error ValueForOutsideChain(uint256 value);
    /// @notice The payload is too long.
    error PayloadTooLong(uint256 length, uint256 limit);
    /// @notice The attribute is not the ABI encoding of a call.
    error MalformedAttribute(bytes attribute);
    /// @notice The attribute is there twice.
    error RepeatedAttribute(bytes4 selector);
    /// @notice A delivery has between `least` and `most` gas.
    error GasLimitOutOfRange(uint256 gasLimit, uint256 least, uint256 most);
    /// @notice The gas that is left is not enough for what the message is promised.
    error NotEnoughGas(uint256 available, uint256 needed);

    /// @notice Only the importing account delivers.
    error NotTheImporter(address caller);
    /// @notice The source is no other module of the network.
    error NotASource(uint256 source);
    /// @notice Messages of a source are delivered in order, each once.
    error WrongSequence(uint64 first, uint64 expected);
    /// @notice An import without messages.
    error NothingToDeliver();

    /// @notice Only the gateway itself calls this.
    error NotTheGateway(address caller);

    /// @notice No failed message has this id: it is another one, or settled, or not delivered.
    error NothingToSettle(bytes32 id);
    /// @notice The recipient refused the message again.
    error DeliveryFailed(bytes32 id, bytes reason);
    /// @notice Until then, only the recipient and the address of `refundTo` may ask for the refund.
    error RefundTooEarly(bytes32 id, uint256 allowedFrom);

    /// @notice Reason of a failure: there is no code to call with the payload.
    error RecipientHasNoCode(address recipient);
    /// @notice Reason of a failure: the gateway is nobody's recipient.
    error RecipientIsGateway();

    /// @notice Delivers `messages` of the lane from module `source`, of which `first` is the sequence of the first one.
    /// @dev `proof` was checked by every node before it executes the transaction.
    function deliver(uint256 source, uint64 first, Message[] calldata messages, bytes calldata proof) external;
    /// @notice Calls the recipient of a failed message again, with all the gas there is and at least what was promised.
    function retry(uint256 source, uint64 sequence, Message calldata message) external;
    /// @notice Closes a failed message and sends its value back.
    function refund(uint256 source, uint64 sequence, Message calldata message) external returns (bytes32 refundId);

    /// @notice Calls a recipient. Only for the gateway itself, which calls it in order to undo the call if its answer is wrong.
    function attempt(
        address recipient,
        uint256 limit,
        uint256 value,
        bytes32 id,
        bytes calldata sender,
        bytes calldata payload
    ) external;

    /// @notice Number of messages sent in `lane`.
    function sent(uint256 lane) external view returns (uint64);
    /// @notice Number of messages of module `source` that were delivered or failed.
    function received(uint256 source) external view returns (uint64);
    /// @notice Wei taken in for `lane`.
    function sentValue(uint256 lane) external view returns (uint256);
    /// @notice Wei of module `source` paid out or sent back.
    function settledValue(uint256 source) external view returns (uint256);
    /// @notice Block time of the failure of message `id`, zero if there is none to settle.
    function failure(bytes32 id) external view returns (uint64);
    /// @notice Number of modules of the network.
    function modules() external view returns (uint256);
    /// @notice Chain id of module 0; the others follow.
    function firstChainId() external view returns (uint256);
}
