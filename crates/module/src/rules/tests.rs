use super::*;
use crate::testing::{Draft, Light, bare_genesis, spec, transfer};
use trellis_primitives::ModuleId;

/// The rule an edit of a valid block breaks.
fn broken(edit: impl FnOnce(&mut Draft)) -> HeaderError {
    let parent = bare_genesis(&spec());
    let mut draft = Draft::on(&spec(), &parent);
    assert_eq!(
        check_header(&spec(), &parent, &draft.clone().block()),
        Ok(())
    );
    edit(&mut draft);
    check_header(&spec(), &parent, &draft.block()).expect_err("must be refused")
}

#[test]
fn the_block_must_be_of_this_module() {
    let error = broken(|d| d.extension.module = ModuleId::HUB);
    assert_eq!(
        error,
        HeaderError::Module {
            got: 0,
            expected: 1
        }
    );
}

#[test]
fn the_block_must_follow_its_parent() {
    let error = broken(|d| d.extension.context.parent.1 = crate::genesis::digest(B256::ZERO));
    assert_eq!(error, HeaderError::Parent);
    for number in [0, 2, u64::MAX] {
        let error = broken(|d| d.header.number = number);
        let expected = HeaderError::Number {
            got: number,
            parent: 0,
        };
        assert_eq!(error, expected);
    }
}

#[test]
fn time_must_increase() {
    let parent = spec().timestamp_ms;
    for got in [parent, parent - 1, 0] {
        let error = broken(|d| d.extension.timestamp_ms = got);
        assert_eq!(error, HeaderError::Timestamp { got, parent });
    }
    // A millisecond is enough, although the header's seconds stay the same.
    let genesis = bare_genesis(&spec());
    let mut draft = Draft::on(&spec(), &genesis);
    draft.extension.timestamp_ms = parent + 1;
    assert_eq!(check_header(&spec(), &genesis, &draft.block()), Ok(()));
}

#[test]
fn the_gas_limit_is_fixed() {
    let expected = spec().gas_limit;
    for got in [expected + 1, expected - 1, 0] {
        let error = broken(|d| d.header.gas_limit = got);
        assert_eq!(error, HeaderError::GasLimit { got, expected });
    }
}

#[test]
fn the_base_fee_follows_from_the_parent() {
    let expected = base_fee_after(&bare_genesis(&spec()));
    assert_eq!(
        expected, 875_000_000,
        "an empty block lowers 1 gwei by an eighth"
    );
    for got in [expected + 1, expected - 1, 0] {
        let error = broken(|d| d.header.base_fee_per_gas = Some(got));
        assert_eq!(error, HeaderError::BaseFee { got, expected });
    }
}

#[test]
fn randao_and_beacon_root_follow_from_the_parent() {
    let error = broken(|d| d.header.mix_hash = B256::ZERO);
    assert_eq!(error, HeaderError::Randao);
    let error = broken(|d| d.header.parent_beacon_block_root = Some(B256::ZERO));
    assert_eq!(error, HeaderError::BeaconRoot);
}

/// Who proposes is free to say who earns and when, within the rules above.
#[test]
fn the_rest_is_not_for_the_header_rules() {
    let parent = bare_genesis(&spec());
    let mut draft = Draft::on(&spec(), &parent);
    draft.header.beneficiary = alloy_primitives::Address::ZERO;
    draft.extension.timestamp_ms = u64::MAX;
    draft.header.gas_used = 1;
    assert_eq!(check_header(&spec(), &parent, &draft.block()), Ok(()));
}

#[test]
fn each_block_has_its_own_randao_and_beacon_root() {
    let light = Light::new();
    let one = light.mine(&[transfer(0, 0)]);
    let two = light.mine(&[]);
    assert_ne!(randao_after(&one.block), randao_after(&two.block));
    assert_eq!(beacon_root_after(&one.block), one.block.extension().hash());
    assert_eq!(two.block.header().mix_hash, randao_after(&one.block));
}

#[test]
fn the_environment_is_the_headers() {
    let light = Light::new();
    let block = light.mine(&[transfer(0, 0)]).block.clone();
    let (env, header) = (env_of(&spec(), &block), block.header());
    let expected = BlockEnv {
        chain_id: 123_456_001,
        number: 1,
        timestamp: header.timestamp,
        beneficiary: header.beneficiary,
        gas_limit: 30_000_000,
        base_fee: 875_000_000,
        prev_randao: header.mix_hash,
        parent_hash: header.parent_hash,
        parent_beacon_root: header.parent_beacon_block_root.unwrap(),
    };
    assert_eq!(env, expected);
}
