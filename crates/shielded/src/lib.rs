#![doc = include_str!("../README.md")]

mod address;
mod aead;
mod amount;
mod channel;
mod derive;
mod encryption;
mod keys;
mod memo;
mod note;
mod opening;
mod phrase;
pub mod pool;
mod purse;
mod request;
mod secret;
#[cfg(test)]
mod testing;
mod text;
mod transfer;
pub mod tree;
#[cfg(test)]
mod vectors;

pub use address::{Address, Diversifier};
pub use amount::{Amount, AmountError};
pub use channel::{Channel, ContactTag, WINDOW, Window};
pub use encryption::{NOTE_BYTES, OUTGOING_BYTES, Output, Received, SealError, Sent};
pub use keys::{FullViewingKey, IncomingViewingKey, Network, OutgoingViewingKey, SpendingKey};
pub use memo::{MEMO_BYTES, MEMO_TEXT_MAX, Memo, MemoError};
pub use note::{Note, PartialNote, SAVED_NOTE_BYTES, finish};
pub use opening::Opening;
pub use phrase::{Phrase, PhraseError, WORDS};
pub use purse::{Draft, DraftError, Held, Purse, Terms};
pub use request::{PaymentRequest, RequestError};
pub use text::TextError;
pub use transfer::{
    CALL_MAX, Chain, Crossing, OUTPUT_BYTES, ProvenTransfer, SEALED_BYTES, Sealed, TRANSFER_BYTES,
    TRANSFER_BYTES_MAX, TRANSFER_CIRCUIT, TransactionError, Transfer, TransferError, gas_limit,
    sender,
};
