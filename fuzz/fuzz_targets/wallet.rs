//! What a wallet reads of files: its own, sealed and inside of the seal, and disclosures of others. The first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use std::convert::Infallible;
use std::sync::LazyLock;
use trellis_fuzz::write_seeds;
use trellis_shielded::Phrase;
use trellis_wallet::{Cost, Disclosure, Identity, Keys, StoreError, Vault, Wallet};

const FILE: u8 = 0;
const INSIDE: u8 = 1;
const PASSPHRASE: &str = "fuzz";
/// Magic and version, then the work that opening takes.
const COST: std::ops::Range<usize> = 9..21;

/// The same nonce every time, so that a failure repeats.
struct Zeros;

impl TryRng for Zeros {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for Zeros {}

static VAULT: LazyLock<Vault> =
    LazyLock::new(|| Vault::new(PASSPHRASE, Cost::WEAK, &mut UnwrapErr(Zeros)).unwrap());

fn wallet() -> Wallet {
    let identity = Identity::default();
    let keys = Keys::spending(Phrase::from_entropy(&[7; 32]), identity.network(), 0);
    Wallet::new(keys, identity, 9)
}

const DISCLOSURE: &str = r#"{"trellisDisclosure":1,"identity":{"network":7786,"chain_id":77,"module":3,"genesis":"0x0909090909090909090909090909090909090909090909090909090909090909"},"transaction":"0x0909090909090909090909090909090909090909090909090909090909090909","payee":"","asset":7,"value":"60","randomness":"0000000000000000000000000000000000000000000000000000000000000007","audience":"an auditor"}"#;

fn seeds() -> Vec<Vec<u8>> {
    assert!(Disclosure::parse(DISCLOSURE).is_ok());
    let sealed = wallet().to_sealed(&VAULT, &mut UnwrapErr(Zeros));
    let (_, inside) = Vault::open(PASSPHRASE, &sealed).unwrap();
    vec![
        [&[FILE], &sealed[..]].concat(),
        [&[INSIDE], &inside[..]].concat(),
        [b"2", DISCLOSURE.as_bytes()].concat(),
    ]
}

/// The passphrase is right, and what was sealed is anything.
fn inside(bytes: &[u8]) {
    let sealed = VAULT.seal(bytes, &mut UnwrapErr(Zeros));
    let Ok((_, wallet)) = Wallet::from_sealed(PASSPHRASE, &sealed) else {
        return;
    };
    let again = wallet.to_sealed(&VAULT, &mut UnwrapErr(Zeros));
    let (_, read) = Wallet::from_sealed(PASSPHRASE, &again).expect("what is written is read");
    let third = read.to_sealed(&VAULT, &mut UnwrapErr(Zeros));
    assert!(again == third, "another encoding");
}

/// Only what was sealed with the passphrase opens.
fn file(bytes: &[u8]) {
    let weak = wallet().to_sealed(&VAULT, &mut UnwrapErr(Zeros));
    // Other work is bounded, and too much to fuzz.
    if bytes.get(COST).is_some_and(|cost| cost != &weak[COST]) {
        return;
    }
    match Wallet::from_sealed(PASSPHRASE, bytes) {
        Ok(_) => assert!(bytes == weak, "forged"),
        Err(StoreError::Passphrase | StoreError::Damaged | StoreError::NotAWallet) => {}
        Err(StoreError::Version(version)) => assert_ne!(version, 1),
        Err(error) => panic!("{error}"),
    }
}

fuzz_target!(init: write_seeds(seeds), |data: &[u8]| {
    match data.split_first() {
        Some((&FILE, bytes)) => file(bytes),
        Some((&INSIDE, bytes)) => inside(bytes),
        Some((_, bytes)) => {
            if let Ok(text) = std::str::from_utf8(bytes)
                && let Ok(disclosure) = Disclosure::parse(text)
            {
                let again = Disclosure::parse(&disclosure.to_json());
                assert_eq!(again.expect("what is written is read"), disclosure);
            }
        }
        None => {}
    }
});
