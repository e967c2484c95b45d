//! From the network's key to the header extension of a final block (docs/spec/messages.md, 5).

use crate::LightError;
use alloy_consensus::Header;
use alloy_primitives::{B256, keccak256};
use alloy_rlp::Decodable as _;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::{
    scheme::bls12381_threshold::standard,
    types::{Finalization as SimplexFinalization, Proposal},
};
use commonware_cryptography::{
    bls12381::primitives::variant::{MinSig, Variant},
    ed25519::PublicKey,
};
use commonware_parallel::Sequential;
use core::convert::Infallible;
use trellis_primitives::{Digest, Extension, ModuleId, limits::HEADER_BYTES_MAX};

/// Certificates of every module: BLS12-381 threshold signatures by ed25519-identified validators.
pub type Scheme = standard::Scheme<PublicKey, MinSig>;

/// The network's public key: one key verifies the certificates of every module.
pub type NetworkKey = <MinSig as Variant>::Public;

/// What makes a block final: the proposal and one signature over it.
pub type Finalization = SimplexFinalization<Scheme, Digest>;

/// Largest encoding of a [`Finalization`], in bytes: the proposal and 48 bytes of signature.
pub const FINALIZATION_BYTES_MAX: usize =
    <Proposal<Digest> as commonware_codec::MaxEncodeSize>::MAX_ENCODE_SIZE + 48;

/// What validators of one module sign under: certificates of another network or module never verify (MSG-1).
pub fn namespace(network_id: u64, module: u32) -> Vec<u8> {
    [
        b"trellis/".as_slice(),
        &network_id.to_be_bytes(),
        b"/module/",
        &module.to_be_bytes(),
    ]
    .concat()
}

/// A network, as much of it as a light client has to know. Whoever has a wrong key believes a wrong network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Part of what validators sign.
    pub id: u64,
    /// Verifies every certificate of every module.
    pub key: NetworkKey,
}

/// A block that can never be undone, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalBlock {
    /// Why it is final. There is one valid signature for a proposal, whoever took part in it.
    pub finalization: Finalization,
    /// The block hash.
    pub hash: B256,
    /// The Ethereum header.
    pub header: Header,
    /// The header extension: the outbox and the state.
    pub extension: Extension,
}

impl Network {
    /// A network by its id and key.
    pub const fn new(id: u64, key: NetworkKey) -> Self {
        Self { id, key }
    }

    /// Checks that a block of `module` is final and what it says. The pairing takes nearly all of the time, and comes
    /// last.
    ///
    /// # Errors
    /// The first rule of [`LightError`] that does not hold.
    pub fn verify(
        &self,
        module: ModuleId,
        finalization: &Finalization,
        header: &[u8],
        extension: &[u8],
    ) -> Result<FinalBlock, LightError> {
        let block = bind(module, finalization, header, extension)?;
        self.verify_certificate(module, finalization)?;
        Ok(block)
    }

    /// Checks the certificate alone: that the block it names is final in `module`.
    ///
    /// # Errors
    /// [`LightError::Certificate`].
    pub fn verify_certificate(
        &self,
        module: ModuleId,
        finalization: &Finalization,
    ) -> Result<(), LightError> {
        let namespace = namespace(self.id, module.index());
        let verifier = Scheme::certificate_verifier(&namespace, self.key);
        if finalization.verify(&mut NoRandomness, &verifier, &Sequential) {
            Ok(())
        } else {
            Err(LightError::Certificate)
        }
    }
}

/// Follows the hashes from the certificate to the extension.
pub(crate) fn bind(
    module: ModuleId,
    finalization: &Finalization,
    encoded_header: &[u8],
    encoded_extension: &[u8],
) -> Result<FinalBlock, LightError> {
    let hash = keccak256(encoded_header);
    if hash.0 != finalization.proposal.payload.0 {
        return Err(LightError::HeaderNotNamed);
    }
    let header = decode_header(encoded_header)?;
    if header.extra_data.as_ref() != extension_hash(encoded_extension).as_slice() {
        return Err(LightError::ExtensionNotNamed);
    }
    let extension = Extension::decode(Copying(encoded_extension))
        .map_err(|_| LightError::Encoding("header extension"))?;
    if extension.module != module {
        return Err(LightError::WrongModule {
            wanted: module,
            got: extension.module,
        });
    }
    check_agreement(&header, &extension)?;
    Ok(FinalBlock {
        finalization: finalization.clone(),
        hash,
        header,
        extension,
    })
}

/// The only encoding of a header, or nothing.
fn decode_header(encoded: &[u8]) -> Result<Header, LightError> {
    if encoded.len() > HEADER_BYTES_MAX {
        return Err(LightError::Header);
    }
    let mut rest = encoded;
    let header = Header::decode(&mut rest).map_err(|_| LightError::Header)?;
    if !rest.is_empty() || alloy_rlp::encode(&header) != encoded {
        return Err(LightError::Header);
    }
    Ok(header)
}

/// What a header names an extension by ([`Extension::hash`]), of bytes that need not be one.
pub(crate) fn extension_hash(encoded: &[u8]) -> B256 {
    keccak256([b"trellis/extension", encoded].concat())
}

/// What the header and the extension both say, they say alike. Validators sign nothing else.
fn check_agreement(header: &Header, extension: &Extension) -> Result<(), LightError> {
    let rule = |holds: bool, field| {
        if holds {
            Ok(())
        } else {
            Err(LightError::Contradiction(field))
        }
    };
    rule(header.state_root == extension.state.root(), "stateRoot")?;
    rule(
        header.timestamp == extension.timestamp_ms / 1000,
        "timestamp",
    )?;
    rule(
        header.parent_hash.0 == extension.context.parent.1.0,
        "parentHash",
    )
}

/// The library asks for randomness to check many certificates at once. One takes none, so there is none to get wrong.
struct NoRandomness;

impl rand_core::TryRng for NoRandomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("one certificate is checked without randomness")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("one certificate is checked without randomness")
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("one certificate is checked without randomness")
    }
}

impl rand_core::TryCryptoRng for NoRandomness {}

#[cfg(test)]
mod tests;
