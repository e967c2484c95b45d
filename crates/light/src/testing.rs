//! A network of four validators that signs whatever a test asks for.

use crate::{
    Evidence, Finalization, Message, Network, Scheme, namespace,
    tree::{Lane, Lanes, Tree},
};
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256};
use commonware_codec::Encode as _;
use commonware_consensus::{
    simplex::types::{Finalize, Proposal},
    types::{Epoch, Round, View},
};
use commonware_cryptography::{
    Signer as _,
    bls12381::{
        dkg::feldman_desmedt::deal,
        primitives::{
            group::Share,
            sharing::{Mode, Sharing},
            variant::MinSig,
        },
    },
    ed25519::{PrivateKey, PublicKey},
    keccak256::Digest,
};
use commonware_parallel::Sequential;
use commonware_utils::{N3f1, non_empty, ordered::Set};
use core::ops::Range;
use rand::{SeedableRng as _, rngs::StdRng};
use trellis_primitives::{
    Context, Extension, ModuleId, StateCommitment, TreeCommitment, header_template,
};

/// First chain id of the test network: module `i` has this one and `i`.
pub(crate) const FIRST_CHAIN: u64 = 527_193;

pub(crate) fn module(index: u32) -> ModuleId {
    ModuleId::new(index).unwrap()
}

pub(crate) struct Validators {
    keys: Set<PublicKey>,
    sharing: Sharing<MinSig>,
    shares: Vec<Share>,
}

impl Validators {
    pub(crate) fn new(seed: u64) -> Self {
        let keys = (0..4).map(|seed| PrivateKey::from_seed(seed).public_key());
        let keys = Set::from_iter_dedup(keys);
        let mut rng = StdRng::seed_from_u64(seed);
        let (output, shares) =
            deal::<MinSig, _, N3f1>(&mut rng, Mode::NonZeroCounter, keys.clone()).unwrap();
        let shares = keys
            .iter()
            .map(|key| shares.get_value(key).unwrap().clone());
        Self {
            shares: shares.collect(),
            sharing: output.public().clone(),
            keys,
        }
    }

    pub(crate) fn network(&self, id: u64) -> Network {
        Network::new(id, *self.sharing.public())
    }

    /// Three of the four finalize `hash` under the namespace of one module of one network.
    pub(crate) fn finalize(&self, network: u64, module: ModuleId, hash: B256) -> Finalization {
        let namespace = namespace(network, module.index());
        let schemes: Vec<_> = self
            .shares
            .iter()
            .map(|share| {
                let (keys, sharing) = (self.keys.clone(), self.sharing.clone());
                Scheme::signer(&namespace, keys, sharing, share.clone()).unwrap()
            })
            .collect();
        let round = Round::new(Epoch::zero(), View::new(1_000));
        let proposal = Proposal::new(round, View::new(999), Digest(hash.0));
        let votes: Vec<_> = schemes[..3]
            .iter()
            .map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap())
            .collect();
        Finalization::from_finalizes(&schemes[3], non_empty![@votes.iter()], &Sequential).unwrap()
    }
}

/// A header and its extension before they are encoded.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) header: Header,
    pub(crate) extension: Extension,
}

impl Draft {
    /// A block of `module` whose outbox is `outbox`.
    pub(crate) fn new(module: ModuleId, outbox: B256) -> Self {
        let mut header = header_template();
        header.beneficiary = Address::repeat_byte(0x11);
        header.number = 1_000;
        header.gas_limit = 30_000_000;
        header.base_fee_per_gas = Some(1_000_000_000);
        let tree = |byte| TreeCommitment {
            root: B256::repeat_byte(byte),
            ops_root: B256::repeat_byte(byte + 1),
            start: 5,
            end: 70,
        };
        let extension = Extension {
            module,
            outbox,
            context: Context {
                round: Round::new(Epoch::zero(), View::new(1_000)),
                leader: PrivateKey::from_seed(1).public_key(),
                parent: (View::new(999), Digest([0x66; 32])),
            },
            timestamp_ms: 1_790_000_000_123,
            access_list_hash: B256::repeat_byte(0x55),
            state: StateCommitment {
                accounts: tree(0x70),
                storage: tree(0x80),
                code: tree(0x90),
            },
        };
        Self { header, extension }.sealed()
    }

    /// Makes the header agree with the extension and name it.
    pub(crate) fn sealed(mut self) -> Self {
        self.header.parent_hash = self.extension.context.parent.1.0.into();
        self.header.timestamp = self.extension.timestamp_ms / 1000;
        self.header.state_root = self.extension.state.root();
        self.named()
    }

    /// Makes the header name the extension.
    pub(crate) fn named(mut self) -> Self {
        self.header.extra_data = self.extension.hash().into();
        self
    }

    pub(crate) fn encoded(&self) -> (Bytes, Bytes) {
        let header = alloy_rlp::encode(&self.header);
        (header.into(), self.extension.encode().into())
    }
}

/// Messages in the lane of module 0 to module 2, and other lanes beside it.
pub(crate) struct Sent {
    pub(crate) messages: Vec<Message>,
    pub(crate) ids: Vec<B256>,
    pub(crate) tree: Tree,
    pub(crate) lanes: Lanes,
}

impl Sent {
    pub(crate) const SOURCE: ModuleId = ModuleId::HUB;

    pub(crate) fn lane() -> Lane {
        Lane::from(module(2))
    }

    pub(crate) fn new(count: u64) -> Self {
        let messages: Vec<_> = (0..count).map(message).collect();
        let ids: Vec<_> = (0_u64..)
            .zip(&messages)
            .map(|(sequence, message)| message.id(FIRST_CHAIN, FIRST_CHAIN + 2, sequence))
            .collect();
        let (mut tree, mut lanes) = (Tree::default(), Lanes::default());
        ids.iter().for_each(|id| tree.push(*id));
        lanes.set(Self::lane(), tree.frontier_at(count).unwrap().commitment());
        lanes.set(Lane::from(module(1)), B256::repeat_byte(0xa1));
        lanes.set(Lane::OUTSIDE, B256::repeat_byte(0xa2));
        Self {
            messages,
            ids,
            tree,
            lanes,
        }
    }

    /// Evidence of a range, in a block that `validators` finalized.
    pub(crate) fn evidence(
        &self,
        validators: &Validators,
        network: u64,
        range: Range<u64>,
    ) -> Evidence {
        let draft = Draft::new(Self::SOURCE, self.lanes.root());
        let finalization = validators.finalize(network, Self::SOURCE, draft.header.hash_slow());
        let (header, extension) = draft.encoded();
        let count = self.tree.len();
        Evidence {
            finalization,
            header,
            extension,
            count,
            range: self.tree.range_proof(range, count).unwrap(),
            path: self.lanes.path(Self::lane()),
        }
    }

    pub(crate) fn ids(&self, range: Range<u64>) -> &[B256] {
        &self.ids[range.start as usize..range.end as usize]
    }
}

fn message(n: u64) -> Message {
    Message {
        sender: Address::left_padding_from(&n.to_be_bytes()),
        recipient: Address::repeat_byte(0x22),
        value: U256::from(n) * U256::from(1_000_000_000_000_000_000_u64),
        gas_limit: 200_000 + n,
        refund_to: Address::repeat_byte(0x33),
        payload: vec![n as u8; (n % 70) as usize].into(),
    }
}
