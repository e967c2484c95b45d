use super::*;
use alloy_primitives::{B256, Bytes, keccak256};
use commonware_codec::{Encode as _, EncodeSize as _};
use commonware_consensus::{
    BoundedBlock as _,
    simplex::types::{Finalization, Finalize, Proposal},
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Signer as _, ed25519};
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use rand::{SeedableRng as _, rngs::StdRng};
use std::collections::BTreeSet;
use trellis_primitives::limits::{
    ACCESS_LIST_BYTES_MAX, BODY_BYTES_MAX, MODULES_MAX, TRANSACTION_BYTES_MAX, TRANSACTIONS_MAX,
};

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn validators(count: u64) -> Set<PublicKey> {
    let keys = (0..count).map(|seed| ed25519::PrivateKey::from_seed(seed).public_key());
    Set::from_iter_dedup(keys)
}

#[test]
fn channels_of_all_modules_differ() {
    let modules = u32::try_from(MODULES_MAX).unwrap();
    let mut numbers = BTreeSet::new();
    for module in 0..modules {
        for channel in Channel::ALL {
            let number = channel.of(module);
            assert!(numbers.insert(number), "{channel:?} of module {module}");
            assert_eq!(number / CHANNELS_PER_MODULE, u64::from(module));
        }
    }
    assert!(Channel::ALL.len() as u64 <= CHANNELS_PER_MODULE);
}

#[test]
fn namespaces_of_all_modules_and_networks_differ() {
    let networks = [1, 2, 256, 100_000, 527_193, u64::MAX];
    let mut names = BTreeSet::new();
    for network in networks {
        assert!(names.insert(p2p_namespace(network)));
        for module in 0..u32::try_from(MODULES_MAX).unwrap() {
            assert!(
                names.insert(namespace(network, module)),
                "{network} {module}"
            );
        }
    }
    // None is the beginning of another: what is signed under it follows without a separator.
    for name in &names {
        let longer = names.range(name.clone()..).skip(1);
        assert!(!longer.take(1).any(|next| next.starts_with(name)));
    }
}

/// Signs a proposal by `count` validators under a namespace.
fn certify(
    dealing: &Dealing,
    validators: &Set<PublicKey>,
    namespace: &[u8],
    count: usize,
) -> Option<Finalization<Scheme, Digest>> {
    let scheme = |share: &Share| {
        let sharing = dealing.sharing.clone();
        Scheme::signer(namespace, validators.clone(), sharing, share.clone()).unwrap()
    };
    let proposal = Proposal::new(
        Round::new(Epoch::zero(), View::new(7)),
        View::new(6),
        commonware_cryptography::keccak256::Digest([9; 32]),
    );
    let votes: Vec<_> = dealing
        .shares
        .values()
        .take(count)
        .map(|share| Finalize::sign(&scheme(share), proposal.clone()).unwrap())
        .collect();
    let any = scheme(dealing.shares.values().next().unwrap());
    Finalization::from_finalizes(&any, non_empty![@votes.iter()], &Sequential).ok()
}

fn verifies(certificate: &Finalization<Scheme, Digest>, namespace: &[u8], key: NetworkKey) -> bool {
    let verifier = Scheme::certificate_verifier(namespace, key);
    certificate.verify(&mut rng(1), &verifier, &Sequential)
}

/// MSG-1: one key verifies the certificates of every module, and none passes for another's.
#[test]
fn certificates_belong_to_one_module_of_one_network() {
    let validators = validators(4);
    let dealing = trusted_deal(rng(1), &validators);
    let key = *dealing.sharing.public();
    let certificates: Vec<_> = (0..3)
        .map(|module| certify(&dealing, &validators, &namespace(5, module), 3).unwrap())
        .collect();
    for (module, certificate) in certificates.iter().enumerate() {
        for other in 0..3 {
            let name = namespace(5, other);
            let own = module == other as usize;
            assert_eq!(
                verifies(certificate, &name, key),
                own,
                "{module} under {other}"
            );
        }
        let module = u32::try_from(module).unwrap();
        assert!(
            !verifies(certificate, &namespace(6, module), key),
            "another network"
        );
        assert!(!verifies(certificate, &p2p_namespace(5), key));
        let stranger = *trusted_deal(rng(2), &validators).sharing.public();
        assert!(!verifies(certificate, &namespace(5, module), stranger));
    }
    assert_eq!(
        certificates[0].encode_size(),
        83,
        "as the architecture promises"
    );
}

/// CON-1: with four validators three must agree; one faulty one can neither decide nor prevent.
#[test]
fn a_quorum_is_needed() {
    let validators = validators(4);
    let dealing = trusted_deal(rng(1), &validators);
    let name = namespace(5, 0);
    for (count, certified) in [(1, false), (2, false), (3, true), (4, true)] {
        assert_eq!(
            certify(&dealing, &validators, &name, count).is_some(),
            certified,
            "{count}"
        );
    }
    // Whoever signs, the certificate is the same.
    let three = certify(&dealing, &validators, &name, 3);
    assert_eq!(three, certify(&dealing, &validators, &name, 4));
}

#[test]
fn every_validator_gets_a_share_of_its_own() {
    for count in [1, 2, 4, 7] {
        let validators = validators(count);
        let dealing = trusted_deal(rng(1), &validators);
        let holders: Vec<_> = dealing.shares.keys().cloned().collect();
        assert_eq!(holders, validators.iter().cloned().collect::<Vec<_>>());
        let shares: BTreeSet<_> = dealing
            .shares
            .values()
            .map(|s| s.encode().to_vec())
            .collect();
        assert_eq!(shares.len() as u64, count);
        for share in dealing.shares.values() {
            let sharing = dealing.sharing.clone();
            let name = namespace(5, 0);
            assert!(Scheme::signer(&name, validators.clone(), sharing, share.clone()).is_some());
        }
    }
}

#[test]
fn a_dealing_is_a_function_of_its_randomness() {
    let validators = validators(4);
    let key = |seed| *trusted_deal(rng(seed), &validators).sharing.public();
    assert_eq!(key(1), key(1));
    assert_ne!(key(1), key(2));
}

/// A block the rules admit must fit in a message, or it could be certified and never fetched.
#[test]
fn messages_admit_the_largest_block() {
    let genesis = crate::gate::tests::genesis();
    let access_list = Bytes::from(vec![1; ACCESS_LIST_BYTES_MAX]);
    let largest = |transactions: Vec<Bytes>| {
        let mut header = genesis.header().clone();
        header.transactions_root = trellis_primitives::transactions_root(&transactions);
        // Every number as wide as it gets.
        header.number = u64::MAX;
        header.gas_limit = u64::MAX;
        header.gas_used = u64::MAX;
        header.base_fee_per_gas = Some(u64::MAX);
        let mut extension = genesis.extension().clone();
        extension.context.round = Round::new(Epoch::new(u64::MAX), View::new(u64::MAX));
        extension.context.parent.0 = View::new(u64::MAX);
        extension.timestamp_ms = u64::MAX;
        extension.access_list_hash = keccak256(&access_list);
        header.timestamp = u64::MAX / 1000;
        header.extra_data = extension.hash().into();
        Block::new(header, extension, transactions, access_list.clone()).unwrap()
    };
    let many = vec![Bytes::from(vec![1; BODY_BYTES_MAX / TRANSACTIONS_MAX]); TRANSACTIONS_MAX];
    let large = vec![Bytes::from(vec![1; TRANSACTION_BYTES_MAX]); 16];
    for validators in [1, 4, 16] {
        let limit = message_bytes_max(validators) as usize;
        assert!(Block::max_encode_size(&()) < limit);
        for body in [&many, &large] {
            let block = largest(body.clone());
            assert!(block.encode_size() <= Block::max_encode_size(&()));
            assert!(block.encode().len() < limit);
        }
        assert!(crate::gossip::MESSAGE_BYTES_MAX < limit);
    }
    assert_eq!(
        genesis.header().parent_hash,
        B256::from(genesis.extension().context.parent.1.0)
    );
}
