//! Figures of this machine beside the library's, and the processor time, which says more while others work on it:
//! `cargo test -p trellis-circuits --release measure -- --ignored --nocapture`.

use super::tests::{KEYS, PAYMENT, other};
use super::*;
use crate::parameters::Parameters;
use crate::testing::payment;
use crate::transfer::Transfer;
use midnight_zk_stdlib::setup_pk;
use rand_08::rngs::OsRng;
use std::time::Instant;

/// Seconds of CPU time of this process so far, where the system tells.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2);
    ticks
        .map(|n| n.parse::<f64>().unwrap_or(f64::NAN))
        .sum::<f64>()
        / 100.0
}

/// Prints what the work takes on so many threads.
fn time(what: &str, threads: usize, times: u32, work: &mut (dyn FnMut() + Send)) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let cpu = cpu_seconds();
    let mut taken: Vec<f64> = (0..times)
        .map(|_| {
            let start = Instant::now();
            pool.install(&mut *work);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    let median = taken[taken.len() / 2];
    let cpu = (cpu_seconds() - cpu) * 1e3 / f64::from(times);
    let fastest = taken[0];
    println!("{what}, {threads} threads: {median:.1} ms, fastest {fastest:.1}, CPU {cpu:.1}");
}

#[test]
#[ignore = "measures"]
fn measure() {
    time("keys", 2, 3, &mut || drop(Prover::new().unwrap()));
    let directory = tempfile::tempdir().unwrap();
    drop(Prover::cached(directory.path()).unwrap());
    time("cached keys", 2, 5, &mut || {
        drop(Prover::cached(directory.path()).unwrap())
    });
    time("verifier", 1, 9, &mut || drop(Verifier::new().unwrap()));
    measure_proofs();
    measure_batches();
}

fn library_key() -> MidnightVK {
    keys::derived(&Parameters::ethereum(ROWS_LOG2).unwrap()).unwrap()
}

fn measure_proofs() {
    let (prover, verifier) = &*KEYS;
    let (instance, proof) = &*PAYMENT;
    let parameters = Parameters::ethereum(ROWS_LOG2).unwrap();
    let library_prover = setup_pk(&Transfer, &library_key());
    let witness = payment().1;
    for threads in [1, 2] {
        time("prove", threads, 9, &mut || {
            drop(prover.prove(instance, witness.clone()).unwrap())
        });
        time("the library's prove", threads, 9, &mut || {
            let (parameters, witness) = (parameters.inner(), witness.clone());
            midnight_zk_stdlib::prove::<Transfer, State>(
                parameters,
                &library_prover,
                &Transfer,
                instance,
                witness,
                OsRng,
            )
            .unwrap();
        });
    }
    time("verify", 1, 51, &mut || {
        verifier.verify(instance, proof).unwrap()
    });
}

fn measure_batches() {
    let verifier = &KEYS.1;
    let few: Vec<_> = (1..=8).map(other).collect();
    let mut batch: Vec<_> = few.iter().cycle().take(256).cloned().collect();
    for threads in [1, 2] {
        time("batch of 256", threads, 5, &mut || {
            assert!(verifier.verify_batch(&batch).iter().all(Result::is_ok));
        });
    }
    let inputs: Vec<_> = batch
        .iter()
        .map(|(of, _)| of.public_inputs().to_vec())
        .collect();
    let proofs: Vec<_> = batch
        .iter()
        .map(|(_, proof)| proof.as_bytes().to_vec())
        .collect();
    let library_keys = vec![library_key(); batch.len()];
    for threads in [1, 2] {
        time("the library's batch of 256", threads, 5, &mut || {
            let parameters = &verifier.parameters;
            midnight_zk_stdlib::batch_verify::<State>(parameters, &library_keys, &inputs, &proofs)
                .unwrap();
        });
    }
    batch[100].0.fee += 1;
    time("batch of 256 with a bad one", 2, 3, &mut || {
        assert_eq!(
            verifier
                .verify_batch(&batch)
                .iter()
                .filter(|a| a.is_err())
                .count(),
            1
        );
    });
}
