//! From a seed phrase to the keys of an account (payments.md, 3).

use crate::secret::{Bytes, Element, Secret};
use crate::text::{self, TextError};
use crate::{Address, Channel, Diversifier, Phrase, derive};
use curve25519_dalek::Scalar;
use trellis_circuits::{
    field::{self, F},
    hash,
};
use zeroize::Zeroizing;

/// A network, by its id: keys and texts of one are of no use on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(pub u64);

/// Everything of one account: sees and spends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingKey {
    network: Network,
    root: Secret<Bytes>,
}

impl SpendingKey {
    /// What texts of it begin with.
    const WORD: &str = "payspend";

    /// The key of an account of a phrase.
    pub fn derive(phrase: &Phrase, passphrase: &str, network: Network, account: u32) -> Self {
        let seed = phrase.seed(passphrase);
        let (id, account) = (network.0.to_be_bytes(), account.to_be_bytes());
        let root = derive::key("account", &[seed.get(), &id, &account]);
        Self::from_root(network, &root)
    }

    fn from_root(network: Network, root: &[u8; 32]) -> Self {
        let root = Secret::new(Bytes(*root));
        Self { network, root }
    }

    /// Reads a key of this network.
    pub fn parse(network: Network, text: &str) -> Result<Self, TextError> {
        let root = text::read::<32>(Self::WORD, network, text)?;
        Ok(Self::from_root(network, &root))
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        text::write(Self::WORD, self.network, &[&self.root.get().0])
    }

    /// `sk`, for the proof. Whoever has it spends.
    pub fn prover_key(&self) -> trellis_circuits::SpendingKey {
        trellis_circuits::SpendingKey::new(self.element())
    }

    pub(crate) fn element(&self) -> F {
        derive::element("spending key", &[&self.root.get().0])
    }

    /// What sees everything and spends nothing.
    pub fn full_viewing(&self) -> FullViewingKey {
        let root = &self.root.get().0;
        let key = |name| Secret::new(Bytes(*derive::key(name, &[root])));
        let ek = derive::scalar("encryption key", &[root]);
        FullViewingKey::new(
            self.network,
            hash::nullifier_key(self.element()),
            ek,
            key("outgoing key"),
            key("diversifier key"),
            key("tag key"),
        )
    }
}

/// Sees what came in, what went out and what is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullViewingKey {
    nk: Secret<Element>,
    incoming: IncomingViewingKey,
    outgoing: OutgoingViewingKey,
    tagk: Secret<Bytes>,
}

impl FullViewingKey {
    /// What texts of it begin with.
    const WORD: &str = "payview";

    fn new(
        network: Network,
        nk: F,
        ek: Scalar,
        ovk: Secret<Bytes>,
        dk: Secret<Bytes>,
        tagk: Secret<Bytes>,
    ) -> Self {
        let ivk = Secret::new(Element(hash::viewing_key(nk)));
        let ek = Secret::new(ek);
        Self {
            nk: Secret::new(Element(nk)),
            incoming: IncomingViewingKey {
                network,
                ivk,
                ek,
                dk,
            },
            outgoing: OutgoingViewingKey { network, ovk },
            tagk,
        }
    }

    /// Reads a key of this network.
    pub fn parse(network: Network, text: &str) -> Result<Self, TextError> {
        let data = text::read::<160>(Self::WORD, network, text)?;
        let nk = read_element(&data[..32])?;
        let ek = read_scalar(&data[32..64])?;
        let [ovk, dk, tagk] = [64, 96, 128].map(|at| read_bytes(&data[at..at + 32]));
        Ok(Self::new(network, nk, ek, ovk, dk, tagk))
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let nk = Zeroizing::new(field::encode(&self.nk.get().0));
        let IncomingViewingKey {
            network, ek, dk, ..
        } = &self.incoming;
        let ovk = &self.outgoing.ovk;
        let parts: [&[u8]; 5] = [
            &*nk,
            ek.get().as_bytes(),
            &ovk.get().0,
            &dk.get().0,
            &self.tagk.get().0,
        ];
        text::write(Self::WORD, *network, &parts)
    }

    /// What sees only what comes in.
    pub const fn incoming(&self) -> &IncomingViewingKey {
        &self.incoming
    }

    /// What sees only what goes out.
    pub const fn outgoing(&self) -> &OutgoingViewingKey {
        &self.outgoing
    }

    /// The nullifier that a commitment at a position gets when it is spent (payments.md, 5).
    pub fn nullifier(&self, position: u32, commitment: F) -> F {
        hash::nullifier(self.nk.get().0, position, commitment)
    }

    /// The channel of one's own change (payments.md, 9.3).
    pub fn own_channel(&self) -> Channel {
        Channel::own(&self.tagk.get().0)
    }
}

/// Sees what comes in; not whether it is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingViewingKey {
    network: Network,
    ivk: Secret<Element>,
    ek: Secret<Scalar>,
    dk: Secret<Bytes>,
}

impl IncomingViewingKey {
    /// What texts of it begin with.
    const WORD: &str = "payincoming";

    /// Reads a key of this network.
    pub fn parse(network: Network, text: &str) -> Result<Self, TextError> {
        let data = text::read::<96>(Self::WORD, network, text)?;
        Ok(Self {
            network,
            ivk: Secret::new(Element(read_element(&data[..32])?)),
            ek: Secret::new(read_scalar(&data[32..64])?),
            dk: read_bytes(&data[64..]),
        })
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let ivk = Zeroizing::new(field::encode(&self.ivk.get().0));
        let parts: [&[u8]; 3] = [&*ivk, self.ek.get().as_bytes(), &self.dk.get().0];
        text::write(Self::WORD, self.network, &parts)
    }

    /// An address of the account. There are 2^88; these are the first 2^64.
    pub fn address(&self, number: u64) -> Address {
        self.address_of(Diversifier::of(number, &self.dk.get().0))
    }

    /// The address of the account that has this diversifier.
    pub fn address_of(&self, diversifier: Diversifier) -> Address {
        Address::derive(self.network, diversifier, self.ivk.get().0, self.ek.get())
    }

    /// The number of an address, if it is of this account.
    pub fn number(&self, address: &Address) -> Option<u128> {
        let number = address.diversifier().number(&self.dk.get().0);
        (self.address_of(address.diversifier()) == *address).then_some(number)
    }

    /// The owner of notes of this account with this diversifier.
    pub(crate) fn owner(&self, diversifier: Diversifier) -> F {
        diversifier.owner(self.ivk.get().0)
    }

    pub(crate) const fn ek(&self) -> &Scalar {
        self.ek.get()
    }
}

/// Sees what was sent: payee, amount, asset, memo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingViewingKey {
    network: Network,
    ovk: Secret<Bytes>,
}

impl OutgoingViewingKey {
    /// What texts of it begin with.
    const WORD: &str = "payoutgoing";

    /// Reads a key of this network.
    pub fn parse(network: Network, text: &str) -> Result<Self, TextError> {
        let data = text::read::<32>(Self::WORD, network, text)?;
        let ovk = read_bytes(&*data);
        Ok(Self { network, ovk })
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        text::write(Self::WORD, self.network, &[&self.ovk.get().0])
    }

    pub(crate) const fn network(&self) -> Network {
        self.network
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.ovk.get().0
    }
}

/// 32 bytes of data whose length is known.
fn array(bytes: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut array = Zeroizing::new([0; 32]);
    array.copy_from_slice(bytes);
    array
}

fn read_bytes(bytes: &[u8]) -> Secret<Bytes> {
    Secret::new(Bytes(*array(bytes)))
}

fn read_element(bytes: &[u8]) -> Result<F, TextError> {
    field::decode(&array(bytes)).map_err(|_| TextError::Element)
}

/// Zero is refused too: its addresses have the identity as their point.
fn read_scalar(bytes: &[u8]) -> Result<Scalar, TextError> {
    let scalar: Option<Scalar> = Scalar::from_canonical_bytes(*array(bytes)).into();
    scalar
        .filter(|scalar| *scalar != Scalar::ZERO)
        .ok_or(TextError::Scalar)
}

#[cfg(test)]
mod tests;
