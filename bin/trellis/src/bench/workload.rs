//! The transfers of a run: who sends what in which order, signed before the clock starts.

use super::{progress::Progress, rpc::RpcClient};
use crate::error::CliError;
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, TxKind, U256, hex, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner};
use rayon::prelude::*;

/// Gas of a plain transfer (EIP-2718 and later keep the 21,000 of the yellow paper).
pub(crate) const TRANSFER_GAS: u64 = 21_000;
/// Tip of every transfer: 1 gwei.
const TIP: u128 = 1_000_000_000;
/// What every transfer moves, in wei.
const VALUE: u64 = 1;

/// An account that sends, and the nonce of its next transfer.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) signer: PrivateKeySigner,
    pub(crate) nonce: u64,
}

impl Sender {
    pub(crate) fn address(&self) -> Address {
        self.signer.address()
    }
}

/// A signed transfer, ready to send.
#[derive(Clone, Debug)]
pub(crate) struct Presigned {
    /// Position among the transfers of its phase.
    pub(crate) index: u32,
    pub(crate) hash: B256,
    /// `0x` and the EIP-2718 encoding.
    pub(crate) raw: String,
}

/// Transfers measured together. A lane is sent over one connection, in order, and holds all transfers of its senders, so
/// that nonces arrive in order.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    pub(crate) lanes: Vec<Vec<Presigned>>,
}

impl Phase {
    /// Number of transfers.
    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(Vec::len).sum()
    }
}

/// What a transfer of one module has in common with the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) chain_id: u64,
    /// Highest gas price, in wei.
    pub(crate) max_fee: u128,
    /// Number of receiving accounts; 0 gives each transfer a new one.
    pub(crate) recipients: u64,
}

impl Terms {
    /// The most one sender can spend on `transfers`, in wei.
    pub(crate) fn cost(&self, transfers: u64) -> U256 {
        let each = U256::from(TRANSFER_GAS) * U256::from(self.max_fee) + U256::from(VALUE);
        each * U256::from(transfers)
    }

    /// A transfer of `value` wei to `to`.
    pub(crate) fn sign(
        &self,
        signer: &PrivateKeySigner,
        nonce: u64,
        to: Address,
        value: U256,
    ) -> (B256, String) {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: TRANSFER_GAS,
            max_fee_per_gas: self.max_fee,
            max_priority_fee_per_gas: TIP.min(self.max_fee),
            to: TxKind::Call(to),
            value,
            ..TxEip1559::default()
        };
        let signature = signer
            .sign_hash_sync(&transaction.signature_hash())
            .expect("signing a 32-byte hash with a local key cannot fail");
        let envelope: TxEnvelope = transaction.into_signed(signature).into();
        (
            *envelope.tx_hash(),
            hex::encode_prefixed(envelope.encoded_2718()),
        )
    }

    /// The receiver of transfer `index`. The preimage is not a public key, so nobody holds the account's key.
    fn recipient(&self, index: u64, sender: Address, nonce: u64) -> Address {
        let digest = match self.recipients {
            0 => keccak256(
                [
                    b"trellis/bench/new".as_slice(),
                    sender.as_slice(),
                    &nonce.to_be_bytes(),
                ]
                .concat(),
            ),
            count => keccak256(
                [
                    b"trellis/bench/recipient".as_slice(),
                    &(index % count).to_be_bytes(),
                ]
                .concat(),
            ),
        };
        Address::from_slice(&digest[12..])
    }
}

/// The first `count` accounts of `mnemonic` (BIP-44, m/44'/60'/0'/0/i).
pub(crate) fn derive(mnemonic: &str, count: u64) -> Result<Vec<PrivateKeySigner>, CliError> {
    let count = u32::try_from(count)
        .map_err(|_| CliError::usage(format!("{count} accounts are too many")))?;
    let derive_one = |index: u32| MnemonicBuilder::try_from_phrase_nth(mnemonic, index);
    (0..count)
        .into_par_iter()
        .map(derive_one)
        .collect::<Result<_, _>>()
        .map_err(|error| CliError::usage(format!("the mnemonic cannot be used: {error}")))
}

/// Pairs every signer with its next nonce on the chain.
pub(crate) async fn with_nonces(
    client: &RpcClient,
    signers: &[PrivateKeySigner],
) -> Result<Vec<Sender>, CliError> {
    let mut senders = Vec::with_capacity(signers.len());
    for signer in signers {
        let nonce = client.pending_nonce(signer.address()).await;
        let nonce = nonce.map_err(|error| CliError::from_error("cannot read a nonce", &error))?;
        senders.push(Sender {
            signer: signer.clone(),
            nonce,
        });
    }
    Ok(senders)
}

/// How many of `count` transfers sender `index` of `senders` sends.
pub(crate) fn share(count: u64, senders: usize, index: usize) -> u64 {
    let (each, rest) = (count / senders as u64, count % senders as u64);
    each + u64::from((index as u64) < rest)
}

/// Signs the next `count` transfers of `senders`, taking turns, in `connections` lanes at most, and moves their nonces on.
pub(crate) fn presign(
    terms: &Terms,
    senders: &mut [Sender],
    count: u64,
    connections: usize,
    progress: &Progress,
) -> Phase {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let all: Vec<Presigned> = (0..count)
        .into_par_iter()
        .map(|index| {
            let sender = &senders[index as usize % senders.len()];
            let nonce = sender.nonce + u64::from(index) / senders.len() as u64;
            let to = terms.recipient(u64::from(index), sender.address(), nonce);
            let (hash, raw) = terms.sign(&sender.signer, nonce, to, U256::from(VALUE));
            progress.add(1);
            Presigned { index, hash, raw }
        })
        .collect();
    let mut lanes = vec![Vec::new(); connections.min(senders.len())];
    for transfer in all {
        let lane = transfer.index as usize % senders.len() % lanes.len();
        lanes[lane].push(transfer);
    }
    let total = senders.len();
    for (index, sender) in senders.iter_mut().enumerate() {
        sender.nonce += share(u64::from(count), total, index);
    }
    Phase { lanes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::{Transaction, transaction::SignerRecoverable};
    use alloy_eips::eip2718::Decodable2718;
    use std::collections::{BTreeMap, BTreeSet};
    use trellis_node::MNEMONIC;

    const TERMS: Terms = Terms {
        chain_id: 7,
        max_fee: 5_000_000_000,
        recipients: 3,
    };

    fn senders(count: u64, nonce: u64) -> Vec<Sender> {
        derive(MNEMONIC, count)
            .unwrap()
            .into_iter()
            .map(|signer| Sender { signer, nonce })
            .collect()
    }

    #[test]
    fn accounts_are_the_ones_every_development_chain_funds() {
        let first = derive(MNEMONIC, 2).unwrap();
        assert_eq!(
            first[0].address().to_string(),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
        assert_eq!(
            first[1].address().to_string(),
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
        );
        assert!(derive("test junk", 1).is_err());
    }

    #[test]
    fn every_sender_stays_on_one_lane_with_consecutive_nonces() {
        let mut senders = senders(3, 40);
        let progress = Progress::hidden();
        let warmup = presign(&TERMS, &mut senders, 4, 2, &progress);
        let phase = presign(&TERMS, &mut senders, 10, 2, &progress);
        assert_eq!((warmup.len(), phase.len(), phase.lanes.len()), (4, 10, 2));

        let mut lane_of: BTreeMap<Address, usize> = BTreeMap::new();
        let mut nonces: BTreeMap<Address, Vec<u64>> = BTreeMap::new();
        let mut recipients = BTreeSet::new();
        for phase in [&warmup, &phase] {
            for (lane, transfers) in phase.lanes.iter().enumerate() {
                for transfer in transfers {
                    let bytes = hex::decode(&transfer.raw).unwrap();
                    let envelope = TxEnvelope::decode_2718(&mut bytes.as_slice()).unwrap();
                    assert_eq!(*envelope.tx_hash(), transfer.hash);
                    assert_eq!(envelope.chain_id(), Some(7));
                    let sender = envelope.recover_signer().unwrap();
                    assert_eq!(*lane_of.entry(sender).or_insert(lane), lane);
                    nonces.entry(sender).or_default().push(envelope.nonce());
                    recipients.insert(envelope.to().unwrap());
                }
            }
        }
        assert_eq!(nonces[&senders[0].address()], [40, 41, 42, 43, 44, 45]);
        assert_eq!(nonces[&senders[1].address()], [40, 41, 42, 43]);
        assert_eq!(recipients.len(), 3);
        assert_eq!(senders[0].nonce, 46);
    }

    #[test]
    fn zero_recipients_means_a_new_account_each_time() {
        let terms = Terms {
            recipients: 0,
            ..TERMS
        };
        let sender = senders(1, 0)[0].address();
        assert_ne!(terms.recipient(0, sender, 0), terms.recipient(0, sender, 1));
        assert_eq!(TERMS.recipient(0, sender, 0), TERMS.recipient(3, sender, 1));
    }

    #[test]
    fn shares_add_up() {
        for (count, senders) in [(10, 3), (0, 4), (7, 7), (3, 5)] {
            assert_eq!(
                (0..senders)
                    .map(|index| share(count, senders, index))
                    .sum::<u64>(),
                count
            );
        }
    }
}
