use crate::tree::ProofError;
use trellis_primitives::{Class, ModuleId};

/// Why evidence proves nothing. Each is for ever: the same bytes never become true ([`Class::Invalid`]).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// The bytes are not the encoding of what they should be.
    #[error("{0} is not encoded as it must be")]
    Encoding(&'static str),
    /// The header is not the one RLP encoding of a header, or too large.
    #[error("header is not canonical RLP")]
    Header,
    /// The certificate finalizes another block.
    #[error("the certificate does not name the header")]
    HeaderNotNamed,
    /// `extraData` is not the hash of the extension.
    #[error("the header does not name the extension")]
    ExtensionNotNamed,
    /// The block is of another module.
    #[error("the block is of module {got}, not of module {wanted}")]
    WrongModule {
        /// The module that was asked for.
        wanted: ModuleId,
        /// The module that the extension names.
        got: ModuleId,
    },
    /// `stateRoot`, `timestamp` or `parentHash` contradicts the extension: no validator would have signed it.
    #[error("header field {0} contradicts the header extension")]
    Contradiction(&'static str),
    /// The signature is not the network's for this module: another network, another module, another key, or none.
    #[error("the certificate is not signed by the network for this module")]
    Certificate,
    /// The range proof does not fit the messages.
    #[error(transparent)]
    Messages(#[from] ProofError),
    /// The messages, the range proof and the lane path lead to another root.
    #[error("the messages are not in the outbox of the block, in this lane and order")]
    NotInOutbox,
    /// The state tree does not hold this value under this key, or not any more.
    #[error("the account or slot does not have this value in the state of the block")]
    NotInState,
    /// The evidence is about another block than the one that is known.
    #[error("the evidence is about another block")]
    OtherBlock,
}

impl LightError {
    /// What this says about the input.
    pub const fn class(&self) -> Class {
        Class::Invalid
    }
}
