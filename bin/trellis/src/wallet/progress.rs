//! What a person sees while a wallet works: a bar on a terminal, lines in a pipe, always on stderr.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};
use trellis_wallet::Progress;

/// Below this nobody wants to know.
const QUIET: Duration = Duration::from_millis(700);

/// Reading blocks.
#[derive(Debug)]
pub(super) struct Reading {
    start: Instant,
    bar: Option<ProgressBar>,
    quarter: u64,
    last: Progress,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            bar: None,
            quarter: 0,
            last: Progress::default(),
        }
    }
}

impl Reading {
    pub(super) fn show(&mut self, progress: &Progress) {
        self.last = *progress;
        if self.start.elapsed() < QUIET {
            return;
        }
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = ProgressBar::new(progress.of);
                let template = "reading {bar:30} {human_pos}/{human_len} blocks, {msg}, {eta} left";
                bar.set_style(
                    ProgressStyle::with_template(template)
                        .expect("the template is constant and valid"),
                );
                bar
            });
            bar.set_position(progress.blocks);
            bar.set_message(format!(
                "{} outputs, {} notes",
                progress.outputs, progress.notes
            ));
            return;
        }
        let quarter = (progress.blocks * 4).checked_div(progress.of).unwrap_or(0);
        if quarter > self.quarter {
            self.quarter = quarter;
            let Progress {
                blocks, of, notes, ..
            } = progress;
            let left = self.left().as_secs();
            eprintln!("reading: {blocks} of {of} blocks, {notes} notes, {left} s left");
        }
    }

    /// How long it takes still, if it goes on as it did.
    fn left(&self) -> Duration {
        let done = self.last.blocks.max(1);
        let left = self.last.of.saturating_sub(self.last.blocks);
        self.start.elapsed().mul_f64(left as f64 / done as f64)
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.start.elapsed() >= QUIET {
            let Progress {
                blocks,
                outputs,
                notes,
                ..
            } = self.last;
            let seconds = self.start.elapsed().as_secs_f64();
            eprintln!(
                "read {blocks} blocks with {outputs} outputs in {seconds:.1} s: {notes} notes"
            );
        }
    }
}

/// The stages of a payment.
#[derive(Debug)]
pub(super) struct Stages {
    start: Instant,
    last: Instant,
    json: bool,
}

impl Stages {
    pub(super) fn new(json: bool) -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            json,
        }
    }

    /// A stage is over. Programs that read JSON are told at the end.
    pub(super) fn done(&mut self, stage: &str) {
        let took = self.last.elapsed().as_millis();
        self.last = Instant::now();
        if !self.json {
            eprintln!("  {stage:<40} {took:>6} ms");
        }
    }

    /// Milliseconds since the beginning.
    pub(super) fn total(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
