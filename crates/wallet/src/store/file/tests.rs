use super::*;
use crate::{Identity, Keys};
use rand::{SeedableRng as _, rngs::StdRng};
use trellis_shielded::Phrase;

fn wallet(next_address: u64) -> Wallet {
    let identity = Identity {
        network: 7786,
        ..Identity::default()
    };
    let keys = Keys::spending(Phrase::from_entropy(&[7; 32]), identity.network(), 0);
    let mut wallet = Wallet::new(keys, identity, 5);
    wallet.data.next_address = next_address;
    wallet
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn open(path: &Path) -> Result<Wallet, StoreError> {
    WalletFile::open(path, "secret", rng()).map(|(_, wallet)| wallet)
}

#[test]
fn a_wallet_is_read_as_it_was_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/wallet");
    assert!(matches!(open(&path), Err(StoreError::Missing(_))));
    let mut file = WalletFile::create(&path, "secret", Cost::WEAK, &wallet(1), rng()).unwrap();
    assert!(matches!(open(&path), Err(StoreError::Locked(_))));
    file.keep(&wallet(2)).unwrap();
    drop(file);
    assert_eq!(open(&path).unwrap().data, wallet(2).data);
    let wrong = WalletFile::open(&path, "guess", rng());
    assert!(matches!(wrong, Err(StoreError::Passphrase)));
    let again = WalletFile::create(&path, "secret", Cost::WEAK, &wallet(3), rng());
    assert!(matches!(again, Err(StoreError::Exists(_))));
    let bytes = fs::read(&path).unwrap();
    let words = Phrase::from_entropy(&[7; 32]).words();
    let word = words.split(' ').next().unwrap().as_bytes().to_owned();
    assert!(!bytes.windows(word.len()).any(|window| window == word));
}

/// A crash at any moment of writing: the new file is cut off at any byte beside the old, or in place of it whole.
#[test]
fn after_a_crash_the_wallet_is_the_old_or_the_new() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wallet");
    drop(WalletFile::create(&path, "secret", Cost::WEAK, &wallet(1), rng()).unwrap());
    let old = fs::read(&path).unwrap();
    let (mut file, _) = WalletFile::open(&path, "secret", StdRng::seed_from_u64(2)).unwrap();
    file.keep(&wallet(2)).unwrap();
    drop(file);
    let new = fs::read(&path).unwrap();
    let step = new.len() / 97 + 1;
    for length in (0..new.len()).step_by(step) {
        fs::write(&path, &old).unwrap();
        fs::write(beside(&path, "new"), &new[..length]).unwrap();
        assert_eq!(open(&path).unwrap().data.next_address, 1);
        // A disk that loses what it said was written.
        fs::write(&path, &new[..length]).unwrap();
        assert!(open(&path).is_err(), "{length}");
    }
    fs::write(&path, &new).unwrap();
    assert_eq!(open(&path).unwrap().data.next_address, 2);
}
