// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice What a stranger does when the pool reaches it.
enum Mood {
    Kind,
    Refuses,
    BurnsGas,
    AnswersMuch,
    RefusesWithMuch,
    CallsBack
}

/// @notice A stranger who may call somebody on the way.
abstract contract Moody {
    event Inner(bool ok, bytes answer);

    Mood public mood;
    address private target;
    uint256 private forwarded;
    bytes private input;

    function setMood(Mood value) external {
        mood = value;
    }

    /// @notice What `CallsBack` calls.
    function arm(address to, uint256 value, bytes calldata data) external {
        (target, forwarded, input) = (to, value, data);
    }

    /// @notice Calls somebody now.
    function run(address to, bytes calldata data) external payable {
        (bool ok, bytes memory answer) = to.call{value: msg.value}(data);
        if (ok) return;
        assembly {
            revert(add(answer, 32), mload(answer))
        }
    }

    function _act() internal {
        if (mood == Mood.Refuses) revert("refused");
        if (mood == Mood.BurnsGas) _burn();
        if (mood == Mood.AnswersMuch) _bomb(false);
        if (mood == Mood.RefusesWithMuch) _bomb(true);
        if (mood == Mood.CallsBack) _callBack();
    }

    function _callBack() internal {
        (bool ok, bytes memory answer) = target.call{value: forwarded}(input);
        emit Inner(ok, answer);
    }

    function _burn() internal pure {
        assembly {
            invalid()
        }
    }

    /// @dev As much as the gas allows: memory of 8,000 words and more costs what a payment has.
    function _bomb(bool fail) private view {
        assembly {
            let size := 20000
            if gt(gas(), 200000) { size := 1000000 }
            if fail { revert(0, size) }
            return(0, size)
        }
    }
}

/// @notice A recipient of payments and calls. Each has a mood of its own.
contract Recipient is Moody {
    event Paid(uint256 value);
    event Called(address caller, uint256 gasAtStart, uint256 length, uint256 balance);

    Mood private whenPaid;
    bool private usesAllGas;

    function setWhenPaid(Mood value) external {
        whenPaid = value;
    }

    function setUsesAllGas(bool value) external {
        usesAllGas = value;
    }

    receive() external payable {
        if (whenPaid == Mood.Refuses) revert("refused");
        if (whenPaid == Mood.BurnsGas) _burn();
        if (whenPaid == Mood.CallsBack) _callBack();
        emit Paid(msg.value);
    }

    fallback() external {
        uint256 start = gasleft();
        if (usesAllGas) {
            while (gasleft() > 500) {}
            return;
        }
        _act();
        emit Called(msg.sender, start, msg.data.length, address(this).balance);
    }
}

/// @notice A token that is as odd as its form and mood.
contract OddToken is Moody {
    /// What it does otherwise than most. The first four and the last move the value.
    enum Form {
        Plain,
        Silent,
        SaysFalse,
        TakesFee,
        MovesNothing,
        AnswersTwo,
        AnswersShort,
        Slow
    }

    mapping(address account => uint256) public balanceOf;
    mapping(address account => bool) public blocked;
    uint256 private allowed;
    Form private form;

    constructor(uint256 supply) {
        balanceOf[msg.sender] = supply;
    }

    function setForm(Form value) external {
        form = value;
    }

    function setBlocked(address account, bool value) external {
        blocked[account] = value;
    }

    function mint(address account, uint256 value) external {
        balanceOf[account] += value;
    }

    /// @dev Nobody but the pool and its own holders moves anything in the tests.
    function approve(address, uint256 value) external {
        allowed = value;
    }

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        require(from == msg.sender || value <= allowed, "not allowed");
        _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private {
        require(!blocked[from] && !blocked[to], "blocked");
        if (form == Form.SaysFalse) _answer(0, 32);
        _act();
        if (form == Form.Slow) while (gasleft() > 60_000) {}
        if (form < Form.MovesNothing || form == Form.Slow) {
            balanceOf[from] -= value;
            balanceOf[to] += form == Form.TakesFee ? value - 1 : value;
        }
        if (form == Form.Silent) _answer(0, 0);
        if (form == Form.AnswersShort) _answer(1, 31);
        _answer(form == Form.AnswersTwo ? 2 : 1, 32);
    }

    function _answer(uint256 word, uint256 size) private pure {
        assembly {
            mstore(0, word)
            return(0, size)
        }
    }
}

/// @notice Swaps tokens for coin at one to one and shields the coin for the note it was told.
contract Swap {
    function swap(OddToken token, address pool, uint128 value, bytes32 inner) external {
        require(token.balanceOf(address(this)) >= value, "not paid");
        bytes memory input = abi.encodeWithSignature("shield(uint32,uint128,bytes32,bytes)", 0, value, inner, "");
        (bool ok,) = pool.call{value: value}(input);
        require(ok, "not shielded");
    }

    receive() external payable {}
}

/// @notice Says which block a call believes to be in.
contract Clock {
    function number() external view returns (uint256) {
        return block.number;
    }
}
