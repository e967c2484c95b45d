// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls, G2Point} from "./Bls.sol";

/// @notice A finalization certificate of a module's consensus, without the block hash, which the header gives.
struct Certificate {
    uint64 epoch;
    uint64 viewNumber;
    uint64 parentView;
    /// A point of G1 as EIP-2537 encodes it, 128 bytes. The certificate of a node has it compressed.
    bytes signature;
}

/// @notice Whose certificates are believed.
struct Authority {
    uint64 networkId;
    uint32 module;
    G2Point key;
}

/// @notice What a final block says it sent (docs/spec/messages.md, section 5).
library Finality {
    /// @notice The validators of the network did not sign this block of this module.
    error InvalidCertificate();
    /// @notice The header is not a list of at least 13 items.
    error MalformedHeader();
    /// @notice The header does not name this extension.
    error WrongExtension();
    /// @notice The extension is of another version.
    error UnsupportedExtension(uint8 version);
    /// @notice The block belongs to another module.
    error WrongModule(uint32 module);

    uint8 private constant EXTENSION_VERSION = 3;
    uint256 private constant EXTRA_DATA = 12;

    /// @notice The outbox of the block of which `header` is the RLP, or reverts with why it cannot be believed.
    function outboxOf(
        Authority memory authority,
        Certificate calldata certificate,
        bytes calldata header,
        bytes calldata extension
    ) internal view returns (bytes32) {
        bytes memory signed = _signed(authority, certificate, keccak256(header));
        if (!Bls.verify(certificate.signature, signed, authority.key)) revert InvalidCertificate();
        bytes32 named = keccak256(abi.encodePacked("trellis/extension", extension));
        if (_extraData(header) != named) revert WrongExtension();
        return _outbox(extension, authority.module);
    }

    /// @dev `union_unique` puts the length of the namespace in front; the proposal follows it.
    function _signed(Authority memory authority, Certificate calldata certificate, bytes32 blockHash)
        private
        pure
        returns (bytes memory)
    {
        bytes memory namespace =
            abi.encodePacked("trellis/", authority.networkId, "/module/", authority.module, "_FINALIZE");
        return abi.encodePacked(
            uint8(namespace.length),
            namespace,
            _varint(certificate.epoch),
            _varint(certificate.viewNumber),
            _varint(certificate.parentView),
            blockHash
        );
    }

    /// @dev Seven bits a byte, lowest first; the highest bit says that another byte follows.
    function _varint(uint64 value) private pure returns (bytes memory out) {
        while (value >= 0x80) {
            out = abi.encodePacked(out, uint8(value) | 0x80);
            value >>= 7;
        }
        return abi.encodePacked(out, uint8(value));
    }

    function _outbox(bytes calldata extension, uint32 expected) private pure returns (bytes32) {
        if (extension.length < 37) revert WrongExtension();
        if (uint8(extension[0]) != EXTENSION_VERSION) revert UnsupportedExtension(uint8(extension[0]));
        uint32 module = uint32(bytes4(extension[1:5]));
        if (module != expected) revert WrongModule(module);
        return bytes32(extension[5:37]);
    }

    /// @dev The 13th item of the header, which has 32 bytes in every block of a module.
    function _extraData(bytes calldata header) private pure returns (bytes32) {
        (uint256 cursor, uint256 end) = _item(header, 0);
        if (end != header.length || uint8(header[0]) < 0xc0) revert MalformedHeader();
        for (uint256 i = 0; i < EXTRA_DATA; ++i) (, cursor) = _item(header, cursor);
        (cursor, end) = _item(header, cursor);
        if (end - cursor != 32) revert MalformedHeader();
        return bytes32(header[cursor:end]);
    }

    /// @dev Where the content of the RLP item at `cursor` begins and ends.
    function _item(bytes calldata rlp, uint256 cursor) private pure returns (uint256 start, uint256 end) {
        if (cursor >= rlp.length) revert MalformedHeader();
        uint256 first = uint8(rlp[cursor]);
        if (first < 0x80) return (cursor, cursor + 1);
        start = cursor + 1;
        uint256 size = first < 0xc0 ? first - 0x80 : first - 0xc0;
        if (size > 55) {
            // More than 55 bytes: what looks like the size is, above 55, that of the size which follows.
            uint256 width = size - 55;
            start += width;
            if (start > rlp.length) revert MalformedHeader();
            size = uint256(bytes32(rlp[cursor + 1:start])) >> (256 - 8 * width);
        }
        if (size > rlp.length - start) revert MalformedHeader();
        end = start + size;
    }
}
