//! The state of every module while a network runs: a line redrawn in place on a terminal, in a pipe a line when something
//! changed.

use crate::output;
use core::time::Duration;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Instant,
};
use trellis_node::ModuleStatus;

/// Least time between two lines about one module in a pipe.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows what changes.
pub(crate) struct StatusDisplay {
    mode: Mode,
    screen: MultiProgress,
    modules: BTreeMap<String, Track>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Live,
    Lines,
    Json,
}

/// What was last shown about a module.
struct Track {
    shown: Sample,
    /// When a line was last written; the start does not count, so the first change is told at once.
    written: Option<Instant>,
    bar: Option<ProgressBar>,
}

/// The part of a module's status whose change is worth a line, and when it was taken.
#[derive(Clone, Copy, Debug)]
struct Sample {
    height: u64,
    transactions: u64,
    pool: usize,
    at: Instant,
}

impl Sample {
    fn of(status: &ModuleStatus, at: Instant) -> Self {
        Self {
            height: status.height,
            transactions: status.transactions_total,
            pool: status.pool,
            at,
        }
    }

    fn differs(&self, earlier: &Self) -> bool {
        (self.height, self.transactions, self.pool)
            != (earlier.height, earlier.transactions, earlier.pool)
    }

    /// Transactions per second included since `earlier`.
    fn rate(&self, earlier: &Self) -> f64 {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        let included = self.transactions.saturating_sub(earlier.transactions);
        if seconds > 0.0 {
            included as f64 / seconds
        } else {
            0.0
        }
    }
}

impl StatusDisplay {
    /// A display for what stdout and stderr are, as JSON lines if `json`.
    pub(crate) fn new(json: bool) -> Self {
        let mode = if json {
            Mode::Json
        } else if output::is_interactive() {
            Mode::Live
        } else {
            Mode::Lines
        };
        Self {
            mode,
            screen: MultiProgress::new(),
            modules: BTreeMap::new(),
        }
    }

    /// A stderr for logs that does not tear the live lines.
    pub(crate) fn log_writer(&self) -> LogWriter {
        LogWriter {
            screen: (self.mode == Mode::Live).then(|| self.screen.clone()),
        }
    }

    /// Shows `statuses`, taken now.
    pub(crate) fn update(&mut self, statuses: &[ModuleStatus]) {
        let now = Instant::now();
        for status in statuses {
            let sample = Sample::of(status, now);
            let name = status.name.as_str();
            let Some(track) = self.modules.get_mut(name) else {
                let bar = (self.mode == Mode::Live).then(|| new_bar(&self.screen, name));
                if let Some(bar) = &bar {
                    bar.set_message(message(status, 0.0));
                }
                self.modules.insert(
                    name.to_owned(),
                    Track {
                        shown: sample,
                        written: None,
                        bar,
                    },
                );
                continue;
            };
            if let Some(bar) = &track.bar {
                bar.set_message(message(status, sample.rate(&track.shown)));
                track.shown = sample;
            } else if due(track, &sample) {
                write_line(self.mode, status, sample.rate(&track.shown));
                track.shown = sample;
                track.written = Some(now);
            }
        }
    }
}

impl Drop for StatusDisplay {
    fn drop(&mut self) {
        // Leaves the last state on the screen and the cursor below it.
        for bar in self.modules.values().filter_map(|track| track.bar.as_ref()) {
            bar.abandon();
        }
    }
}

/// Whether a pipe gets a line: something changed, and the last line is old enough.
fn due(track: &Track, sample: &Sample) -> bool {
    let waited = track
        .written
        .is_none_or(|written| sample.at.duration_since(written) >= LINE_INTERVAL);
    waited && sample.differs(&track.shown)
}

fn new_bar(screen: &MultiProgress, name: &str) -> ProgressBar {
    let bar = screen.add(ProgressBar::no_length());
    // A wide message is cut at the edge of the terminal: a line that wraps cannot be redrawn in place.
    let style = ProgressStyle::with_template("{prefix:<10} {wide_msg}")
        .expect("the template is constant and valid");
    bar.set_style(style);
    bar.set_prefix(name.to_owned());
    bar
}

fn message(status: &ModuleStatus, rate: f64) -> String {
    let age = status.last_block_age.as_secs_f64();
    format!(
        "height {:<7} finalized {:<7} {rate:>8.1} tx/s  pool {:<6} {age:.1} s ago",
        status.height, status.finalized, status.pool
    )
}

fn write_line(mode: Mode, status: &ModuleStatus, rate: f64) {
    let name = status.name.as_str();
    if mode == Mode::Json {
        output::json(&json!({
            "event": "status",
            "module": name,
            "height": status.height,
            "finalized": status.finalized,
            "transactions_total": status.transactions_total,
            "tx_per_second": (rate * 10.0).round() / 10.0,
            "pool": status.pool,
            "last_block_age_ms": u64::try_from(status.last_block_age.as_millis()).unwrap_or(u64::MAX),
        }));
    } else {
        output::line(format_args!(
            "{name}: height {}, finalized {}, {rate:.1} tx/s, pool {}",
            status.height, status.finalized, status.pool
        ));
    }
}

/// stderr, with the live lines taken away while something is written.
#[derive(Clone)]
pub(crate) struct LogWriter {
    screen: Option<MultiProgress>,
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &self.screen {
            Some(screen) => screen.suspend(|| io::stderr().write_all(bytes)),
            None => io::stderr().write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(height: u64, transactions: u64, at: Instant) -> Sample {
        Sample {
            height,
            transactions,
            pool: 0,
            at,
        }
    }

    #[test]
    fn rate_is_over_the_time_between_two_samples() {
        let start = Instant::now();
        let later = sample(3, 500, start + Duration::from_secs(2));
        assert!((later.rate(&sample(1, 100, start)) - 200.0).abs() < 1e-9);
        assert!(
            sample(1, 5, start).rate(&sample(1, 5, start)).abs() < 1e-9,
            "no time, no rate"
        );
    }

    #[test]
    fn a_pipe_gets_the_first_change_at_once_and_then_one_line_in_ten_seconds() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let mut track = Track {
            shown: sample(1, 0, start),
            written: None,
            bar: None,
        };
        assert!(!due(&track, &sample(1, 0, after(60))), "nothing changed");
        assert!(due(&track, &sample(2, 0, after(1))));
        track.shown = sample(2, 0, after(1));
        track.written = Some(after(1));
        assert!(!due(&track, &sample(3, 9, after(10))), "too early");
        assert!(due(&track, &sample(3, 9, after(11))));
        assert!(
            !due(&track, &sample(2, 0, after(30))),
            "unchanged since the line"
        );
    }
}
