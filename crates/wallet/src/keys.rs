//! What a wallet can do, by the key it has (payments.md, 3.1).

use trellis_shielded::{
    FullViewingKey, IncomingViewingKey, Network, OutgoingViewingKey, Phrase, SpendingKey, TextError,
};
use zeroize::Zeroizing;

/// The key of a wallet. From the first to the last it sees less.
#[derive(Clone, Debug)]
pub enum Keys {
    /// Sees everything and spends.
    Spending(Box<Spending>),
    /// Sees what came in, what went out and what is spent.
    Full(Box<FullViewingKey>),
    /// Sees what came in, not whether it is spent.
    Incoming(Box<IncomingViewingKey>),
    /// Sees what was sent.
    Outgoing(Box<OutgoingViewingKey>),
}

/// A phrase and what follows from it.
#[derive(Clone, Debug)]
pub struct Spending {
    phrase: Phrase,
    account: u32,
    key: SpendingKey,
    view: FullViewingKey,
}

impl Spending {
    /// The 24 words.
    pub const fn phrase(&self) -> &Phrase {
        &self.phrase
    }

    /// Which account of the phrase.
    pub const fn account(&self) -> u32 {
        self.account
    }

    pub(crate) const fn key(&self) -> &SpendingKey {
        &self.key
    }
}

impl Keys {
    /// The key of an account of a phrase.
    pub fn spending(phrase: Phrase, network: Network, account: u32) -> Self {
        let key = SpendingKey::derive(&phrase, "", network, account);
        let view = key.full_viewing();
        Self::Spending(Box::new(Spending {
            phrase,
            account,
            key,
            view,
        }))
    }

    /// Reads the text of a viewing key of this network, of whichever kind.
    ///
    /// # Errors
    /// What is wrong with the text; [`TextError::Kind`] if it is no viewing key.
    pub fn watching(network: Network, text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        let full = FullViewingKey::parse(network, text).map(|key| Self::Full(Box::new(key)));
        let Err(TextError::Kind { .. }) = full else {
            return full;
        };
        let incoming = IncomingViewingKey::parse(network, text);
        let incoming = incoming.map(|key| Self::Incoming(Box::new(key)));
        let Err(TextError::Kind { .. }) = incoming else {
            return incoming;
        };
        match OutgoingViewingKey::parse(network, text) {
            Ok(key) => Ok(Self::Outgoing(Box::new(key))),
            Err(TextError::Kind { got, .. }) => Err(TextError::Kind {
                wanted: "payview, payincoming or payoutgoing",
                got,
            }),
            Err(error) => Err(error),
        }
    }

    /// What can spend, if this can.
    pub fn spender(&self) -> Option<&Spending> {
        match self {
            Self::Spending(keys) => Some(keys),
            _ => None,
        }
    }

    /// What sees everything, if this does.
    pub fn full(&self) -> Option<&FullViewingKey> {
        match self {
            Self::Spending(keys) => Some(&keys.view),
            Self::Full(key) => Some(key),
            _ => None,
        }
    }

    /// What sees what comes in, if this does.
    pub fn incoming(&self) -> Option<&IncomingViewingKey> {
        match self {
            Self::Incoming(key) => Some(key),
            _ => self.full().map(FullViewingKey::incoming),
        }
    }

    /// What sees what goes out, if this does.
    pub fn outgoing(&self) -> Option<&OutgoingViewingKey> {
        match self {
            Self::Outgoing(key) => Some(key),
            _ => self.full().map(FullViewingKey::outgoing),
        }
    }

    /// What this key is, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Spending(_) => "spending",
            Self::Full(_) => "full viewing",
            Self::Incoming(_) => "incoming viewing",
            Self::Outgoing(_) => "outgoing viewing",
        }
    }

    /// What is kept of it: the account and the words, or the text of a viewing key.
    pub(crate) fn to_saved(&self) -> (Option<u32>, Zeroizing<String>) {
        match self {
            Self::Spending(keys) => (Some(keys.account), keys.phrase.words()),
            Self::Full(key) => (None, key.to_text()),
            Self::Incoming(key) => (None, key.to_text()),
            Self::Outgoing(key) => (None, key.to_text()),
        }
    }

    /// Reads [`Self::to_saved`].
    pub(crate) fn from_saved(network: Network, account: Option<u32>, text: &str) -> Option<Self> {
        match account {
            Some(account) => Some(Self::spending(Phrase::parse(text).ok()?, network, account)),
            None => Self::watching(network, text).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Network = Network(7786);

    #[test]
    fn a_key_is_known_by_its_text_and_kept() {
        let phrase = Phrase::from_entropy(&[7; 32]);
        let keys = Keys::spending(phrase, HERE, 3);
        let full = keys.full().unwrap();
        let texts = [
            (full.to_text(), "full viewing"),
            (full.incoming().to_text(), "incoming viewing"),
            (full.outgoing().to_text(), "outgoing viewing"),
        ];
        for (text, kind) in texts {
            let watching = Keys::watching(HERE, &text).unwrap();
            assert_eq!(
                (watching.kind(), watching.spender().is_none()),
                (kind, true)
            );
            let (account, saved) = watching.to_saved();
            assert_eq!(
                Keys::from_saved(HERE, account, &saved).unwrap().kind(),
                kind
            );
        }
        let (account, saved) = keys.to_saved();
        let again = Keys::from_saved(HERE, account, &saved).unwrap();
        assert_eq!(again.full(), keys.full());
        let spending = keys.spender().unwrap().key().to_text();
        let refused = Keys::watching(HERE, &spending).unwrap_err();
        assert!(matches!(refused, TextError::Kind { .. }));
        assert!(!format!("{keys:?}").contains("abandon"));
    }
}
