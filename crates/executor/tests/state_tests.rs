//! The Ethereum state tests, from the archive beside the repository's checkout.
//!
//! `TRELLIS_SHARED_DATA` names the folder with `ethereum-state-tests.tar.xz` (default: `shared/data` next to the
//! checkout); without the archive the test says so and passes. Every 16th file runs by default, all with
//! `TRELLIS_FULL=1`. Each case is one transaction on a given state; checked are the root of the state after it, the
//! hash of its logs, and that exactly the transactions which must be refused are.

use alloy_consensus::{TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::Decodable2718;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{
    TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};
use revm::{context_interface::block::BlobExcessGasAndPrice, primitives::hardfork::SpecId};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};
use trellis_executor::{
    BlockEnv, BlockExecutor, Engine, Executed, Setting, StaticError, Transaction, TransactionError,
    check_static,
};
use trellis_primitives::{Account, StateError, StateReader};
use trellis_stm::Workers;

const ARCHIVE: &str = "ethereum-state-tests.tar.xz";

/// Files whose cases start from storage under an account without nonce and code. No chain can get there (EIP-7610),
/// and the rules for it are not those of one fork.
const IMPOSSIBLE: [&str; 5] = [
    "InitCollision",
    "RevertInCreateInInit",
    "create2collisionStorage",
    "dynamicAccountOverwriteEmpty",
    "InitCollisionNonZeroNonce",
];

#[derive(Deserialize)]
struct Case {
    env: Env,
    pre: BTreeMap<Address, PreAccount>,
    transaction: Sender,
    post: BTreeMap<String, Vec<Post>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Env {
    current_coinbase: Address,
    current_gas_limit: U256,
    current_number: U256,
    current_timestamp: U256,
    current_base_fee: Option<U256>,
    current_random: Option<B256>,
    current_excess_blob_gas: Option<U256>,
}

#[derive(Deserialize)]
struct PreAccount {
    balance: U256,
    nonce: U256,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

#[derive(Deserialize)]
struct Sender {
    sender: Address,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post {
    hash: B256,
    logs: B256,
    txbytes: Bytes,
    expect_exception: Option<String>,
}

/// The state of a case, before or after.
#[derive(Clone)]
struct Accounts<'a> {
    accounts: BTreeMap<Address, Account>,
    storage: BTreeMap<(Address, U256), U256>,
    code: BTreeMap<B256, &'a Bytes>,
}

impl StateReader for &Accounts<'_> {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self
            .storage
            .get(&(address, slot))
            .copied()
            .unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        let code = self.code.get(&hash).copied().cloned();
        code.ok_or_else(|| StateError::Storage(format!("no code {hash}")))
    }
}

impl<'a> Accounts<'a> {
    fn new(pre: &'a BTreeMap<Address, PreAccount>) -> Self {
        let mut state = Self {
            accounts: BTreeMap::new(),
            storage: BTreeMap::new(),
            code: BTreeMap::new(),
        };
        for (address, account) in pre {
            let code_hash = keccak256(&account.code);
            state.code.insert(code_hash, &account.code);
            let nonce = account.nonce.to();
            let balance = account.balance;
            state.accounts.insert(
                *address,
                Account {
                    nonce,
                    balance,
                    code_hash,
                },
            );
            let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
            state
                .storage
                .extend(slots.map(|(slot, value)| ((*address, *slot), *value)));
        }
        state
    }

    fn apply(&mut self, executed: &Executed) {
        for (address, change) in &executed.diff.accounts {
            match change.after {
                Some(account) => self.accounts.insert(*address, account),
                None => self.accounts.remove(address),
            };
        }
        for (key, change) in &executed.diff.storage {
            match change.after {
                U256::ZERO => self.storage.remove(key),
                value => self.storage.insert(*key, value),
            };
        }
    }

    /// The root of the Merkle Patricia trie an Ethereum client would have.
    fn root(&self) -> B256 {
        state_root_unhashed(self.accounts.iter().map(|(address, account)| {
            let from = (*address, U256::ZERO);
            let slots = self.storage.range(from..=(*address, U256::MAX));
            let slots = slots.map(|((_, slot), value)| (B256::from(*slot), *value));
            let account = TrieAccount {
                nonce: account.nonce,
                balance: account.balance,
                storage_root: storage_root_unhashed(slots),
                code_hash: account.code_hash,
            };
            (*address, account)
        }))
    }
}

impl Env {
    fn block(&self) -> BlockEnv {
        let number = self.current_number.to::<u64>();
        BlockEnv {
            chain_id: 1,
            number,
            timestamp: self.current_timestamp.to(),
            beneficiary: self.current_coinbase,
            gas_limit: self.current_gas_limit.saturating_to(),
            base_fee: self.current_base_fee.unwrap_or_default().to(),
            prev_randao: self.current_random.unwrap_or_default(),
            // The tests' convention for block hashes.
            parent_hash: keccak256(number.saturating_sub(1).to_string()),
            parent_beacon_root: B256::ZERO,
        }
    }
}

/// What became of a case.
enum Verdict {
    Passed,
    /// The rules of Trellis leave no room for it.
    NotApplicable,
    Failed(String),
}

fn run(case: &Case, post: &Post, spec: SpecId) -> Verdict {
    let Ok(envelope) = TxEnvelope::decode_2718_exact(&post.txbytes) else {
        return if post.expect_exception.is_some() {
            Verdict::Passed
        } else {
            Verdict::Failed("transaction does not decode".to_owned())
        };
    };
    let block = case.env.block();
    if envelope.is_eip4844() {
        let refused = check_static(&envelope, 1, block.gas_limit) == Err(StaticError::Blob);
        assert!(refused, "a blob transaction is not refused");
        return Verdict::NotApplicable;
    }
    if case.pre.values().any(is_empty) {
        return Verdict::NotApplicable;
    }
    let sender = case.transaction.sender;
    if envelope.recover_signer().ok() != Some(sender) {
        return Verdict::Failed("signature recovers another sender".to_owned());
    }
    let tx = Transaction::new_unchecked(envelope, sender);
    let mut state = Accounts::new(&case.pre);
    let result = execute(&state, block, case, &tx, spec);
    check(&mut state, post, result)
}

fn execute(
    state: &Accounts<'_>,
    block: BlockEnv,
    case: &Case,
    tx: &Transaction,
    spec: SpecId,
) -> Result<Executed, TransactionError> {
    let mut executor = BlockExecutor::for_fork(block, state, spec);
    let excess = case.env.current_excess_blob_gas.unwrap_or_default().to();
    executor.set_excess_blob_gas(excess, spec);
    // The checks of Trellis are those of its own fork, and want replay protection (EIP-155).
    let own = spec == SpecId::OSAKA && alloy_consensus::Transaction::chain_id(tx.inner()).is_some();
    let result = if own {
        executor.execute(tx)
    } else {
        executor.execute_unchecked(tx)
    };
    let result = result.map(|()| executor.finish());
    let mut setting = Setting::of(&block, spec);
    setting.own = own;
    let price = BlobExcessGasAndPrice::new_with_spec(excess, spec);
    setting.block.blob_excess_gas_and_price = Some(price);
    assert_same_in_every_way(&setting, &state, tx, &result);
    result
}

/// EXE-1: building and checking come to what sequential execution comes to, whatever the number of workers.
fn assert_same_in_every_way(
    setting: &Setting,
    state: &&Accounts<'_>,
    tx: &Transaction,
    expected: &Result<Executed, TransactionError>,
) {
    let transactions = std::slice::from_ref(tx);
    for engine in ENGINES.iter() {
        let built = engine.build(setting, state, transactions);
        match expected {
            Ok(expected) => {
                let (built, _) = built.expect("a valid transaction is built");
                assert_eq!(&built.seal(), expected);
                let list = &expected.access_list;
                let checked = engine.check(setting, state, transactions, list.clone());
                let checked = checked.expect("a valid block passes with its list");
                assert_eq!(&checked.seal(), expected);
            }
            Err(_) => {
                built.expect_err("an invalid transaction is not built");
                let checked = engine.check(setting, state, transactions, Vec::new());
                checked.expect_err("an invalid block does not pass");
            }
        }
    }
}

/// Engines with these numbers of workers, whatever the machine has.
static ENGINES: LazyLock<Vec<Engine>> = LazyLock::new(|| {
    let engine = |count| Engine::new(Workers::exactly(count)).eager();
    [1, 2, 4, 8].map(engine).into()
});

fn check(
    state: &mut Accounts<'_>,
    post: &Post,
    result: Result<Executed, TransactionError>,
) -> Verdict {
    let logs = match (result, &post.expect_exception) {
        (Ok(executed), None) => {
            state.apply(&executed);
            executed.receipts[0].logs().to_vec()
        }
        (Err(TransactionError::Invalid(_)), Some(_)) => Vec::new(),
        (Ok(_), Some(rule)) => return Verdict::Failed(format!("accepted, against {rule}")),
        (Err(error), _) => return Verdict::Failed(format!("refused: {error}")),
    };
    if keccak256(alloy_rlp::encode(&logs)) != post.logs {
        return Verdict::Failed("other logs".to_owned());
    }
    let root = state.root();
    if root != post.hash {
        return Verdict::Failed(format!("state root {root}, expected {}", post.hash));
    }
    Verdict::Passed
}

/// An empty account in the trie, which none has had since EIP-161.
fn is_empty(account: &PreAccount) -> bool {
    account.balance.is_zero() && account.nonce.is_zero() && account.code.is_empty()
}

fn archive() -> PathBuf {
    let folder = std::env::var_os("TRELLIS_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    folder.join(ARCHIVE)
}

/// The names of the test files in the archive.
fn files(archive: &Path) -> Vec<String> {
    let listing = Command::new("tar")
        .arg("-tf")
        .arg(archive)
        .output()
        .expect("tar runs");
    assert!(
        listing.status.success(),
        "{}",
        String::from_utf8_lossy(&listing.stderr)
    );
    let names = String::from_utf8(listing.stdout).expect("file names are UTF-8");
    let tests = names
        .lines()
        .filter(|name| name.ends_with(".json") && !name.contains("/.meta/"));
    let mut tests: Vec<_> = tests.map(str::to_owned).collect();
    tests.sort();
    tests
}

/// Calls `each` with every case in `names`, which come one after the other out of the archive.
fn for_each_case(archive: &Path, names: &[String], mut each: impl FnMut(&str, &Case)) {
    let mut tar = Command::new("tar")
        .arg("-xOf")
        .arg(archive)
        .args(names)
        .stdout(Stdio::piped())
        .spawn()
        .expect("tar runs");
    let output = tar.stdout.take().expect("stdout is piped");
    let reader = std::io::BufReader::with_capacity(1 << 20, output);
    for file in serde_json::Deserializer::from_reader(reader).into_iter::<BTreeMap<String, Case>>()
    {
        for (name, case) in &file.expect("a state test file") {
            each(name, case);
        }
    }
    assert!(tar.wait().expect("tar ends").success());
}

#[test]
fn ethereum_state_tests() {
    let archive = archive();
    if !archive.exists() {
        println!("skipped: ethereum state tests (no shared data)");
        return;
    }
    let full = std::env::var_os("TRELLIS_FULL").is_some_and(|value| value == "1");
    let step = if full { 1 } else { 16 };
    // Long loops measure the EVM, not this crate, and take minutes without optimization.
    let chosen = |name: &String| {
        let skipped = |part: &&str| name.contains(*part);
        !IMPOSSIBLE.iter().any(skipped) && (full || !name.contains("vmPerformance"))
    };
    // The Osaka fixtures are few and about the very rules Trellis runs: all of them, always.
    let (osaka, ethereum): (Vec<_>, Vec<_>) = files(&archive)
        .into_iter()
        .filter(chosen)
        .partition(|name| name.starts_with("fx/"));
    let mut names: Vec<_> = ethereum.into_iter().step_by(step).collect();
    names.extend(osaka);

    let (mut passed, mut not_applicable, mut failed) = (0, 0, Vec::new());
    for_each_case(&archive, &names, |name, case| {
        for (fork, posts) in &case.post {
            let spec = match fork.as_str() {
                "Cancun" => SpecId::CANCUN,
                "Prague" => SpecId::PRAGUE,
                "Osaka" => SpecId::OSAKA,
                _ => continue,
            };
            for (index, post) in posts.iter().enumerate() {
                match run(case, post, spec) {
                    Verdict::Passed => passed += 1,
                    Verdict::NotApplicable => not_applicable += 1,
                    Verdict::Failed(why) => failed.push(format!("{name} {fork} {index}: {why}")),
                }
            }
        }
    });
    println!(
        "{passed} passed, {not_applicable} not applicable, {} failed",
        failed.len()
    );
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(
        passed >= if full { 20_000 } else { 2_000 },
        "only {passed} cases ran"
    );
}
