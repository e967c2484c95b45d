// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Shows what the chain does: ways to fail, logs, storage, the block environment and opcodes of each fork.
contract Probe {
    error Teapot(address who, uint256 code, string why);

    event Ping(address indexed from, uint256 indexed tag, uint256 value);
    event Note(bytes32 indexed topic, string text);

    uint256 public number;
    mapping(address => uint256) public counts;

    constructor() payable {}

    receive() external payable {}

    // Ways to fail.

    function failRequire() external pure {
        require(false, "probe: the required thing is missing");
    }

    function failCustom(uint256 code) external view {
        revert Teapot(msg.sender, code, "short and stout");
    }

    function failEmpty() external pure {
        assembly {
            revert(0, 0)
        }
    }

    function failOverflow(uint256 x) external pure returns (uint256) {
        return x + type(uint256).max;
    }

    function failDivision(uint256 x) external pure returns (uint256) {
        return x / (x - x);
    }

    function failIndex(uint256 i) external pure returns (uint256) {
        uint256[] memory a = new uint256[](1);
        return a[i];
    }

    function failAssert() external pure {
        assert(false);
    }

    function spin() external {
        while (true) {
            number++;
        }
    }

    // State and logs.

    function set(uint256 x) external {
        number = x;
        counts[msg.sender]++;
    }

    function setTwice(uint256 a, uint256 b) external {
        number = a;
        number = b;
        counts[msg.sender] += 2;
    }

    function ping(uint256 tag, uint256 value) external {
        emit Ping(msg.sender, tag, value);
    }

    function pings(uint256 tag, uint256 n) external {
        for (uint256 i = 0; i < n; i++) {
            emit Ping(msg.sender, tag, i);
        }
    }

    function note(bytes32 topic, string calldata text) external {
        emit Note(topic, text);
    }

    // What the EVM says about the chain.

    struct Env {
        uint256 chainId;
        uint256 number;
        uint256 timestamp;
        uint256 baseFee;
        uint256 gasLimit;
        uint256 randao;
        address coinbase;
        bytes32 parent;
    }

    function env() external view returns (Env memory e) {
        e = Env({
            chainId: block.chainid,
            number: block.number,
            timestamp: block.timestamp,
            baseFee: block.basefee,
            gasLimit: block.gaslimit,
            randao: block.prevrandao,
            coinbase: block.coinbase,
            parent: blockhash(block.number - 1)
        });
    }

    function hashOf(uint256 n) external view returns (bytes32) {
        return blockhash(n);
    }

    function sender() external view returns (address, address, uint256) {
        return (msg.sender, tx.origin, address(this).balance);
    }

    /// Cancun: transient storage and MCOPY. Osaka: CLZ.
    function opcodes(uint256 x) external returns (uint256 transient_, uint256 zeros, bytes32 copied) {
        assembly {
            tstore(7, x)
            transient_ := tload(7)
            zeros := clz(x)
            mstore(0x00, x)
            mcopy(0x20, 0x00, 0x20)
            copied := mload(0x20)
        }
    }

    /// Osaka: the P-256 precompile of EIP-7951 at address 0x100.
    function p256(bytes calldata input) external view returns (bool ok, bytes memory output) {
        return address(0x100).staticcall(input);
    }
}

/// Minimal child for CREATE2 deployments.
contract Child {
    uint256 public immutable value;

    constructor(uint256 value_) {
        value = value_;
    }
}
