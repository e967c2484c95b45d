//! Keys of a development network, kept in its data directory. One process holds every share, so they protect nothing;
//! a production network gives each validator its own.

use alloy_primitives::{B256, hex, keccak256};
use bytes::Bytes;
use commonware_codec::{Decode, DecodeExt as _, Encode};
use commonware_cryptography::{
    Signer as _,
    bls12381::primitives::{
        group::Share,
        sharing::{ModeVersion, Sharing},
        variant::MinSig,
    },
    ed25519::{PrivateKey, PublicKey},
};
use commonware_utils::{Faults as _, N3f1, Participant, TryCollect as _, ordered::Set};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use trellis_consensus::network::trusted_deal;

/// Every key of a development network, as hex. The name of each field says what it must never be used for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredKeys {
    /// Public polynomial of the network key.
    network_key_sharing: String,
    /// One entry a validator.
    development_only_validators: Vec<StoredValidator>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredValidator {
    identity: String,
    share: String,
}

/// One validator's keys.
pub(crate) struct ValidatorKeys {
    pub(crate) identity: PrivateKey,
    pub(crate) share: Share,
}

/// The keys of every validator, in the order of their public keys.
pub(crate) struct Keys {
    pub(crate) sharing: Sharing<MinSig>,
    pub(crate) participants: Set<PublicKey>,
    pub(crate) validators: Vec<ValidatorKeys>,
}

impl StoredKeys {
    /// Draws keys for `count` validators.
    pub(crate) fn generate(mut rng: impl CryptoRng, count: u32) -> Result<Self, String> {
        let mut identities = Vec::new();
        for _ in 0..count {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            identities
                .push(PrivateKey::decode(Bytes::copy_from_slice(&seed)).map_err(|e| unusable(&e))?);
        }
        let participants = participants(&identities)?;
        let dealing = trusted_deal(&mut rng, &participants);
        let validators = identities
            .iter()
            .filter_map(|identity| {
                let share = dealing.shares.get(&identity.public_key())?;
                Some(StoredValidator {
                    identity: hex::encode(identity.encode()),
                    share: hex::encode(share.encode()),
                })
            })
            .collect();
        Ok(Self {
            network_key_sharing: hex::encode(dealing.sharing.encode()),
            development_only_validators: validators,
        })
    }

    /// The keys, checked to fit together, which consensus takes for granted; the error says what does not.
    pub(crate) fn load(&self) -> Result<Keys, String> {
        let mut validators = Vec::new();
        for stored in &self.development_only_validators {
            let identity = bytes(&stored.identity)?;
            let share = bytes(&stored.share)?;
            validators.push(ValidatorKeys {
                identity: PrivateKey::decode(identity).map_err(|e| unusable(&e))?,
                share: Share::decode(share).map_err(|e| unusable(&e))?,
            });
        }
        validators.sort_by_key(|validator| validator.identity.public_key());
        let identities: Vec<_> = validators.iter().map(|v| v.identity.clone()).collect();
        let participants = participants(&identities)?;
        let count = u32::try_from(validators.len())
            .ok()
            .and_then(NonZeroU32::new);
        let count = count.ok_or_else(|| unusable(&"no validators"))?;
        let sharing = bytes(&self.network_key_sharing)?;
        let sharing =
            Sharing::decode_cfg(sharing, &(count, ModeVersion::v0())).map_err(|e| unusable(&e))?;
        check_shares(&sharing, &validators)?;
        Ok(Keys {
            sharing,
            participants,
            validators,
        })
    }
}

impl Keys {
    /// Digest of the validator set and the network key, which the genesis binds.
    pub(crate) fn digest(&self) -> B256 {
        let mut preimage = b"trellis/validators/1".to_vec();
        for key in self.participants.iter() {
            preimage.extend_from_slice(key.as_ref());
        }
        preimage.extend_from_slice(&self.sharing.public().encode());
        keccak256(preimage)
    }
}

/// Each validator's share must be the one of its place in the order of identities.
fn check_shares(sharing: &Sharing<MinSig>, validators: &[ValidatorKeys]) -> Result<(), String> {
    let total = sharing.total().get() as usize;
    if total != validators.len() || sharing.required() != N3f1::quorum(validators.len()) {
        return Err(unusable(
            &"the network key is shared among other validators",
        ));
    }
    for (index, validator) in validators.iter().enumerate() {
        let place = Participant::from_usize(index);
        let expected = sharing.partial_public(place).ok();
        let share = &validator.share;
        if share.index != place || expected != Some(share.public::<MinSig>()) {
            let reason = format!("share of validator {index} does not fit the network key");
            return Err(unusable(&reason));
        }
    }
    Ok(())
}

fn participants(identities: &[PrivateKey]) -> Result<Set<PublicKey>, String> {
    identities
        .iter()
        .map(|identity| identity.public_key())
        .try_collect()
        .map_err(|_| unusable(&"two validators have the same identity"))
}

fn bytes(text: &str) -> Result<Bytes, String> {
    hex::decode(text).map(Bytes::from).map_err(|e| unusable(&e))
}

fn unusable(reason: &impl std::fmt::Display) -> String {
    format!("keys: {reason}")
}

#[cfg(test)]
mod tests;
