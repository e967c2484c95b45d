// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice A point of G2 as EIP-2537 encodes it: 256 bytes, in words.
struct G2Point {
    bytes32[8] words;
}

/// @notice BLS12-381 signatures in G1 with keys in G2 (MinSig), on the precompiles of EIP-2537.
/// @dev Validators sign with the ciphersuite named by `DST`; RFC 9380 says how the message becomes a point.
library Bls {
    /// @notice A precompile refused its input: a point that is none, or a chain without EIP-2537.
    error PrecompileFailed(address precompile);
    /// @notice A signature has 128 bytes.
    error InvalidSignatureLength(uint256 length);

    bytes private constant DST = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    /// The generator of G2, negated.
    bytes private constant NEGATIVE_GENERATOR =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bcb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa"
        hex"0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed";
    /// The order of the field of G1's coordinates.
    bytes private constant MODULUS =
        hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";

    address private constant MODEXP = address(0x05);
    address private constant G1_ADD = address(0x0b);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP_TO_G1 = address(0x10);

    /// @notice Whether `signature` (a point of G1, 128 bytes) is that of `message` under `key`.
    /// @dev e(signature, -g2) · e(hash(message), key) = 1. The precompile checks that all are points of their groups.
    function verify(bytes calldata signature, bytes memory message, G2Point memory key) internal view returns (bool) {
        // Longer input would put pairs of the caller's choice in front of the ones that count.
        if (signature.length != 128) revert InvalidSignatureLength(signature.length);
        bytes memory pairs = abi.encodePacked(signature, NEGATIVE_GENERATOR, _hashToG1(message), key.words);
        return uint256(bytes32(_call(PAIRING, pairs, 32))) == 1;
    }

    /// @notice Splits the 256 bytes of a point into words.
    function toPoint(bytes memory encoded) internal pure returns (G2Point memory point) {
        point.words = abi.decode(encoded, (bytes32[8]));
    }

    /// @notice Whether `key` is a point of G2 and not infinity, under which one signature would fit every message.
    /// @dev Infinity in G1 paired with `key` is 1, after the precompile has checked `key`.
    function isKey(bytes memory key) internal view returns (bool) {
        if (key.length != 256 || keccak256(key) == keccak256(new bytes(256))) return false;
        (bool ok, bytes memory answer) = PAIRING.staticcall(abi.encodePacked(new bytes(128), key));
        return ok && answer.length == 32;
    }

    /// @dev hash_to_curve of RFC 9380. The precompile that maps a field element clears the cofactor too.
    function _hashToG1(bytes memory message) private view returns (bytes memory) {
        bytes32[4] memory uniform = _expand(message);
        bytes memory first = _map(uniform[0], uniform[1]);
        bytes memory second = _map(uniform[2], uniform[3]);
        return _call(G1_ADD, abi.encodePacked(first, second), 128);
    }

    /// @dev expand_message_xmd of RFC 9380, 5.3.1, with SHA-256 and 128 bytes of output.
    function _expand(bytes memory message) private pure returns (bytes32[4] memory out) {
        bytes memory suffix = abi.encodePacked(DST, uint8(DST.length));
        bytes32 seed = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(128), uint8(0), suffix));
        bytes32 last;
        for (uint8 i = 0; i < 4; ++i) {
            last = sha256(abi.encodePacked(seed ^ last, i + 1, suffix));
            out[i] = last;
        }
    }

    /// @dev Reduces 64 bytes to a field element, as that number to the power of 1, and maps it to a point.
    function _map(bytes32 high, bytes32 low) private view returns (bytes memory) {
        bytes memory power =
            abi.encodePacked(uint256(64), uint256(1), uint256(MODULUS.length), high, low, uint8(1), MODULUS);
        bytes memory element = _call(MODEXP, power, MODULUS.length);
        return _call(MAP_FP_TO_G1, abi.encodePacked(bytes16(0), element), 128);
    }

    function _call(address precompile, bytes memory input, uint256 size) private view returns (bytes memory output) {
        bool ok;
        output = new bytes(size);
        assembly ("memory-safe") {
            ok := staticcall(gas(), precompile, add(input, 0x20), mload(input), add(output, 0x20), size)
            ok := and(ok, eq(returndatasize(), size))
        }
        if (!ok) revert PrecompileFailed(precompile);
    }
}
