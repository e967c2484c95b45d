//! Checking proofs: each once, many at a time (docs/spec/payments.md, 10.4).
//!
//! Whoever comes while a batch is being checked waits for the next one, which the first of those who wait checks for all. So a proof that
//! comes alone is checked at once, and a crowd of them at the price of a batch.

use alloy_primitives::B256;
use parking_lot::{Condvar, Mutex};
use std::{
    collections::{HashMap, HashSet},
    sync::OnceLock,
};
use trellis_circuits::{Instance, KeyError, Proof, Verifier};

/// Proofs in one batch: more gain nothing.
const BATCH: usize = 256;
/// Proofs that are known to be right, at least; at most twice as many.
const KNOWN: usize = 65_536;

/// A proof to check.
pub(crate) struct Job {
    /// Hash of its transaction, which binds proof and instance on this chain.
    pub(crate) hash: B256,
    pub(crate) instance: Instance,
    pub(crate) proof: Proof,
}

/// Checks the proofs of one module.
pub(crate) struct Proofs {
    known: Mutex<Known>,
    queue: Mutex<Queue>,
    answered: Condvar,
}

/// The transactions whose proofs were right, in two generations, the older of which is dropped as a whole.
#[derive(Default)]
struct Known {
    young: HashSet<B256>,
    old: HashSet<B256>,
}

impl Known {
    fn has(&self, hash: &B256) -> bool {
        self.young.contains(hash) || self.old.contains(hash)
    }

    fn add(&mut self, hash: B256) {
        if self.young.len() == KNOWN {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash);
    }
}

#[derive(Default)]
struct Queue {
    next: u64,
    waiting: Vec<(u64, Job)>,
    answers: HashMap<u64, bool>,
    is_running: bool,
}

impl Default for Proofs {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            queue: Mutex::default(),
            answered: Condvar::new(),
        }
    }
}

/// The verifier of this process. Making it takes a moment, once.
pub(crate) fn verifier() -> Result<&'static Verifier, KeyError> {
    static VERIFIER: OnceLock<Result<Verifier, KeyError>> = OnceLock::new();
    VERIFIER
        .get_or_init(Verifier::new)
        .as_ref()
        .map_err(|error| *error)
}

impl Proofs {
    /// Whether the proof of this transaction is known to be right.
    pub(crate) fn knows(&self, hash: &B256) -> bool {
        self.known.lock().has(hash)
    }

    /// Whether each proof is right. Blocks until all are checked; what is known is not checked again.
    pub(crate) fn check(&self, jobs: Vec<Job>) -> Vec<bool> {
        let mut answers = vec![true; jobs.len()];
        let unknown: Vec<_> = {
            let known = self.known.lock();
            let jobs = jobs.into_iter().enumerate();
            jobs.filter(|(_, job)| !known.has(&job.hash)).collect()
        };
        if unknown.is_empty() {
            return answers;
        }
        let mut queue = self.queue.lock();
        let mut tickets = Vec::with_capacity(unknown.len());
        for (place, job) in unknown {
            let ticket = queue.next;
            queue.next += 1;
            queue.waiting.push((ticket, job));
            tickets.push((place, ticket));
        }
        loop {
            tickets.retain(|(place, ticket)| match queue.answers.remove(ticket) {
                Some(answer) => {
                    answers[*place] = answer;
                    false
                }
                None => true,
            });
            if tickets.is_empty() {
                return answers;
            }
            if queue.is_running {
                self.answered.wait(&mut queue);
                continue;
            }
            queue.is_running = true;
            let count = queue.waiting.len().min(BATCH);
            let batch: Vec<_> = queue.waiting.drain(..count).collect();
            drop(queue);
            let checked = self.check_batch(batch);
            queue = self.queue.lock();
            queue.answers.extend(checked);
            queue.is_running = false;
            self.answered.notify_all();
        }
    }

    /// Takes a proof as right without looking at it.
    #[cfg(test)]
    pub(super) fn trust(&self, hash: B256) {
        self.known.lock().add(hash);
    }

    fn check_batch(&self, batch: Vec<(u64, Job)>) -> Vec<(u64, bool)> {
        let Ok(verifier) = verifier() else {
            // The chain was opened with it, so this cannot be reached; nothing is right without it.
            return batch
                .into_iter()
                .map(|(ticket, _)| (ticket, false))
                .collect();
        };
        let (names, proofs): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|(ticket, job)| ((ticket, job.hash), (job.instance, job.proof)))
            .unzip();
        let results = verifier.verify_batch(&proofs);
        let mut known = self.known.lock();
        names
            .into_iter()
            .zip(results)
            .map(|((ticket, hash), result)| {
                if result.is_ok() {
                    known.add(hash);
                }
                (ticket, result.is_ok())
            })
            .collect()
    }
}
