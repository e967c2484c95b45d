// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Caller} from "./Caller.sol";
import {IPool} from "./IPool.sol";
import {Recipients} from "./Recipients.sol";
import {Transfers, Unshield} from "./Transfers.sol";

/// @title The shielded pool of a module, at 0x0000000000000000000000000000000000007788 since genesis
/// @notice Implements section 11 of docs/spec/payments.md, whose sections the comments cite.
/// @dev There is no constructor: the genesis puts the runtime code and slots 0, 2 and 5 in place. The tree of notes and the
/// proofs are the nodes' affair; the contract keeps what is spent (PAY-2), the roots, and the sums.
///
/// Strangers run in three places. While a token is pulled, and while a payment is made, nothing else can move: `_locked`. In
/// the call of an unshield they may do anything, such as shield what they swapped: by then the nullifiers are spent, the
/// sums are right and the payment is made, so there is nothing left to be done twice. `transfer` itself is never entered
/// from within, as it answers to the origin of a transaction only.
contract Pool is IPool {
    using Transfers for bytes;
    using SafeERC20 for IERC20;

    address private constant APPENDER = 0x0000000000000000000000000000000000007789;
    uint32 private constant NATIVE = 0;

    uint256 private constant PROOF_GAS = 200_000;
    uint256 private constant EXPIRY_WINDOW = 1_200;
    uint64 private constant ANCHOR_WINDOW = 600;
    /// A block appends after it ends, so room is kept for more leaves than a block can make.
    uint64 private constant MOST_LEAVES = 2 ** 32 - 2 ** 20;
    /// An output of section 9 without its commitment, and a memo.
    uint256 private constant CIPHERTEXT = 242 + 528;

    uint256 private constant COIN_GAS = 50_000;
    uint256 private constant TOKEN_GAS = 150_000;
    /// More than a call takes besides the gas it passes on: 9,000 for value, 2,600 for a cold delegate (EIP-7702), and
    /// copying 4,096 bytes. A new account costs 25,000 more, but has no code that could need them.
    uint256 private constant CALL_COST = 14_000;
    /// More than what follows a call.
    uint256 private constant END_COST = 10_000;

    // Section 11.7 fixes the slots 0 to 6: the genesis writes them, and nodes read them without executing anything.
    address private _governance;
    bytes32 private _latestRoot;
    uint64 private _roots;
    uint64 private _size;
    uint32 private _assets;
    mapping(bytes32 nullifier => uint64) private _spentAt;
    mapping(bytes32 root => uint64) private _rootNumber;
    mapping(uint32 id => bytes32) private _circuits;
    mapping(uint32 id => bool) private _paused;

    mapping(address token => uint32) private _assetOf;
    mapping(uint32 asset => address) private _tokenOf;
    mapping(uint32 asset => uint256) private _pooledToken;
    mapping(uint32 asset => mapping(address recipient => uint256)) private _owed;
    uint256 private _owedCoin;

    bool private transient _locked;

    modifier onlyGovernance() {
        if (msg.sender != _governance) revert NotGovernance(msg.sender);
        _;
    }

    /// @notice Burns the gas of proofs: INVALID takes all of it and costs the node no work.
    fallback() external {
        if (msg.sender != address(this)) revert();
        assembly ("memory-safe") {
            invalid()
        }
    }

    function shield(uint32 asset, uint128 value, bytes32 inner, bytes calldata ciphertext) external payable {
        if (_locked) revert Reentered();
        _requireRoom();
        _requireAsset(asset);
        if (value == 0) revert ZeroValue();
        Transfers.requireCanonical(inner);
        if (ciphertext.length != 0 && ciphertext.length != CIPHERTEXT) revert InvalidCiphertext(ciphertext.length);
        uint256 coin = asset == NATIVE ? value : 0;
        if (msg.value != coin) revert WrongCoin(msg.value, coin);
        if (asset != NATIVE) _pull(asset, value);
        emit Shielded(asset, msg.sender, value, inner, ciphertext);
    }

    function transfer(bytes calldata data) external {
        uint256 outputsAt = data.check();
        (bytes32 first, bytes32 second) = data.nullifiers();
        _requireSender(first);
        _requireCircuit(data.circuit());
        _requireExpiry(data.expiry());
        _requireRoom();
        _requireAnchor(data.anchor());
        if (first == second) revert EqualNullifiers(first);
        _spend(first);
        _spend(second);
        _burn(PROOF_GAS);
        emit Transferred(first, second, data.outputs(outputsAt));
        if (data.hasUnshield()) _unshield(data.unshield(), data.callData(outputsAt));
    }

    /// @dev Section 11.3. A block begins with it, so it refuses nobody but strangers: whatever it lacks, it goes on.
    function append(bytes32 root, uint64 size, uint128 fees, bytes calldata) external {
        if (msg.sender != APPENDER) revert NotTheAppender(msg.sender);
        uint64 number = _roots + 1;
        (_latestRoot, _roots, _size) = (root, number, size);
        _rootNumber[root] = number;
        uint256 left = pooled(NATIVE);
        _destroy(fees < left ? fees : left);
        emit Appended(root, size);
    }

    function addAsset(address token) external returns (uint32 asset) {
        asset = _assetOf[token];
        if (asset != 0) return asset;
        if (token.code.length == 0) revert NotAToken(token);
        asset = _assets++;
        _assetOf[token] = asset;
        _tokenOf[asset] = token;
        emit AssetAdded(asset, token);
    }

    function withdraw(uint32 asset, address recipient) external {
        if (_locked) revert Reentered();
        uint256 value = _owed[asset][recipient];
        if (value == 0) revert NothingOwed(asset, recipient);
        delete _owed[asset][recipient];
        if (asset == NATIVE) _owedCoin -= value;
        // Who calls pays for the gas, and so decides how much of it the payment may take.
        if (!_pay(asset, recipient, value, gasleft())) revert PaymentFailed(asset, recipient);
        emit Withdrawn(asset, recipient, value);
    }

    function pause(uint32 id) external onlyGovernance {
        _requireKnown(id);
        _paused[id] = true;
        emit Paused(id);
    }

    function resume(uint32 id) external onlyGovernance {
        _requireKnown(id);
        _paused[id] = false;
        emit Resumed(id);
    }

    function addCircuit(uint32 id, bytes32 fingerprint) external onlyGovernance {
        if (_circuits[id] != 0) revert CircuitExists(id);
        if (fingerprint == 0) revert ZeroFingerprint();
        _circuits[id] = fingerprint;
        emit CircuitAdded(id, fingerprint);
    }

    function setGovernance(address account) external onlyGovernance {
        if (account == address(0)) revert ZeroAddress();
        _governance = account;
        emit GovernanceChanged(account);
    }

    function assetOf(address token) external view returns (uint32) {
        return _assetOf[token];
    }

    function tokenOf(uint32 asset) external view returns (address) {
        return _tokenOf[asset];
    }

    function assets() external view returns (uint32) {
        return _assets;
    }

    function isSpent(bytes32 nullifier) external view returns (bool) {
        return _spentAt[nullifier] != 0;
    }

    function spentAt(bytes32 nullifier) external view returns (uint64) {
        return _spentAt[nullifier];
    }

    function rootNumber(bytes32 root) external view returns (uint64) {
        return _rootNumber[root];
    }

    function roots() external view returns (uint64) {
        return _roots;
    }

    function latest() external view returns (bytes32 root, uint64 size) {
        return (_latestRoot, _size);
    }

    function pooled(uint32 asset) public view returns (uint256) {
        return asset == NATIVE ? address(this).balance - _owedCoin : _pooledToken[asset];
    }

    function owed(uint32 asset, address recipient) external view returns (uint256) {
        return _owed[asset][recipient];
    }

    function circuit(uint32 id) external view returns (bytes32 fingerprint, bool paused) {
        return (_circuits[id], _paused[id]);
    }

    function governance() external view returns (address) {
        return _governance;
    }

    // ---------------------------------------------------------------------------------------------------- transfers

    /// @dev The proof is checked for transactions, not for calls. Two strangers' addresses can be made to meet with some 2^80
    /// hashes, so the address alone does not say that this is one: a contract is not the origin, and an account with a
    /// delegate (EIP-7702) has code. What remains, a signed transaction to this function, is refused by the nodes (11.1).
    function _requireSender(bytes32 firstNullifier) private view {
        address sender = Transfers.sender(firstNullifier);
        if (msg.sender != sender || tx.origin != sender || sender.code.length != 0) {
            revert NotTheSender(msg.sender, sender);
        }
    }

    function _requireKnown(uint32 id) private view {
        if (_circuits[id] == 0) revert UnknownCircuit(id);
    }

    function _requireCircuit(uint32 id) private view {
        _requireKnown(id);
        if (_paused[id]) revert CircuitPaused(id);
    }

    function _requireExpiry(uint64 expiry) private view {
        if (expiry < block.number) revert Expired(expiry, block.number);
        uint256 last = block.number + EXPIRY_WINDOW;
        if (expiry > last) revert ExpiryTooFar(expiry, last);
    }

    /// @dev Section 6.
    function _requireAnchor(bytes32 anchor) private view {
        uint64 number = _rootNumber[anchor];
        if (number == 0) revert UnknownAnchor(anchor);
        if (_roots - number >= ANCHOR_WINDOW) revert StaleAnchor(anchor, number, _roots);
    }

    function _requireRoom() private view {
        if (_size > MOST_LEAVES) revert TreeFull(_size);
    }

    function _requireAsset(uint32 asset) private view {
        if (asset >= _assets) revert UnknownAsset(asset);
    }

    /// @dev PAY-2.
    function _spend(bytes32 nullifier) private {
        uint64 spent = _spentAt[nullifier];
        if (spent != 0) revert AlreadySpent(nullifier, spent);
        _spentAt[nullifier] = uint64(block.number);
    }

    /// @dev Pays for the proof, which the nodes check outside of the EVM.
    function _burn(uint256 amount) private view {
        _requireGas(_toPassOn(amount));
        assembly ("memory-safe") {
            pop(staticcall(amount, address(), 0, 0, 0, 0))
        }
    }

    // -------------------------------------------------------------------------------------------------------- value

    function _pull(uint32 asset, uint128 value) private {
        IERC20 token = IERC20(_tokenOf[asset]);
        _locked = true;
        uint256 balance = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), value);
        uint256 balanceAfter = token.balanceOf(address(this));
        _locked = false;
        if (balanceAfter != balance + value) revert WrongAmount(asset, balance, balanceAfter, value);
        _pooledToken[asset] += value;
    }

    /// @dev Section 11.4. Whatever strangers do here, the transfer stands.
    function _unshield(Unshield memory unshield, bytes calldata callData) private {
        (uint32 asset, uint128 value, address recipient) = (unshield.asset, unshield.value, unshield.recipient);
        _takeOut(asset, value);
        uint256 limit = asset == NATIVE ? COIN_GAS : TOKEN_GAS;
        _requireGas(_toPassOn(limit));
        bool paid = _pay(asset, recipient, value, limit);
        if (!paid) {
            _owed[asset][recipient] += value;
            if (asset == NATIVE) _owedCoin += value;
        }
        bool called = paid && callData.length != 0 && _call(recipient, unshield.gas, callData);
        emit Unshielded(asset, recipient, value, paid, called);
    }

    /// @dev The turnstile of section 11.5. For the native coin the balance itself is the sum.
    function _takeOut(uint32 asset, uint128 value) private {
        _requireAsset(asset);
        if (value == 0) revert ZeroValue();
        uint256 left = pooled(asset);
        if (value > left) revert NotEnoughPooled(asset, left, value);
        if (asset != NATIVE) _pooledToken[asset] = left - value;
    }

    function _pay(uint32 asset, address recipient, uint256 value, uint256 limit) private returns (bool paid) {
        _locked = true;
        if (asset == NATIVE) (paid,) = Recipients.call(recipient, limit, value, "");
        else paid = _payToken(_tokenOf[asset], recipient, value, limit);
        _locked = false;
    }

    /// @dev Many tokens answer nothing, which is a success only where there is code.
    function _payToken(address token, address recipient, uint256 value, uint256 limit) private returns (bool) {
        bytes memory input = abi.encodeCall(IERC20.transfer, (recipient, value));
        (bool ok, bytes memory answer) = Recipients.call(token, limit, 0, input);
        if (answer.length == 0) return ok && token.code.length != 0;
        return ok && answer.length >= 32 && uint256(bytes32(answer)) == 1;
    }

    /// @dev Nothing is called where there is no code. The requirement has two layers, as `Caller` calls in turn.
    function _call(address recipient, uint64 limit, bytes calldata callData) private returns (bool) {
        if (recipient.code.length == 0) return false;
        address caller = _caller();
        bytes memory input = abi.encodeCall(Caller.call, (recipient, limit, callData));
        _requireGas(_toPassOn(_toPassOn(limit)) + END_COST);
        (bool ok, bytes memory answer) = Recipients.call(caller, gasleft(), 0, input);
        return ok && uint256(bytes32(answer)) == 1;
    }

    /// @dev The account that makes the calls, which the first of them creates.
    function _caller() private returns (address caller) {
        bytes32 code = keccak256(type(Caller).creationCode);
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), code));
        caller = address(uint160(uint256(hash)));
        if (caller.code.length == 0) new Caller{salt: 0}();
    }

    /// @dev A contract that ends in the transaction that creates it takes its coin with it (EIP-6780).
    function _destroy(uint256 value) private {
        if (value == 0) return;
        assembly ("memory-safe") {
            // ADDRESS SELFDESTRUCT
            mstore(0, 0x30ff)
            pop(create(value, 30, 2))
        }
    }

    /// @dev A call passes on at most 63/64 of what is left (EIP-150) and would silently get less than it was promised.
    function _toPassOn(uint256 amount) private pure returns (uint256) {
        return amount + amount / 63 + CALL_COST;
    }

    function _requireGas(uint256 needed) private view {
        if (gasleft() < needed) revert NotEnoughGas(gasleft(), needed);
    }
}
