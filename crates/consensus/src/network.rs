//! Names and numbers every validator of a network must agree on: namespaces, channels, quotas, message sizes.

use commonware_consensus::{
    marshal::{self, standard::Standard},
    simplex,
};
use commonware_cryptography::{
    bls12381::{
        dkg::feldman_desmedt::deal,
        primitives::{
            group::Share,
            sharing::{Mode, Sharing},
            variant::MinSig,
        },
    },
    ed25519::PublicKey,
};
use commonware_p2p::max_message_size;
use commonware_runtime::Quota;
use commonware_utils::{N3f1, NZU32, ordered::Set};
use rand_core::CryptoRng;
use std::collections::BTreeMap;
use trellis_primitives::{Block, Digest};

pub use trellis_light::{NetworkKey, Scheme, namespace};

/// Peer-to-peer channels reserved for each module.
pub const CHANNELS_PER_MODULE: u64 = 8;

/// What a channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Votes.
    Votes,
    /// Notarization, nullification and finalization certificates.
    Certificates,
    /// Requests for missing certificates.
    Resolver,
    /// Requests for missing blocks.
    Backfill,
    /// New blocks.
    Blocks,
    /// Transactions a validator took from its clients.
    Transactions,
}

impl Channel {
    /// Every channel, in the order a module takes them.
    pub const ALL: [Self; 6] = [
        Self::Votes,
        Self::Certificates,
        Self::Resolver,
        Self::Backfill,
        Self::Blocks,
        Self::Transactions,
    ];

    /// Number of this channel of the module at `index`.
    pub const fn of(self, index: u32) -> u64 {
        index as u64 * CHANNELS_PER_MODULE + self as u64
    }

    /// Messages per second and peer. Each channel's mailbox is allocated for one second of every peer's quota, so
    /// these numbers are memory; they are sized for blocks every few milliseconds.
    pub const fn quota(self) -> Quota {
        match self {
            Self::Votes | Self::Certificates => Quota::per_second(NZU32!(512)),
            Self::Resolver | Self::Backfill => Quota::per_second(NZU32!(128)),
            Self::Blocks | Self::Transactions => Quota::per_second(NZU32!(256)),
        }
    }
}

/// What connections of one network are authenticated under.
pub fn p2p_namespace(network_id: u64) -> Vec<u8> {
    [b"trellis/".as_slice(), &network_id.to_be_bytes(), b"/p2p"].concat()
}

/// Largest message of a network with this many validators, in bytes.
pub fn message_bytes_max(validators: u32) -> u32 {
    max_message_size(&[
        simplex::max_payload_size::<Scheme, Digest>(validators),
        marshal::max_payload_size::<Standard<Block>, Scheme>(validators, &()),
        crate::gossip::MESSAGE_BYTES_MAX,
    ])
}

/// The shares of one dealing, by validator, and what they share.
#[derive(Debug)]
pub struct Dealing {
    /// Public polynomial; its constant term is the [`NetworkKey`].
    pub sharing: Sharing<MinSig>,
    /// Each validator's secret share.
    pub shares: BTreeMap<PublicKey, Share>,
}

/// Deals a network key to `validators`. Whoever runs this knows every share: it is for development networks and tests
/// only, where one process holds them all anyway.
///
/// # Panics
/// Never for a non-empty set; the library fails only on an empty one.
pub fn trusted_deal(mut rng: impl CryptoRng, validators: &Set<PublicKey>) -> Dealing {
    let (output, shares) =
        deal::<MinSig, _, N3f1>(&mut rng, Mode::NonZeroCounter, validators.clone())
            .expect("a network has at least one validator");
    let shares = validators
        .iter()
        .filter_map(|key| {
            shares
                .get_value(key)
                .map(|share| (key.clone(), share.clone()))
        })
        .collect();
    Dealing {
        sharing: output.public().clone(),
        shares,
    }
}

#[cfg(test)]
mod tests;
