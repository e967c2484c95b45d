// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice The shielded pool of a module: notes whose owner, amount and asset nobody sees (docs/spec/payments.md).
interface IPool {
    /// @notice One new leaf, which whoever appends it finishes from `inner`, asset and value (section 4).
    event Shielded(uint32 indexed asset, address indexed payer, uint128 value, bytes32 inner, bytes ciphertext);
    /// @notice Two notes are spent and three made. `outputs` are those of section 9 and the memo: 1,350 bytes, three leaves.
    event Transferred(bytes32 indexed nullifier0, bytes32 indexed nullifier1, bytes outputs);
    /// @notice Value left the pool. What was not `paid` is owed; `called` if there was a call and it did not fail.
    event Unshielded(uint32 indexed asset, address indexed recipient, uint128 value, bool paid, bool called);
    /// @notice The tree of notes has `size` leaves and this root.
    event Appended(bytes32 indexed root, uint64 indexed size);
    /// @notice The token can be shielded under this number.
    event AssetAdded(uint32 indexed asset, address indexed token);
    /// @notice What was owed is paid.
    event Withdrawn(uint32 indexed asset, address indexed recipient, uint256 value);
    /// @notice The circuit makes no more transfers until it is resumed.
    event Paused(uint32 indexed circuit);
    /// @notice The circuit makes transfers again.
    event Resumed(uint32 indexed circuit);
    /// @notice Transfers may be proven with this circuit, whose verifying key has this fingerprint.
    event CircuitAdded(uint32 indexed circuit, bytes32 fingerprint);
    /// @notice The account that governs the circuits from now on.
    event GovernanceChanged(address indexed account);

    /// @notice Only the account that follows from its first nullifier makes a transfer, in a transaction of its own.
    error NotTheSender(address caller, address sender);
    /// @notice Only the account of the record of the root appends.
    error NotTheAppender(address caller);
    /// @notice Only the governance account does this.
    error NotGovernance(address caller);

    /// @notice The transfer is shorter or longer than its form says.
    error InvalidLength(uint256 given, uint256 expected);
    /// @notice The public part is neither none (0) nor an unshield (2).
    error InvalidPublicPart(uint8 kind);
    /// @notice The call data of an unshield is too long.
    error CallDataTooLong(uint256 length, uint256 limit);
    /// @notice The element is not below the order of the field.
    error NotCanonical(bytes32 element);
    /// @notice There is no such circuit.
    error UnknownCircuit(uint32 circuit);
    /// @notice The circuit makes no transfers at present.
    error CircuitPaused(uint32 circuit);
    /// @notice No later block than `expiry` may hold the transfer.
    error Expired(uint64 expiry, uint256 blockNumber);
    /// @notice The expiry is further ahead than `latest`.
    error ExpiryTooFar(uint64 expiry, uint256 latest);
    /// @notice The tree never had this root.
    error UnknownAnchor(bytes32 anchor);
    /// @notice The root's number is too far below that of the newest.
    error StaleAnchor(bytes32 anchor, uint64 number, uint64 roots);
    /// @notice A note cannot be both inputs.
    error EqualNullifiers(bytes32 nullifier);
    /// @notice The note was spent in block `spentAt`.
    error AlreadySpent(bytes32 nullifier, uint64 spentAt);

    /// @notice There is no such asset.
    error UnknownAsset(uint32 asset);
    /// @notice Nothing goes in or out only with a value.
    error ZeroValue();
    /// @notice The coin sent is not the value that is shielded, which is none for tokens.
    error WrongCoin(uint256 given, uint256 expected);
    /// @notice The token moved another amount than `value`, so it takes fees or changes balances by itself.
    error WrongAmount(uint32 asset, uint256 balanceBefore, uint256 balanceAfter, uint128 value);
    /// @notice What comes with a shielded note is nothing, or an output without commitment and a memo: 770 bytes.
    error InvalidCiphertext(uint256 length);
    /// @notice More would leave the pool than is in it.
    error NotEnoughPooled(uint32 asset, uint256 pooled, uint128 value);
    /// @notice The tree has no room for more notes.
    error TreeFull(uint64 size);
    /// @notice While a token or a payment's recipient runs, nothing else moves.
    error Reentered();
    /// @notice The gas that is left is not enough for what the transfer is promised.
    error NotEnoughGas(uint256 available, uint256 needed);

    /// @notice A token is a contract.
    error NotAToken(address token);
    /// @notice Nothing of the asset is owed to the account.
    error NothingOwed(uint32 asset, address recipient);
    /// @notice What is owed could not be paid this time either.
    error PaymentFailed(uint32 asset, address recipient);

    /// @notice A circuit's number is never given a second meaning.
    error CircuitExists(uint32 circuit);
    /// @notice No verifying key has the fingerprint zero.
    error ZeroFingerprint();
    /// @notice Nobody has the zero address, so it can only be an omission.
    error ZeroAddress();

    /// @notice Brings in `value` of `asset` as a note with `inner`: native coin with the call, a token by `transferFrom`.
    function shield(uint32 asset, uint128 value, bytes32 inner, bytes calldata ciphertext) external payable;
    /// @notice Makes the transfer of section 9, whose proof every node has checked before it executes the transaction.
    function transfer(bytes calldata data) external;
    /// @notice Records root and size of the tree after the parent block, and destroys the fees of its transfers.
    function append(bytes32 root, uint64 size, uint128 fees, bytes calldata frontier) external;
    /// @notice Gives `token` the next number, or returns the one it has.
    function addAsset(address token) external returns (uint32 asset);
    /// @notice Pays what unshields could not pay to `recipient`.
    function withdraw(uint32 asset, address recipient) external;

    /// @notice Stops transfers that are proven with `id`.
    function pause(uint32 id) external;
    /// @notice Admits them again.
    function resume(uint32 id) external;
    /// @notice Admits transfers proven with another circuit.
    function addCircuit(uint32 id, bytes32 fingerprint) external;
    /// @notice Hands the governance over.
    function setGovernance(address account) external;

    /// @notice Number of `token`, zero if it has none.
    function assetOf(address token) external view returns (uint32);
    /// @notice The token of this number, zero for the native coin and for numbers not given.
    function tokenOf(uint32 asset) external view returns (address);
    /// @notice How many assets there are, the native coin among them.
    function assets() external view returns (uint32);
    /// @notice Whether the note with this nullifier is spent.
    function isSpent(bytes32 nullifier) external view returns (bool);
    /// @notice The block that spent it, zero if none did.
    function spentAt(bytes32 nullifier) external view returns (uint64);
    /// @notice Number of `root` among all roots, from 1; zero if the tree never had it.
    function rootNumber(bytes32 root) external view returns (uint64);
    /// @notice How many roots there were.
    function roots() external view returns (uint64);
    /// @notice The newest root and the tree's size under it.
    function latest() external view returns (bytes32 root, uint64 size);
    /// @notice What is in the pool: more can never leave it (section 11.5).
    function pooled(uint32 asset) external view returns (uint256);
    /// @notice What left the pool and could not be paid.
    function owed(uint32 asset, address recipient) external view returns (uint256);
    /// @notice Fingerprint of a circuit's verifying key, zero if there is none, and whether it is paused.
    function circuit(uint32 id) external view returns (bytes32 fingerprint, bool paused);
    /// @notice The account that governs the circuits.
    function governance() external view returns (address);
}
