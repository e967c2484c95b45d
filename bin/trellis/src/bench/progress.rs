//! Progress of a long step: a bar on a terminal, a line at each quarter in a pipe, always on stderr.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// How far a step is. Shared between threads.
#[derive(Debug)]
pub(crate) struct Progress {
    label: String,
    total: u64,
    done: AtomicU64,
    start: Instant,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// A step of `total` parts called `label`.
    pub(crate) fn new(label: &str, total: u64) -> Self {
        let shown = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(total);
            let template = "{prefix:<28} {bar:30} {human_pos}/{human_len}  {per_sec}";
            bar.set_style(
                ProgressStyle::with_template(template).expect("the template is constant and valid"),
            );
            bar.set_prefix(label.to_owned());
            Shown::Bar(bar)
        } else {
            Shown::Lines
        };
        Self {
            label: label.to_owned(),
            total,
            done: AtomicU64::new(0),
            start: Instant::now(),
            shown,
        }
    }

    /// A step nobody watches.
    pub(crate) fn hidden() -> Self {
        Self {
            label: String::new(),
            total: 0,
            done: AtomicU64::new(0),
            start: Instant::now(),
            shown: Shown::Nothing,
        }
    }

    /// Adds `parts` that are done.
    pub(crate) fn add(&self, parts: u64) {
        let before = self.done.fetch_add(parts, Ordering::Relaxed);
        match &self.shown {
            // A bar locks: a thousand parts at a time are often enough to look alive.
            Shown::Bar(bar) if before / 1_000 != (before + parts) / 1_000 => {
                bar.set_position(before + parts)
            }
            Shown::Lines if quarter(before, self.total) != quarter(before + parts, self.total) => {
                eprintln!("{}: {} of {}", self.label, before + parts, self.total);
            }
            Shown::Bar(_) | Shown::Lines | Shown::Nothing => {}
        }
    }

    /// Ends the step and says how long it took.
    pub(crate) fn finish(&self) {
        let (done, seconds) = (
            self.done.load(Ordering::Relaxed),
            self.start.elapsed().as_secs_f64(),
        );
        match &self.shown {
            Shown::Bar(bar) => {
                bar.finish_and_clear();
                eprintln!("{}: {done} in {seconds:.1} s", self.label);
            }
            Shown::Lines => eprintln!("{}: {done} in {seconds:.1} s", self.label),
            Shown::Nothing => {}
        }
    }
}

/// Which of the first three quarters of `total` is reached; the fourth is told by [`Progress::finish`].
fn quarter(done: u64, total: u64) -> u64 {
    (done * 4).checked_div(total).unwrap_or(0).min(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_hears_of_three_quarters() {
        let crossed = (0..100)
            .filter(|done| quarter(*done, 100) != quarter(done + 1, 100))
            .count();
        assert_eq!(crossed, 3);
        assert_eq!(quarter(5, 0), 0);
    }
}
