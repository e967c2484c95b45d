//! The genesis block: allocations, and the contracts every Ethereum tool expects to find.

use crate::{Allocation, ChainSpec, Payments, rules};
use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
};
use alloy_primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::ed25519;
use trellis_executor::encode_access_list;
use trellis_messaging::gateway;
use trellis_primitives::{
    Account, Block, BlockError, Change, Context, Digest, EMPTY_OUTBOX, Extension, StateCommitment,
    StateDiff, header_template,
    system::{GATEWAY, POOL},
    transactions_root,
};
use trellis_shielded::pool;

/// The deterministic deployment proxy (Arachnid): CREATE2 at one address on every chain.
pub const CREATE2_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");
/// Multicall3: viem and ethers batch contract reads through it. The code is the one of Ethereum mainnet, because tools
/// that check its hash, and estimates of its gas, expect that build.
pub const MULTICALL3: Address = address!("0xcA11bde05977b3631167028862bE2a173976CA11");

const CREATE2_DEPLOYER_CODE: &[u8] = &hex!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
const MULTICALL3_CODE: &str = include_str!("../genesis/multicall3.hex");
const POOL_CODE: &str = include_str!("../../../contracts/artifacts/pool.hex");

/// Base fee of the genesis block, in wei: 1 gwei.
const INITIAL_BASE_FEE: u64 = 1_000_000_000;

/// Contracts in the genesis, with their addresses.
pub fn predeploys(spec: &ChainSpec) -> Vec<(&'static str, Address, Bytes)> {
    let code = |text: &str| hex::decode(text.trim()).expect("the file holds hex").into();
    let mut contracts = vec![
        (
            "eip2935History",
            HISTORY_STORAGE_ADDRESS,
            HISTORY_STORAGE_CODE.clone(),
        ),
        (
            "eip4788BeaconRoots",
            BEACON_ROOTS_ADDRESS,
            BEACON_ROOTS_CODE.clone(),
        ),
        ("gateway", GATEWAY, gateway::code()),
        (
            "create2Deployer",
            CREATE2_DEPLOYER,
            Bytes::from_static(CREATE2_DEPLOYER_CODE),
        ),
        ("multicall3", MULTICALL3, code(MULTICALL3_CODE)),
    ];
    if spec.payments.is_some() {
        contracts.push(("pool", POOL, code(POOL_CODE)));
    }
    contracts
}

/// The genesis state, as a change of the empty state.
pub fn state(spec: &ChainSpec) -> StateDiff {
    let mut diff = StateDiff::default();
    for (_, address, code) in predeploys(spec) {
        let code_hash = keccak256(&code);
        let account = Account {
            nonce: 1,
            balance: U256::ZERO,
            code_hash,
        };
        diff.accounts.insert(
            address,
            Change {
                before: None,
                after: Some(account),
            },
        );
        diff.code.insert(code_hash, code);
    }
    let gateway = gateway::genesis_storage(spec.modules, spec.first_chain_id());
    let gateway = gateway.into_iter().map(|entry| (GATEWAY, entry));
    let pool = spec
        .payments
        .iter()
        .flat_map(|payments| pool::genesis_storage(payments.governance, &Payments::circuits()));
    for (contract, (slot, after)) in gateway.chain(pool.map(|entry| (POOL, entry))) {
        let before = U256::ZERO;
        diff.storage
            .insert((contract, slot), Change { before, after });
    }
    let reserve = Allocation {
        address: GATEWAY,
        balance: gateway::RESERVE,
    };
    for allocation in spec.alloc.iter().chain([&reserve]) {
        let entry = diff.accounts.entry(allocation.address).or_insert(Change {
            before: None,
            after: Some(Account::default()),
        });
        if let Some(account) = &mut entry.after {
            account.balance = account.balance.saturating_add(allocation.balance);
        }
    }
    diff
}

/// The genesis block over the committed genesis state. `leader` is any validator: nobody proposed it.
///
/// # Errors
/// [`BlockError`] if the parts do not fit together, which would be a defect here.
pub fn block(
    spec: &ChainSpec,
    state: StateCommitment,
    leader: ed25519::PublicKey,
) -> Result<Block, BlockError> {
    let parent = spec.identity();
    let extension = Extension {
        module: spec.id,
        outbox: EMPTY_OUTBOX,
        context: Context {
            round: Round::new(Epoch::zero(), View::zero()),
            leader,
            parent: (
                View::zero(),
                commonware_cryptography::keccak256::Digest(parent.0),
            ),
        },
        timestamp_ms: spec.timestamp_ms,
        access_list_hash: keccak256(encode_access_list(&[])),
        state,
    };
    let mut header = header_template();
    header.parent_hash = parent;
    header.state_root = state.root();
    header.transactions_root = transactions_root(&[]);
    header.receipts_root = rules::EMPTY_ROOT;
    header.gas_limit = spec.gas_limit;
    header.timestamp = spec.timestamp_ms / 1000;
    header.base_fee_per_gas = Some(INITIAL_BASE_FEE);
    header.extra_data = extension.hash().into();
    header.mix_hash = B256::ZERO;
    // Nothing is executed, so nothing is touched.
    let access_list = encode_access_list(&[]);
    Block::new(header, extension, Vec::new(), access_list)
}

/// Digest of a block, as consensus names it.
pub fn digest(hash: B256) -> Digest {
    commonware_cryptography::keccak256::Digest(hash.0)
}

#[cfg(test)]
mod tests;
