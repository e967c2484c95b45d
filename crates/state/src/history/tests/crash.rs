//! STA-1: whatever `append` acknowledged is there after kill -9 at any moment.

use super::{super::*, *};
use std::{
    env,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

const DIRECTORY: &str = "TRELLIS_HISTORY_CRASH_DIRECTORY";
const WINDOW: u64 = 6;
const ROUNDS: u64 = 25;

/// Block `number` of the chain that every child writes; each process computes the same one.
fn next_block(number: u64, parent: B256) -> Arc<RecordedBlock> {
    Arc::new(block(number, parent, 5, 3_000))
}

/// Not a test by itself: the process that is killed. It appends, now and then rewinds, and prints what is certain.
#[test]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let history = History::open(directory, tiny(WINDOW)).unwrap();
    let mut out = std::io::stdout().lock();
    let mut rewind_at = history.tip().unwrap_or(0) + 31;
    loop {
        let tip = history.tip();
        let parent = tip.map_or(B256::ZERO, |tip| {
            history.block(tip).unwrap().unwrap().hash()
        });
        let first = next_block(tip.map_or(0, |tip| tip + 1), parent);
        let second = next_block(first.number() + 1, first.hash());
        let tip = second.number();
        history.append(&[first, second]).unwrap();
        writeln!(out, "\nacknowledged {tip}").unwrap();
        if tip >= rewind_at {
            rewind_at += 31;
            writeln!(out, "\nrewinding {}", tip - 8).unwrap();
            history.rewind_to(tip - 8).unwrap();
        }
    }
}

fn spawn(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "history::tests::crash::child",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a child after it acknowledged `count` batches and a while longer; the height that must be there.
fn run_and_kill(directory: &Path, count: usize, longer: Duration) -> Option<u64> {
    let mut child = spawn(directory);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut certain = None;
    let mut note = |line: String| {
        let (word, height) = line.split_once(' ')?;
        let acknowledged = word == "acknowledged";
        if acknowledged || word == "rewinding" {
            certain = Some(height.parse::<u64>().unwrap());
        }
        acknowledged.then_some(())
    };
    if count > 0 {
        lines
            .by_ref()
            .filter_map(&mut note)
            .take(count)
            .for_each(drop);
    }
    thread::sleep(longer);
    child.kill().unwrap();
    assert!(
        !child.wait().unwrap().success(),
        "the child never ends by itself"
    );
    lines.for_each(|line| {
        note(line);
    });
    certain
}

#[test]
fn acknowledged_blocks_survive_kill() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history");
    let mut certain = None;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..ROUNDS {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The first rounds die while the directory is being created.
        let count = if round < 5 {
            0
        } else {
            (seed >> 40) as usize % 60
        };
        let acknowledged = run_and_kill(&path, count, Duration::from_micros((seed >> 20) % 30_000));
        certain = acknowledged.or(certain);
        check(&path, certain);
    }
    assert!(
        certain > Some(40),
        "the children got somewhere: {certain:?}"
    );
}

fn check(path: &Path, certain: Option<u64>) {
    let history = History::open(path, tiny(WINDOW)).unwrap();
    assert!(
        history.tip() >= certain,
        "tip {:?}, acknowledged {certain:?}",
        history.tip()
    );
    let Some(tip) = history.tip() else { return };
    let mut parent = B256::ZERO;
    let blocks: Vec<_> = (0..=tip)
        .map(|number| {
            let block = next_block(number, parent);
            parent = block.hash();
            block
        })
        .collect();
    let kept = history.undo_range().map_or(tip + 1, |range| *range.start());
    assert!(kept <= (tip + 1).saturating_sub(WINDOW) + 8);
    assert_recorded(&history, &blocks, kept);
}
