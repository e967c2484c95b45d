//! Readers that cannot answer: the run stops, nothing is blamed, and a later run gives the same result (EXE-2).

use crate::{code::*, support::*};
use alloy_primitives::{Address, B256, Bytes, U256};
use trellis_executor::{
    BlockExecutor, ExecutionError, Transaction, TransactionError, execute_block,
};
use trellis_primitives::{Account, Class, StateError, StateReader};

const CONTRACT: Address = Address::repeat_byte(0xcc);

fn workload() -> (MemoryState, Vec<Transaction>) {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice, &bob]);
    state.deploy(CONTRACT, &SETTER);
    state
        .storage
        .insert((CONTRACT, U256::from(1)), U256::from(1));
    let transactions = vec![
        transfer(&alice, 0, bob.address(), ETHER),
        call(&alice, 1, CONTRACT, &set(1, 2)),
        call(&bob, 0, CONTRACT, &set(2, 3)),
        create(&bob, 1, &deployer(&store(&[(1, 1)]), &SETTER)),
        sign(
            &alice,
            set_code(2, bob.address(), vec![authorize(&bob, 2, CONTRACT)]),
        ),
    ];
    (state, transactions)
}

#[test]
fn a_block_that_met_pending_reads_runs_again_to_the_same_result() {
    let (state, transactions) = workload();
    let expected = execute_block(env(1), &state, &transactions).unwrap();
    let reader = Fetching::new(&state);
    let mut runs = 0;
    let executed = loop {
        runs += 1;
        assert!(runs < 100, "never settles");
        match execute_block(env(1), &reader, &transactions) {
            Ok(executed) => break executed,
            Err(error) => {
                assert_eq!(error, ExecutionError::State(StateError::Pending));
                assert_eq!(error.class(), Class::Unavailable);
            }
        }
    };
    assert_eq!(executed, expected);
    // Every key was missed once, and each miss stopped one run at once.
    assert_eq!(runs, reader.misses.get() + 1);
    assert!(runs > 10);
}

#[test]
fn a_pending_transaction_is_retried_on_the_same_executor() {
    let (state, mut transactions) = workload();
    // First a call into storage: slot and fee recipient are both missing when it ends.
    transactions.rotate_left(2);
    transactions.retain(|tx| tx.signer() == signer(2).address());
    transactions.push(transfer(&signer(1), 0, CONTRACT, 0));
    let expected = execute_block(env(0), &state, &transactions).unwrap();
    let reader = Fetching::new(&state);
    // Block 0 has no system calls, so opening it reads nothing.
    let mut executor = BlockExecutor::new(env(0), &reader).unwrap();
    for transaction in &transactions {
        while let Err(error) = executor.execute(transaction) {
            assert_eq!(error, TransactionError::State(StateError::Pending));
        }
    }
    assert!(reader.misses.get() >= 7, "{}", reader.misses.get());
    assert_eq!(executor.finish(), expected);
}

/// Fails reads with a given error: of accounts, or of everything else.
struct Failing(MemoryState, StateError, bool);

impl StateReader for Failing {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        if self.2 {
            Err(self.1.clone())
        } else {
            self.0.account(address)
        }
    }

    fn storage(&self, _: Address, _: U256) -> Result<U256, StateError> {
        Err(self.1.clone())
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        self.0.code(hash)
    }
}

#[test]
fn each_state_error_keeps_its_meaning() {
    let errors = [
        (StateError::Pending, Class::Unavailable),
        (StateError::Stale, Class::Unavailable),
        (StateError::Storage("disk".into()), Class::Fatal),
    ];
    for (error, class) in errors {
        let (state, transactions) = workload();
        for accounts in [true, false] {
            let reader = Failing(state.clone(), error.clone(), accounts);
            // Opening block 1 reads the system contracts and their storage.
            let opened = BlockExecutor::new(env(1), &reader).err().unwrap();
            assert_eq!(
                (&opened, opened.class()),
                (&ExecutionError::State(error.clone()), class)
            );
            let executed = execute_block(env(0), &reader, &transactions).unwrap_err();
            assert_eq!(executed, ExecutionError::State(error.clone()));
        }
        let reader = Failing(state, error.clone(), true);
        let mut executor = BlockExecutor::new(env(0), &reader).unwrap();
        assert_eq!(
            executor.nonce(CONTRACT),
            Err(ExecutionError::State(error.clone()))
        );
        let failed = executor.execute(&transactions[0]).unwrap_err();
        assert_eq!(
            (&failed, failed.class()),
            (&TransactionError::State(error), class)
        );
    }
}

/// Hands out code that is no code.
struct Malformed(MemoryState);

impl StateReader for Malformed {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        self.0.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.0.storage(address, slot)
    }

    fn code(&self, _: B256) -> Result<Bytes, StateError> {
        Ok(Bytes::from_static(&[0xef, 0x01, 0x00, 0x01]))
    }
}

#[test]
fn malformed_code_is_a_database_fault() {
    let (state, transactions) = workload();
    let error = execute_block(env(0), Malformed(state), &transactions).unwrap_err();
    assert_eq!(error.class(), Class::Fatal);
    assert!(error.to_string().contains("malformed"), "{error}");
}

#[test]
fn other_spellings_of_nothing_are_no_change() {
    let (alice, empty, plain) = (
        signer(1),
        Address::repeat_byte(0xe0),
        Address::repeat_byte(0xe1),
    );
    let mut state = MemoryState::genesis(&[&alice]);
    // An empty account, and an account whose code hash is zero where others have that of no code.
    state.accounts.insert(empty, Account::default());
    let balance = U256::ONE;
    let code_hash = B256::ZERO;
    let account = Account {
        balance,
        code_hash,
        ..Account::default()
    };
    state.accounts.insert(plain, account);
    let transactions = [transfer(&alice, 0, empty, 0), transfer(&alice, 1, plain, 0)];
    let executed = execute_block(env(1), &state, &transactions).unwrap();
    assert!(executed.receipts.iter().all(|receipt| receipt.status()));
    let changed: Vec<_> = executed.diff.accounts.keys().copied().collect();
    let mut expected = vec![alice.address(), BENEFICIARY];
    expected.sort();
    assert_eq!(changed, expected);
}
