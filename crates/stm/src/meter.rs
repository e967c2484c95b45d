//! Measures how often speculation fails, and says when to pause it.
//!
//! Where transactions depend on each other, executing ahead is wasted: it warms no cache that the worker in front does not
//! warm itself, and on a machine with fewer cores than workers it takes the time of the one that gets ahead. So after a
//! window in which most speculative outcomes failed, only the worker that holds the line executes, for a number of
//! transactions that doubles each time; then one window is tried again.

/// Speculative outcomes looked at together.
const WINDOW: u32 = 16;
/// Transactions of the first pause.
const PAUSE: usize = 32;
/// Transactions of the longest pause.
const PAUSE_MAX: usize = 1024;

#[derive(Debug)]
pub(crate) struct Meter {
    seen: u32,
    failed: u32,
    pause: usize,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            seen: 0,
            failed: 0,
            pause: PAUSE,
        }
    }
}

impl Meter {
    /// Notes a speculative outcome. Returns how many transactions to go without speculation, if that is due.
    pub(crate) fn note(&mut self, held: bool) -> Option<usize> {
        self.seen += 1;
        self.failed += u32::from(!held);
        if self.seen < WINDOW {
            return None;
        }
        let mostly_failed = self.failed * 2 > self.seen;
        (self.seen, self.failed) = (0, 0);
        if mostly_failed {
            let pause = self.pause;
            self.pause = (pause * 2).min(PAUSE_MAX);
            Some(pause)
        } else {
            self.pause = PAUSE;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_while_speculation_fails_and_start_over_when_it_holds() {
        let mut meter = Meter::default();
        let mut window = |held: bool| {
            (0..WINDOW)
                .filter_map(|_| meter.note(held))
                .collect::<Vec<_>>()
        };
        assert_eq!(window(true), []);
        assert_eq!(window(false), [32]);
        assert_eq!(window(false), [64]);
        for _ in 0..10 {
            window(false);
        }
        assert_eq!(window(false), [1024]);
        assert_eq!(window(true), []);
        assert_eq!(window(false), [32]);
    }
}
