//! ChaCha20-Poly1305 with nonce 0: every key is used once (payments.md, 9.1).

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};

/// What a ciphertext is longer than its text.
pub(crate) const TAG: usize = 16;

/// The ciphertext of `N - TAG` bytes.
pub(crate) fn seal<const N: usize>(key: &[u8; 32], parts: &[&[u8]]) -> [u8; N] {
    let mut output = [0; N];
    let (text, tag) = output.split_at_mut(N - TAG);
    let mut rest = &mut *text;
    for part in parts {
        let (place, after) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = after;
    }
    debug_assert!(rest.is_empty(), "the parts fill the text");
    let sealed = cipher(key).encrypt_inout_detached(&Nonce::default(), &[], text.into());
    tag.copy_from_slice(&sealed.expect("texts are far below the limit of 256 GiB"));
    output
}

/// The text, in the first `N - TAG` bytes, if the ciphertext was made with this key.
pub(crate) fn open<const N: usize>(key: &[u8; 32], ciphertext: &[u8; N]) -> Option<[u8; N]> {
    let mut output = *ciphertext;
    let (text, tag) = output.split_at_mut(N - TAG);
    let tag = Tag::try_from(&*tag).ok()?;
    cipher(key)
        .decrypt_inout_detached(&Nonce::default(), &[], text.into(), &tag)
        .ok()?;
    Some(output)
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed() {
        let sealed: [u8; 21] = seal(&[1; 32], &[b"ab", b"cde"]);
        assert_eq!(&open(&[1; 32], &sealed).unwrap()[..5], b"abcde");
        assert_eq!(open(&[2; 32], &sealed), None);
        for place in 0..sealed.len() {
            let mut changed = sealed;
            changed[place] ^= 1;
            assert_eq!(open(&[1; 32], &changed), None, "byte {place}");
        }
    }
}
