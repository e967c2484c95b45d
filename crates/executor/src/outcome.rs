//! One execution's reads and wishes, taken from the EVM's journal, and what they become when they are committed.
//!
//! # Whose balance mattered
//!
//! An account is *exact* if the execution could have gone another way with another balance: the sender's; one whose
//! balance an instruction looked at or sent from (see [`crate::evm`]); one without nonce and code, because whether it is
//! empty decides on gas (EIP-161); one that was created or destroyed; and one so rich that a credit could overflow. An exact
//! balance is validated, and set to what it became. Any other balance was only added to: it is not validated, and the
//! credit is added to whatever the account holds at the commit.

use crate::{
    Transaction, TransactionError,
    evm::{EvmContext, Notes},
    journal::Fate,
    ledger::{self, Field, Ledger},
    overlay::Overlay,
    results::Ran,
    transfer::{self, Moved, Transfer},
};
use alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
use alloy_primitives::{Address, B256, U256};
use core::hash::{BuildHasher as _, Hash};
use revm::{
    Journal,
    primitives::hardfork::SpecId,
    state::{Account as EvmAccount, Bytecode},
};
use trellis_primitives::{Account, Change, StateReader};
use trellis_stm::{Access, Reads, Writes};

/// What is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Account(Address),
    Slot(Address, U256),
    /// Whether the account still has the storage it had before the block.
    Storage(Address),
}

/// What an execution saw.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    Account {
        nonce: u64,
        code_hash: B256,
        /// If it mattered.
        balance: Option<U256>,
    },
    Slot(U256),
    Storage,
}

/// What a committed transaction left, with the value before the block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Account {
        began: Option<Account>,
        after: Option<Account>,
        /// It was created or destroyed, so slots not known are zero.
        fresh: bool,
    },
    Slot {
        began: U256,
        after: U256,
    },
    /// The storage the account had before the block is gone.
    Wiped,
}

/// Whether a value is what was seen.
pub(crate) fn fits(seen: &Seen, value: &Value) -> bool {
    match (seen, value) {
        (
            Seen::Account {
                nonce,
                code_hash,
                balance,
            },
            Value::Account { after, .. },
        ) => {
            let after = after.unwrap_or_default();
            after.nonce == *nonce
                && after.code_hash == *code_hash
                && balance.is_none_or(|balance| balance == after.balance)
        }
        (Seen::Slot(seen), Value::Slot { after, .. }) => seen == after,
        _ => false,
    }
}

/// A change an execution wants to make to an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) address: Address,
    /// Hash of its key.
    pub(crate) hash: u64,
    /// Before the block.
    pub(crate) began: Option<Account>,
    /// As the execution found it.
    pub(crate) found: Option<Account>,
    /// As the execution left it.
    pub(crate) left: Option<Account>,
    pub(crate) exact: bool,
    pub(crate) fresh: bool,
    /// It existed before and was destroyed, storage and all.
    pub(crate) wiped: bool,
}

/// A slot an execution wants to change: hash of its key, account, slot, before the block, after.
pub(crate) type SlotWish = (u64, Address, U256, U256, U256);

/// One execution, not yet committed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reads: Reads<Key, Seen>,
    /// Accounts that change, or of which slots change.
    pub(crate) wishes: Vec<Wish>,
    /// Slots that change.
    pub(crate) slots: Vec<SlotWish>,
    pub(crate) code: Vec<(B256, Bytecode)>,
    /// What the beneficiary is owed, if it was not credited.
    pub(crate) fee: Option<U256>,
    pub(crate) result: Result<Ran, TransactionError>,
}

impl Outcome {
    /// That of a transaction which breaks a rule that no state decides.
    pub(crate) fn refused(error: TransactionError) -> Self {
        Self {
            reads: Reads::new(Vec::new()),
            wishes: Vec::new(),
            slots: Vec::new(),
            code: Vec::new(),
            fee: None,
            result: Err(error),
        }
    }
}

/// What a committed transaction changed.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    /// An account stands before its slots.
    pub(crate) writes: Writes<Key, Value>,
    pub(crate) code: Vec<(B256, Bytecode)>,
}

impl Effect {
    /// What a ledger says was changed.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let mut effect = Self::default();
        let items = &mut effect.writes.items;
        for touched in &ledger.touched {
            let Change { before, after } = touched.account;
            let value = Value::Account {
                began: before,
                after,
                fresh: false,
            };
            // Nothing is executed before this, so nothing is compared with it.
            items.push((0, Key::Account(touched.address), value));
            for (slot, change) in ledger.slots.of(touched.chain) {
                let value = Value::Slot {
                    began: change.before,
                    after: change.after,
                };
                items.push((0, Key::Slot(touched.address, slot), value));
            }
        }
        effect
    }
}

impl Effect {
    /// Most bytes the encoded access list has for these changes, beside the accounts and slots themselves.
    pub(crate) fn listed_bytes_max(&self) -> usize {
        let writes = self.writes.items.iter();
        let writes = writes.map(|(_, _, value)| match value {
            Value::Account { began, after, .. } => {
                let (began, after) = (began.unwrap_or_default(), after.unwrap_or_default());
                let code = (began.code_hash != after.code_hash).then_some(Field::Code(B256::ZERO));
                Field::Balance(after.balance).listed_bytes_max()
                    + Field::Nonce(after.nonce).listed_bytes_max()
                    + code.map_or(0, |code| code.listed_bytes_max())
            }
            Value::Slot { after, .. } => Field::Slot(U256::ZERO, *after).listed_bytes_max(),
            Value::Wiped => 0,
        });
        let code = self.code.iter().map(|(_, code)| code.len());
        writes.sum::<usize>() + code.sum::<usize>()
    }
}

/// Most bytes the encoded access list has for what was looked at.
pub(crate) fn listed_bytes_max(reads: &Reads<Key, Seen>) -> usize {
    let reads = reads.items().iter();
    let bytes = reads.map(|access| match access.key {
        Key::Account(_) => ledger::ACCOUNT_BYTES_MAX,
        Key::Slot(..) => ledger::SLOT_BYTES_MAX,
        Key::Storage(_) => 0,
    });
    bytes.sum()
}

/// Hashes keys. Fixed for one run, so that hashes of different workers compare.
pub(crate) type Hasher = alloy_primitives::map::DefaultHashBuilder;

/// Collects an [`Outcome`].
struct Collector<'a> {
    hasher: &'a Hasher,
    reads: Vec<Access<Key, Seen>>,
    wishes: Vec<Wish>,
    slots: Vec<SlotWish>,
}

impl Collector<'_> {
    fn saw(&mut self, key: Key, seen: Seen) -> u64 {
        let hash = hash(self.hasher, &key);
        self.reads.push(Access { hash, key, seen });
        hash
    }

    fn saw_account(&mut self, address: Address, found: Option<Account>, exact: bool) -> u64 {
        let account = found.unwrap_or_default();
        self.saw(
            Key::Account(address),
            Seen::Account {
                nonce: account.nonce,
                code_hash: account.code_hash,
                balance: exact.then_some(account.balance),
            },
        )
    }

    /// Takes one account from the journal. Returns code it has now and had not before.
    fn account<R: StateReader>(
        &mut self,
        database: &Overlay<R>,
        address: Address,
        account: EvmAccount,
        mattered: bool,
        wipes: bool,
    ) -> Option<(B256, Bytecode)> {
        let (began, found) = database.known(address);
        let fate = Fate::of(&account);
        let fresh = fate.created || fate.destroyed;
        let exact = fresh || mattered || matters(found);
        let hash = self.saw_account(address, found, exact);
        if wipes && !fate.created && !account.storage.is_empty() {
            self.saw(Key::Storage(address), Seen::Storage);
        }
        let slots_from = self.slots.len();
        for (slot, value) in account.storage {
            let (original, present) = fate.slot(&value);
            let hash = self.saw(Key::Slot(address, slot), Seen::Slot(original));
            if present != original {
                let began = database.known_slot(address, slot);
                self.slots.push((hash, address, slot, began, present));
            }
        }
        let left = fate.left(found, &account.info);
        if left == found && !fresh && self.slots.len() == slots_from {
            return None;
        }
        self.wishes.push(Wish {
            address,
            hash,
            began,
            found,
            left,
            exact,
            fresh,
            wiped: fate.is_wiped(),
        });
        let left = left.filter(Account::has_code)?;
        let known = found.is_some_and(|found| found.code_hash == left.code_hash);
        let code = account.info.code.filter(|_| !known)?;
        Some((left.code_hash, code))
    }

    fn done(
        self,
        fee: Option<U256>,
        code: Vec<(B256, Bytecode)>,
        result: Result<Ran, TransactionError>,
    ) -> Outcome {
        Outcome {
            reads: Reads::new(self.reads),
            wishes: self.wishes,
            slots: self.slots,
            code,
            fee,
            result,
        }
    }
}

pub(crate) fn hash(hasher: &Hasher, key: &impl Hash) -> u64 {
    hasher.hash_one(key)
}

/// Balances from here on are exact, so that no credit overflows unseen.
const RICH: U256 = U256::from_limbs([0, 0, 0, 1 << 63]);

/// Whether an account's balance matters by what the account is.
fn matters(found: Option<Account>) -> bool {
    let account = found.unwrap_or_default();
    (account.nonce == 0 && !account.has_code()) || account.balance >= RICH
}

/// Empties the journal of an execution into its outcome.
pub(crate) fn take<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    hasher: &Hasher,
    tx: &Transaction,
    result: Result<Ran, TransactionError>,
) -> Outcome {
    let wipes = !context.cfg.spec.is_enabled_in(SpecId::CANCUN);
    let Notes { fee, exact, .. } = &context.chain;
    let Journal { database, inner } = &mut context.journaled_state;
    let mut collector = Collector {
        hasher,
        reads: Vec::with_capacity(2 * inner.state.len() + 2),
        wishes: Vec::with_capacity(inner.state.len()),
        slots: Vec::new(),
    };
    let mut code = Vec::new();
    let owed = fee.filter(|_| result.is_ok());
    let succeeded = result.is_ok();
    for (address, account) in inner.state.drain() {
        let mattered = address == tx.signer() || exact.contains(&address);
        let deployed = collector.account(database, address, account, mattered, wipes);
        code.extend(deployed);
    }
    for (slot, value) in database.take_hashes_read() {
        let (_, history) = database.known(HISTORY_STORAGE_ADDRESS);
        collector.saw_account(HISTORY_STORAGE_ADDRESS, history, false);
        collector.saw(Key::Slot(HISTORY_STORAGE_ADDRESS, slot), Seen::Slot(value));
    }
    if !succeeded {
        // It changes nothing, but what it read decides that.
        collector.wishes.clear();
        collector.slots.clear();
        code.clear();
    }
    inner.transaction_id = revm::state::TransactionId::ZERO;
    collector.done(owed, code, result)
}

/// The outcome of a plain transfer.
pub(crate) fn of_transfer(
    hasher: &Hasher,
    transfer: &Transfer,
    found: [(Address, Option<Account>, Option<Account>); 2],
    moved: Moved,
) -> Outcome {
    let mut collector = Collector {
        hasher,
        reads: Vec::with_capacity(2),
        wishes: Vec::with_capacity(2),
        slots: Vec::new(),
    };
    let left = [Some(moved.sender), moved.to];
    for (number, ((address, began, found), left)) in found.into_iter().zip(left).enumerate() {
        let exact = number == 0 || matters(found);
        let hash = collector.saw_account(address, found, exact);
        if left != found {
            collector.wishes.push(Wish {
                address,
                hash,
                began,
                found,
                left,
                exact,
                fresh: false,
                wiped: false,
            });
        }
    }
    let ran = Ran {
        tx_type: transfer.tx_type,
        success: true,
        gas_used: transfer::GAS,
        logs: Vec::new(),
    };
    collector.done(moved.tip, Vec::new(), Ok(ran))
}
