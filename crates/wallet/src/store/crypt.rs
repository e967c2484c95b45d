//! `"TRELLISW" ‖ version 1 ‖ uint32 KiB ‖ uint32 passes ‖ uint32 lanes ‖ salt (16) ‖ check (16) ‖ nonce (24) ‖ ciphertext`.
//!
//! argon2id makes 48 bytes of the passphrase and the salt: the key, and a check that tells a wrong passphrase from a damaged
//! file. XChaCha20-Poly1305 encrypts, and binds everything before the ciphertext.

use super::StoreError;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{Key, Tag, XChaCha20Poly1305, XNonce};
use rand_core::CryptoRng;
use std::fmt;
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"TRELLISW";
const VERSION: u8 = 1;
const SALT: usize = 16;
const CHECK: usize = 16;
const NONCE: usize = 24;
const TAG: usize = 16;
const HEADER: usize = MAGIC.len() + 1 + 12 + SALT + CHECK + NONCE;

/// What guessing a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// 64 MiB and 3 passes: some 0.2 s.
    pub const STRONG: Self = Self {
        memory: 64 * 1024,
        passes: 3,
        lanes: 1,
    };

    /// Nothing worth the name: for tests.
    pub const WEAK: Self = Self {
        memory: 8,
        passes: 1,
        lanes: 1,
    };

    /// More than any wallet asks for: a file must not take all memory of who opens it.
    const MOST: Self = Self {
        memory: 1024 * 1024,
        passes: 16,
        lanes: 8,
    };

    const fn is_bearable(self) -> bool {
        self.memory <= Self::MOST.memory
            && self.passes <= Self::MOST.passes
            && self.lanes <= Self::MOST.lanes
    }

    fn encode(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        for (place, number) in bytes
            .chunks_exact_mut(4)
            .zip([self.memory, self.passes, self.lanes])
        {
            place.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }
}

/// The key that a passphrase opens, so that it is worked out once and not for every change of the file.
pub struct Vault {
    cost: Cost,
    salt: [u8; SALT],
    check: [u8; CHECK],
    key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// A new one.
    ///
    /// # Errors
    /// [`StoreError::Cost`] if argon2 cannot work with it.
    pub fn new(passphrase: &str, cost: Cost, rng: &mut impl CryptoRng) -> Result<Self, StoreError> {
        let mut salt = [0; SALT];
        rng.fill_bytes(&mut salt);
        Self::derive(passphrase, cost, salt)
    }

    fn derive(passphrase: &str, cost: Cost, salt: [u8; SALT]) -> Result<Self, StoreError> {
        let mut made = Zeroizing::new([0; 32 + CHECK]);
        let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(made.len()));
        let params = params.map_err(|_| StoreError::Cost)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt, &mut *made)
            .map_err(|_| StoreError::Cost)?;
        let (mut key, mut check) = (Zeroizing::new([0; 32]), [0; CHECK]);
        key.copy_from_slice(&made[..32]);
        check.copy_from_slice(&made[32..]);
        Ok(Self {
            cost,
            salt,
            check,
            key,
        })
    }

    /// Encrypts, with a new nonce.
    pub fn seal(&self, text: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        rng.fill_bytes(&mut nonce);
        let mut bytes = Vec::with_capacity(HEADER + text.len() + TAG);
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend(self.cost.encode());
        bytes.extend(self.salt);
        bytes.extend(self.check);
        bytes.extend(nonce);
        let header = bytes.clone();
        bytes.extend_from_slice(text);
        let sealed = self.cipher().encrypt_inout_detached(
            &XNonce::from(nonce),
            &header,
            bytes[HEADER..].as_mut().into(),
        );
        bytes.extend_from_slice(&sealed.expect("a wallet is far below the limit of 256 GiB"));
        bytes
    }

    /// Decrypts what [`Self::seal`] made with this passphrase.
    ///
    /// # Errors
    /// What is wrong with the bytes, or the passphrase.
    pub fn open(passphrase: &str, bytes: &[u8]) -> Result<(Self, Zeroizing<Vec<u8>>), StoreError> {
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(StoreError::NotAWallet);
        }
        let version = *bytes.get(MAGIC.len()).ok_or(StoreError::Damaged)?;
        if version != VERSION {
            return Err(StoreError::Version(version));
        }
        let (header, sealed) = bytes.split_at_checked(HEADER).ok_or(StoreError::Damaged)?;
        let mut rest = &header[MAGIC.len() + 1..];
        let mut number = || u32::from_be_bytes(take(&mut rest));
        let cost = Cost {
            memory: number(),
            passes: number(),
            lanes: number(),
        };
        if !cost.is_bearable() {
            return Err(StoreError::Cost);
        }
        let vault = Self::derive(passphrase, cost, take(&mut rest))?;
        if vault.check != take::<CHECK>(&mut rest) {
            return Err(StoreError::Passphrase);
        }
        let nonce = XNonce::from(take::<NONCE>(&mut rest));
        let length = sealed.len().checked_sub(TAG).ok_or(StoreError::Damaged)?;
        let (text, tag) = sealed.split_at(length);
        let tag = Tag::try_from(tag).map_err(|_| StoreError::Damaged)?;
        let mut text = Zeroizing::new(text.to_vec());
        vault
            .cipher()
            .decrypt_inout_detached(&nonce, header, text.as_mut_slice().into(), &tag)
            .map_err(|_| StoreError::Damaged)?;
        Ok((vault, text))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

/// The next bytes of a header, whose length is known.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&rest[..N]);
    *rest = &rest[N..];
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    #[test]
    fn a_wrong_passphrase_is_told_from_a_damaged_file() {
        let rng = &mut StdRng::seed_from_u64(1);
        let vault = Vault::new("right", Cost::WEAK, rng).unwrap();
        let bytes = vault.seal(b"a secret", rng);
        let open = |passphrase, bytes: &[u8]| {
            Vault::open(passphrase, bytes).map(|(_, text)| text.to_vec())
        };
        assert_eq!(open("right", &bytes).unwrap(), b"a secret");
        assert!(matches!(open("wrong", &bytes), Err(StoreError::Passphrase)));
        for length in 0..bytes.len() {
            assert!(open("right", &bytes[..length]).is_err(), "{length}");
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(open("right", &changed).is_err(), "{place}");
        }
        assert_ne!(vault.seal(b"a secret", rng), bytes, "a nonce is used once");
        assert_eq!(format!("{vault:?}"), "Vault(..)");
    }

    #[test]
    fn a_file_does_not_take_all_memory() {
        let rng = &mut StdRng::seed_from_u64(1);
        let vault = Vault::new("", Cost::WEAK, rng).unwrap();
        let mut bytes = vault.seal(b"", rng);
        bytes[9..13].fill(0xff);
        assert!(matches!(Vault::open("", &bytes), Err(StoreError::Cost)));
    }
}
