//! How fast notes are found. `cargo test -p trellis-wallet --release measure -- --ignored --nocapture`.

use super::*;
use crate::node::{Head, Latest, Node, NodeError, PoolEvent, PoolLog, Receipt, Record};
use crate::scan::{Candidate, Tags, try_all};
use std::time::Instant;
use trellis_circuits::field::F;
use trellis_shielded::tree::Frontier;
use trellis_shielded::{ContactTag, Memo, Note, Output, pool::Event};

fn outputs(count: usize, rng: &mut StdRng) -> Vec<Output> {
    (0..count).map(|_| Output::dummy(rng).0).collect()
}

/// When something began, by the clock and by what this process has computed.
struct Start(Instant, f64);

impl Start {
    fn now() -> Self {
        Self(Instant::now(), computed())
    }
}

/// Seconds of all threads of this process, where the system says so: other processes do not count.
fn computed() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn rate(what: &str, count: usize, start: Start) {
    let (seconds, work) = (start.0.elapsed().as_secs_f64(), computed() - start.1);
    let each = work * 1e6 / count as f64;
    eprintln!(
        "{what}: {count} in {seconds:.2} s, {:.0}/s; {work:.2} s of work, {each:.2} µs each",
        count as f64 / seconds
    );
}

#[test]
#[ignore = "measures, in release mode"]
fn measure_trial_and_tags() {
    let keys = keys(1);
    let rng = &mut StdRng::seed_from_u64(1);
    let outputs = outputs(80_000, rng);
    let candidates: Vec<Candidate<'_>> = outputs
        .iter()
        .enumerate()
        .map(|(log, sealed)| Candidate {
            log,
            output: 0,
            sealed,
        })
        .collect();
    eprintln!("{} threads", rayon::current_num_threads());
    let start = Start::now();
    assert!(try_all(keys.incoming(), None, &candidates).is_empty());
    rate("trial, incoming key", candidates.len(), start);
    let start = Start::now();
    assert!(try_all(keys.incoming(), keys.outgoing(), &candidates).is_empty());
    rate("trial, both keys", candidates.len(), start);

    let mut wallet = Wallet::new(keys, identity(), 0);
    for number in 0..1_000_u64 {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        wallet.data.chain.payers.push(crate::data::Payer {
            channel: trellis_shielded::Channel::from_saved(&bytes),
            number: 0,
            block: 0,
        });
    }
    let start = Start::now();
    let tags = Tags::new(&wallet.keys, &wallet.data);
    rate("tags of 1,001 windows made", 64 * 1_001, start);
    let many: Vec<ContactTag> = (0..4_000_000).map(|_| ContactTag::random(rng)).collect();
    let start = Start::now();
    assert_eq!(many.iter().filter(|tag| tags.expects(tag)).count(), 0);
    rate("tags looked up, one thread", many.len(), start);
}

/// A long chain of transfers by strangers, made as it is read.
struct Long {
    transfers: u64,
    strangers: Vec<Output>,
    own: Vec<Output>,
    latest: Latest,
}

/// Transfers of a block.
const PER_BLOCK: u64 = 100;

impl Long {
    fn new(transfers: u64, own: Vec<Output>) -> Self {
        let rng = &mut StdRng::seed_from_u64(2);
        let latest = Latest {
            root: F::from(0),
            size: 0,
            number: 0,
        };
        let mut chain = Self {
            transfers,
            strangers: outputs(30_000, rng),
            own,
            latest,
        };
        let start = Start::now();
        let mut tree = Frontier::default();
        for transfer in 0..transfers {
            for output in chain.outputs(transfer) {
                tree.append(output.commitment).unwrap();
            }
        }
        rate("leaves appended one by one", tree.size() as usize, start);
        chain.latest = Latest {
            root: tree.root(),
            size: tree.size(),
            number: 1,
        };
        chain
    }

    /// One in so many transfers has a note of the wallet's.
    fn outputs(&self, transfer: u64) -> [Output; 3] {
        let stranger = |n: u64| self.strangers[((transfer * 3 + n) % 30_000) as usize].clone();
        let step = self.transfers / self.own.len() as u64;
        let first = match self.own.get((transfer / step) as usize) {
            Some(own) if transfer.is_multiple_of(step) => own.clone(),
            _ => stranger(0),
        };
        [first, stranger(1), stranger(2)]
    }

    fn blocks(&self) -> u64 {
        self.transfers.div_ceil(PER_BLOCK)
    }
}

impl Node for Long {
    fn identity(&self) -> Result<Identity, NodeError> {
        Ok(identity())
    }
    fn head(&self) -> Result<Head, NodeError> {
        Ok(Head {
            number: self.blocks() + 1,
            timestamp: 0,
        })
    }
    fn latest(&self, _: u64) -> Result<Latest, NodeError> {
        Ok(self.latest)
    }
    fn events(&self, from: u64, to: u64) -> Result<Vec<PoolLog>, NodeError> {
        let mut logs = Vec::new();
        for block in from..=to {
            let mut log = |index, event| {
                logs.push(PoolLog {
                    block,
                    timestamp: block,
                    transaction: B256::ZERO,
                    index,
                    event: PoolEvent::Notes(event),
                });
            };
            if block == self.blocks() + 1 {
                let Latest { root, size, .. } = self.latest;
                log(0, Event::Appended { root, size });
            } else if block > 0 {
                for transfer in (block - 1) * PER_BLOCK..(block * PER_BLOCK).min(self.transfers) {
                    let nullifiers = [F::from(2 * transfer), F::from(2 * transfer + 1)];
                    let outputs = Box::new(self.outputs(transfer));
                    let memo = Box::new(Memo([0; trellis_shielded::MEMO_BYTES]));
                    let event = Event::Transferred {
                        nullifiers,
                        outputs,
                        memo,
                    };
                    log(transfer, event);
                }
            }
        }
        Ok(logs)
    }
    fn record(&self, _: u64) -> Result<Option<Record>, NodeError> {
        Ok(None)
    }
    fn base_fee(&self) -> Result<u128, NodeError> {
        Ok(1)
    }
    fn send(&self, _: &[u8]) -> Result<B256, NodeError> {
        Ok(B256::ZERO)
    }
    fn receipt(&self, _: B256) -> Result<Option<Receipt>, NodeError> {
        Ok(None)
    }
    fn token(&self, _: u32) -> Result<Option<Token>, NodeError> {
        Ok(None)
    }
    fn asset_of(&self, _: Account) -> Result<Option<u32>, NodeError> {
        Ok(None)
    }
}

#[test]
#[ignore = "measures, in release mode"]
fn measure_restore() {
    let rng = &mut StdRng::seed_from_u64(3);
    let key = keys(1);
    let address = key.incoming().unwrap().address(0);
    let own = (0..1_000).map(|value| {
        let note = Note::new(&address, 0, value + 1, rng);
        let tag = ContactTag::random(rng);
        Output::seal(&note, &address, None, tag, rng).unwrap().0
    });
    let chain = Long::new(1_000_000 / 3, own.collect());
    let mut wallet = Wallet::new(key, identity(), 0);
    let start = Start::now();
    let mut last = 0;
    let synced = wallet.sync(&chain, &mut Forget, &mut |progress| {
        if progress.blocks / 500 > last {
            last = progress.blocks / 500;
            eprintln!("  {progress:?}");
        }
    });
    assert_eq!(synced.unwrap().notes, 1_000);
    rate(
        "restored, 1,000 own notes among",
        chain.latest.size as usize,
        start,
    );
    let start = Start::now();
    let bytes = crate::store::to_bytes(&wallet);
    rate("bytes of the file", bytes.len(), start);
}
