//! Access lists that are wrong: each is refused with the rule it breaks (EXE-2).

use crate::{differential, support::*};
use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, NonceChange, SlotChanges, StorageChange,
};
use alloy_primitives::{Address, U256};
use trellis_executor::{Engine, ListError, Setting, Transaction, VerifyError};
use trellis_stm::Workers;

/// A block that is valid with its list.
struct Block {
    state: MemoryState,
    transactions: Vec<Transaction>,
    list: Vec<AccountChanges>,
}

impl Block {
    fn new() -> Self {
        let state = differential::genesis();
        let mut random = differential::Random(21);
        let (transactions, executed) = differential::build(&state, env(2), &mut random);
        let block = Self {
            state,
            transactions,
            list: executed.access_list,
        };
        block
            .check(&block.list)
            .expect("the list is right as it is");
        block
    }

    fn check(&self, list: &[AccountChanges]) -> Result<(), VerifyError> {
        let mut answers = [1, 2, 8].map(|workers| {
            let engine = Engine::new(Workers::exactly(workers)).eager();
            let setting = Setting::new(&env(2));
            engine
                .check(&setting, &self.state, &self.transactions, list.to_vec())
                .map(|_| ())
        });
        let first = answers[0].clone();
        for answer in &mut answers {
            // The verdict is the same; where more than one thing is wrong, so is the transaction that is named.
            assert_eq!(answer.is_ok(), first.is_ok(), "{answer:?} {first:?}");
        }
        first
    }

    /// The error of the list after an edit.
    fn refused(&self, edit: impl FnOnce(&mut Vec<AccountChanges>)) -> ListError {
        let mut list = self.list.clone();
        edit(&mut list);
        assert_ne!(list, self.list, "the edit changes something");
        match self.check(&list).expect_err("the list is wrong") {
            VerifyError::List(error) => error,
            other => panic!("refused for another reason: {other}"),
        }
    }

    fn changing(&self, what: impl Fn(&AccountChanges) -> bool) -> usize {
        self.list.iter().position(what).expect("there is one")
    }
}

#[test]
fn what_is_missing_is_named() {
    let block = Block::new();
    for position in 0..block.list.len() {
        let address = block.list[position].address;
        let error = block.refused(|list| drop(list.remove(position)));
        assert!(
            matches!(error, ListError::MissingAccount { address: named, .. } if named == address),
            "{error}"
        );
    }
    for (position, account) in block.list.iter().enumerate() {
        for slot in 0..account.storage_reads.len() {
            let error = block.refused(|list| _ = list[position].storage_reads.remove(slot));
            assert!(matches!(error, ListError::MissingSlot { .. }), "{error}");
        }
        for slot in 0..account.storage_changes.len() {
            let error = block.refused(|list| drop(list[position].storage_changes.remove(slot)));
            assert!(matches!(error, ListError::MissingSlot { .. }), "{error}");
        }
    }
}

#[test]
fn every_change_left_out_or_altered_is_found() {
    let block = Block::new();
    for (position, account) in block.list.iter().enumerate() {
        for change in 0..account.balance_changes.len() {
            let error = block.refused(|list| _ = list[position].balance_changes.remove(change));
            assert!(error.to_string().contains("balance"), "{error}");
            let error = block.refused(|list| {
                list[position].balance_changes[change].post_balance += U256::from(1);
            });
            assert!(error.to_string().contains("transaction"), "{error}");
        }
        for change in 0..account.nonce_changes.len() {
            block.refused(|list| _ = list[position].nonce_changes.remove(change));
            // A wrong nonce makes the sender's next transaction invalid, which may be what is found first.
            let mut list = block.list.clone();
            list[position].nonce_changes[change].new_nonce += 1;
            assert!(block.check(&list).is_err());
        }
        for slot in &account.storage_changes {
            let place = account
                .storage_changes
                .iter()
                .position(|s| s.slot == slot.slot);
            let place = place.expect("it is there");
            for change in 0..slot.changes.len() {
                block.refused(|list| {
                    list[position].storage_changes[place].changes[change].new_value +=
                        U256::from(1);
                });
            }
        }
        for change in 0..account.code_changes.len() {
            let mut list = block.list.clone();
            list[position].code_changes.remove(change);
            assert!(block.check(&list).is_err());
        }
    }
}

#[test]
fn what_is_too_much_is_found() {
    let block = Block::new();
    let unused = Address::repeat_byte(0xff);
    let error = block.refused(|list| list.push(AccountChanges::new(unused)));
    assert_eq!(
        error,
        ListError::Unused {
            address: unused,
            slot: None
        }
    );
    let slot = U256::from(77);
    let error = block.refused(|list| list[0].storage_reads.push(slot));
    assert!(
        matches!(error, ListError::Unused { slot: Some(named), .. } if named == slot),
        "{error}"
    );

    // Changes nobody makes: of an account somebody looks at, behind the last transaction.
    let end = BlockAccessIndex::new(block.transactions.len() as u64 + 1);
    let error = block.refused(|list| {
        list[0]
            .balance_changes
            .push(BalanceChange::new(end, U256::from(1)));
    });
    assert!(matches!(error, ListError::Unmade { .. }), "{error}");
    let error = block.refused(|list| list[0].nonce_changes.push(NonceChange::new(end, 9)));
    assert!(matches!(error, ListError::Unmade { .. }), "{error}");
}

#[test]
fn order_indices_and_repetition_are_checked() {
    let block = Block::new();
    let error = block.refused(|list| list.swap(0, 1));
    assert!(error.to_string().contains("appears after"), "{error}");
    let error = block.refused(|list| list.insert(0, list[0].clone()));
    assert!(error.to_string().contains("more than once"), "{error}");
    let paid = block.changing(|account| account.balance_changes.len() > 1);
    let error = block.refused(|list| list[paid].balance_changes.swap(0, 1));
    assert!(error.to_string().contains("appears after"), "{error}");
    let error = block.refused(|list| {
        let first = list[paid].balance_changes[0].clone();
        list[paid].balance_changes.insert(0, first);
    });
    assert!(error.to_string().contains("more than once"), "{error}");
    let error = block.refused(|list| {
        let late = BlockAccessIndex::new(10_000);
        list[paid]
            .balance_changes
            .push(BalanceChange::new(late, U256::ZERO));
    });
    assert!(error.to_string().contains("exceeds"), "{error}");
    let error = block.refused(|list| {
        list[0]
            .storage_changes
            .insert(0, SlotChanges::new(U256::ZERO, Vec::new()));
    });
    assert!(error.to_string().contains("empty"), "{error}");
    let read = block.changing(|account| !account.storage_reads.is_empty());
    let error = block.refused(|list| {
        let slot = list[read].storage_reads[0];
        let change = StorageChange::new(BlockAccessIndex::new(1), U256::from(1));
        list[read]
            .storage_changes
            .push(SlotChanges::new(slot, vec![change]));
        list[read]
            .storage_changes
            .sort_by_key(|changes| changes.slot);
    });
    assert!(error.to_string().contains("more than once"), "{error}");
}

/// A list can name no more than the block's gas could have paid for: NET-1.
#[test]
fn a_list_has_a_size() {
    let block = Block::new();
    let max = env(2).gas_limit / 2_000 + 512;
    let error = block.refused(|list| {
        let slots = (0..=max).map(U256::from);
        list[0].storage_reads = slots.collect();
    });
    assert!(
        matches!(error, ListError::TooLarge { max: named, .. } if named == max),
        "{error}"
    );
}

#[test]
fn code_that_is_none_is_refused() {
    let block = Block::new();
    let error = block.refused(|list| {
        list[0].code_changes.push(alloy_eip7928::CodeChange {
            block_access_index: BlockAccessIndex::new(1),
            // A delegation that is cut short.
            new_code: vec![0xef, 0x01, 0x00, 1].into(),
        });
    });
    assert!(matches!(error, ListError::Code(_)), "{error}");
}
