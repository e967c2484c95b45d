// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
// Deployed as it is.
import {CrosschainRemoteExecutor} from "@openzeppelin/contracts/crosschain/CrosschainRemoteExecutor.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// @notice What the vault keeps.
contract Gold is ERC20("Gold", "GLD") {
    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }
}

/// @notice An OpenZeppelin vault whose owner decides how much it takes at most. It knows nothing of messages.
contract Vault is ERC4626, Ownable {
    uint256 public limit;

    constructor(ERC20 asset, address owner) ERC20("Gold in a vault", "vGLD") ERC4626(asset) Ownable(owner) {}

    function setLimit(uint256 limit_) external onlyOwner {
        limit = limit_;
    }

    function maxDeposit(address) public view override returns (uint256) {
        uint256 assets = totalAssets();
        return assets < limit ? limit - assets : 0;
    }

    function maxMint(address receiver) public view override returns (uint256) {
        return convertToShares(maxDeposit(receiver));
    }
}
