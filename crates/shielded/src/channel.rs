use crate::derive;
use crate::note::random;
use crate::secret::{Bytes, Secret};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Numbers that are looked for at a time.
pub const WINDOW: u64 = 64;

/// A hint that lets one reader look a note up instead of trying it. Random to everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactTag(pub [u8; 16]);

impl ContactTag {
    /// A tag that means nothing.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(random(rng))
    }
}

/// What two contacts share after their first note, or what an account shares with itself (payments.md, 9.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel(Secret<Bytes>);

impl Channel {
    /// The channel that a note opens, from the secret that it was encrypted with.
    pub(crate) fn opened(shared: &[u8; 32]) -> Self {
        Self(Secret::new(Bytes(*derive::key("channel", &[shared]))))
    }

    pub(crate) fn own(tagk: &[u8; 32]) -> Self {
        Self(Secret::new(Bytes(*derive::key("own channel", &[tagk]))))
    }

    /// For a wallet to keep. Whoever has it recognises the notes that carry its tags.
    pub fn to_saved(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.get().0)
    }

    /// Reads [`Self::to_saved`].
    pub const fn from_saved(bytes: &[u8; 32]) -> Self {
        Self(Secret::new(Bytes(*bytes)))
    }

    /// The tag of a note by its number: 1 is the first after the note that opened the channel.
    pub fn tag(&self, number: u64) -> ContactTag {
        let hash = derive::key("contact tag", &[&self.0.get().0, &number.to_be_bytes()]);
        let mut tag = [0; 16];
        tag.copy_from_slice(&hash[..16]);
        ContactTag(tag)
    }
}

/// The tags of a channel that may come next.
///
/// Half of the window lies behind the largest number that was found: notes may be included in another order than they
/// were numbered, and some never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    channel: Channel,
    found: u64,
}

impl Window {
    /// From the beginning, or after the largest number that is known to be used.
    pub const fn new(channel: Channel, found: u64) -> Self {
        Self { channel, found }
    }

    /// The number that the next note to this contact takes.
    pub const fn next(&self) -> u64 {
        self.found.saturating_add(1)
    }

    /// What to look for, with numbers.
    pub fn tags(&self) -> impl Iterator<Item = (u64, ContactTag)> + '_ {
        let first = self.found.saturating_sub(WINDOW / 2 - 1).max(1);
        (first..first.saturating_add(WINDOW)).map(|number| (number, self.channel.tag(number)))
    }

    /// Moves on after a note was found, or sent.
    pub fn advance(&mut self, number: u64) {
        self.found = self.found.max(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::account;

    #[test]
    fn a_window_moves_with_what_is_found() {
        let channel = account(0).own_channel();
        let mut window = Window::new(channel.clone(), 0);
        let numbers = |window: &Window| window.tags().map(|(n, _)| n).collect::<Vec<_>>();
        assert_eq!(numbers(&window), (1..65).collect::<Vec<_>>());
        assert_eq!(window.tags().nth(4), Some((5, channel.tag(5))));
        window.advance(64);
        window.advance(3);
        assert_eq!(window.next(), 65);
        assert_eq!(numbers(&window), (33..97).collect::<Vec<_>>());
        window.advance(u64::MAX);
        assert_eq!(window.next(), u64::MAX);
        assert!(window.tags().count() < 64);
    }

    #[test]
    fn tags_of_channels_and_numbers_differ() {
        let tag = |own, number| account(own).own_channel().tag(number);
        assert_ne!(tag(0, 1), tag(0, 2));
        assert_ne!(tag(0, 1), tag(1, 1));
        assert_ne!(Channel::opened(&[1; 32]), Channel::own(&[1; 32]));
    }
}
