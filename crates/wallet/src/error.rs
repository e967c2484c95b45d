use crate::amounts::Money;
use crate::node::NodeError;
use alloy_primitives::B256;
use std::fmt;
use trellis_circuits::{KeyError, ProveError};
use trellis_shielded::{AmountError, MemoError, PhraseError, RequestError, TextError};

/// Why the wallet did not do what it was asked to, in words for its owner.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Another network or module, or the same after it began anew.
    #[error("this wallet belongs to another network or module than the one at this address")]
    OtherChain,
    /// The node is behind what the wallet has seen, which final blocks never are.
    #[error(
        "the node is at block {node}, this wallet has seen block {wallet}: ask another node, or wait"
    )]
    Behind {
        /// Newest block of the node.
        node: u64,
        /// Newest block the wallet has read.
        wallet: u64,
    },
    /// The logs of the node do not lead to the root that it recorded.
    #[error("the node's notes and its tree do not belong together ({0}): ask another node")]
    Inconsistent(&'static str),
    /// More is asked for than there is.
    #[error("{0}")]
    NotEnough(Box<Shortage>),
    /// The fee cannot be paid beside the payment.
    #[error("the fee cannot be paid: {0}")]
    NoFee(Box<Shortage>),
    /// The money is in more notes than one transfer takes.
    #[error(
        "the money is in many notes, and a transfer takes two: this needs {transfers} transfers, one after the other"
    )]
    NeedsSteps {
        /// How many, the payment included.
        transfers: usize,
    },
    /// The node asks for more than the owner wants to pay.
    #[error("the fee would be {fee}, more than the {most} that is allowed")]
    FeeTooHigh {
        /// What it costs.
        fee: Money,
        /// What is allowed.
        most: Money,
    },
    /// Nobody knows whether the transfer is on its way.
    #[error(
        "the node did not take the transfer: {reason}. It may still be included until block {expiry}; do not pay again before"
    )]
    Unsure {
        /// Its transaction.
        transaction: B256,
        /// The last block that may hold it.
        expiry: u64,
        /// What the node says.
        reason: NodeError,
    },
    /// Nothing is paid.
    #[error("the amount is 0")]
    Zero,
    /// No such asset.
    #[error("there is no asset {0} here; `balance` lists those this wallet has seen")]
    NoAsset(String),
    /// The wallet only watches.
    #[error("this wallet has a {0} key: it cannot do that")]
    CannotWith(&'static str),
    /// The wallet has not read all blocks.
    #[error("the wallet is still reading blocks: sync first")]
    NotSynced,
    /// The call data of an unshield is too long.
    #[error("the call has {0} bytes, more than 4096")]
    CallTooLong(usize),
    /// No such payment.
    #[error("there is no payment {0} in the history of this wallet")]
    NoPayment(String),
    /// The text of a key or address.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The amount.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// The memo.
    #[error(transparent)]
    Memo(#[from] MemoError),
    /// The words.
    #[error(transparent)]
    Phrase(#[from] PhraseError),
    /// The payment request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The keys of the circuit.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The proof.
    #[error("the payment could not be proven: {0}")]
    Prove(#[from] ProveError),
    /// The wallet's file.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// A disclosure that shows nothing.
    #[error("the disclosure does not hold: {0}")]
    Disclosure(&'static str),
    /// Something that a correct wallet does not make.
    #[error("the wallet made a mistake: {0}")]
    Bug(&'static str),
}

/// What is missing of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What is asked for.
    pub needed: Money,
    /// What can be spent now.
    pub ready: Money,
    /// What arrives soon.
    pub arriving: Money,
}

/// In words that say what to do about it: wait, or get more.
impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            needed,
            ready,
            arriving,
        } = self;
        if ready.units.saturating_add(arriving.units) >= needed.units {
            let missing = needed.with_units(needed.units.saturating_sub(ready.units));
            let missing = missing.amount();
            write!(
                f,
                "not enough confirmed funds: {missing} of {needed} arrive with the next block"
            )
        } else if arriving.units > 0 {
            let ready = ready.amount();
            write!(
                f,
                "not enough funds: {needed} are needed, {ready} are here and {arriving} on their way"
            )
        } else {
            write!(f, "not enough funds: {needed} are needed, {ready} are here")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amounts::Asset;

    #[test]
    fn what_is_missing_is_said_in_a_persons_words() {
        let mut usd = Asset::unknown(1);
        usd.symbol = "USD".into();
        let error = |needed, ready, arriving| {
            let [needed, ready, arriving] = [needed, ready, arriving].map(|units| usd.money(units));
            Shortage {
                needed,
                ready,
                arriving,
            }
            .to_string()
        };
        assert_eq!(
            error(5, 3, 2),
            "not enough confirmed funds: 2 of 5 USD arrive with the next block"
        );
        assert_eq!(
            error(5, 3, 9),
            "not enough confirmed funds: 2 of 5 USD arrive with the next block"
        );
        assert_eq!(
            error(5, 3, 1),
            "not enough funds: 5 USD are needed, 3 are here and 1 USD on their way"
        );
        assert_eq!(
            error(5, 3, 0),
            "not enough funds: 5 USD are needed, 3 USD are here"
        );
    }
}
