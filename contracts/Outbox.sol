// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice Proofs of single messages in an outbox (docs/spec/messages.md, section 4).
library Outbox {
    /// @notice The proof has not as many hashes as a message at this position needs.
    error WrongProofLength(uint256 given, uint256 needed);
    /// @notice There is no such message in the lane yet.
    error NotSentYet(uint64 sequence, uint64 count);

    uint256 private constant DEPTH = 7;

    /// @notice The commitment to the lane of `count` messages of which the one at `sequence` is `id`.
    function laneWith(bytes32 id, uint64 sequence, uint64 count, bytes32[] calldata hashes)
        internal
        pure
        returns (bytes32)
    {
        if (sequence >= count) revert NotSentYet(sequence, count);
        bytes32 leaf = keccak256(abi.encodePacked(uint8(0), id));
        (bytes32 root, uint256 used) = _walk(Span(0, count), sequence, leaf, hashes, 0);
        if (used != hashes.length) revert WrongProofLength(hashes.length, used);
        return keccak256(abi.encodePacked(uint8(2), count, root));
    }

    /// @notice The outbox in which lane `index` is `lane`.
    function rootWith(bytes32 lane, uint256 index, bytes32[7] calldata path) internal pure returns (bytes32 root) {
        root = lane;
        for (uint256 level = 0; level < DEPTH; ++level) {
            bool right = (index >> level) & 1 == 1;
            root = right ? _hash(3, path[level], root) : _hash(3, root, path[level]);
        }
    }

    /// The messages [start, start + count) of a lane.
    struct Span {
        uint64 start;
        uint64 count;
    }

    /// @dev The walk of section 4 for one message: what it does not pass through is the next hash of the proof.
    function _walk(Span memory span, uint64 sequence, bytes32 leaf, bytes32[] calldata hashes, uint256 used)
        private
        pure
        returns (bytes32, uint256)
    {
        if (sequence < span.start || sequence - span.start >= span.count) {
            if (used >= hashes.length) revert WrongProofLength(hashes.length, used + 1);
            return (hashes[used], used + 1);
        }
        if (span.count == 1) return (leaf, used);
        uint64 half = _powerBelow(span.count);
        bytes32 left;
        bytes32 right;
        (left, used) = _walk(Span(span.start, half), sequence, leaf, hashes, used);
        (right, used) = _walk(Span(span.start + half, span.count - half), sequence, leaf, hashes, used);
        return (_hash(1, left, right), used);
    }

    /// @dev The largest power of two below `count`, which is at least 2.
    function _powerBelow(uint64 count) private pure returns (uint64 power) {
        power = 1;
        while (power < count - power) power <<= 1;
    }

    function _hash(uint8 domain, bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(domain, left, right));
    }
}
