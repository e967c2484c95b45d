//! Figures from samples. No smoothing and no interpolation: every figure is a value that was measured.

use core::time::Duration;
use serde::Serialize;

/// Percentiles of a set of times, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Percentiles {
    /// Nearest-rank percentiles; `None` without samples.
    pub(crate) fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort_unstable();
        let last = samples.len().checked_sub(1)?;
        let rank = |percent: usize| {
            millis(
                samples[(samples.len() * percent)
                    .div_ceil(100)
                    .saturating_sub(1)
                    .min(last)],
            )
        };
        Some(Self {
            count: samples.len(),
            p50_ms: rank(50),
            p90_ms: rank(90),
            p99_ms: rank(99),
            max_ms: millis(samples[last]),
        })
    }
}

/// Milliseconds with microsecond resolution.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}

/// The most transactions in any window of one second, given when each block was made (in milliseconds, any origin) and how
/// many of ours it has. `None` if the blocks span less than a second: then there is no such window.
pub(crate) fn peak_second(blocks: &[(u64, u64)]) -> Option<u64> {
    const WINDOW: u64 = 1_000;
    let mut blocks = blocks.to_vec();
    blocks.sort_unstable_by_key(|(at, _)| *at);
    let span = blocks.last()?.0 - blocks.first()?.0;
    if span < WINDOW {
        return None;
    }
    let (mut oldest, mut sum, mut best) = (0, 0, 0);
    for &(at, count) in &blocks {
        sum += count;
        while blocks[oldest].0 + WINDOW <= at {
            sum -= blocks[oldest].1;
            oldest += 1;
        }
        best = best.max(sum);
    }
    Some(best)
}

/// Gas used by gas limit, mean and maximum over blocks, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Fill {
    pub(crate) mean: f64,
    pub(crate) max: f64,
}

impl Fill {
    /// The fill of blocks given as (gas used, gas limit); `None` without blocks.
    pub(crate) fn of(blocks: &[(u64, u64)]) -> Option<Self> {
        let fill = |&(used, limit): &(u64, u64)| {
            if limit == 0 {
                0.0
            } else {
                used as f64 / limit as f64
            }
        };
        let sum: f64 = blocks.iter().map(fill).sum();
        let max = blocks.iter().map(fill).fold(0.0, f64::max);
        (!blocks.is_empty()).then(|| Self {
            mean: sum / blocks.len() as f64,
            max,
        })
    }
}

/// An error text with its numbers and hex values replaced, so that the same error of different transactions counts as one.
pub(crate) fn normalized(text: &str) -> String {
    let mut result = String::with_capacity(text.len().min(TEXT_MAX));
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (core, tail) = match word.char_indices().next_back() {
            Some((at, end)) if !end.is_ascii_alphanumeric() => word.split_at(at),
            _ => (word, ""),
        };
        result.push_str(match core {
            "" => "",
            _ if core.starts_with("0x") => "0x..",
            _ if core.starts_with(|c: char| c.is_ascii_digit()) => "N",
            _ => core,
        });
        result.push_str(tail);
        if result.len() >= TEXT_MAX {
            break;
        }
    }
    result
}

/// Longest error text kept, in bytes (about).
const TEXT_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let samples = (1..=200).rev().map(Duration::from_millis).collect();
        let figures = Percentiles::of(samples).unwrap();
        let got = (
            figures.p50_ms,
            figures.p90_ms,
            figures.p99_ms,
            figures.max_ms,
        );
        assert_eq!(got, (100.0, 180.0, 198.0, 200.0));
        let one = Percentiles::of(vec![Duration::from_micros(1_500)]).unwrap();
        assert_eq!((one.p50_ms, one.max_ms, one.count), (1.5, 1.5, 1));
        assert_eq!(Percentiles::of(Vec::new()), None);
    }

    #[test]
    fn the_peak_window_is_one_second_wide_and_half_open() {
        assert_eq!(
            peak_second(&[(0, 10), (500, 10), (1_000, 10), (1_400, 10)]),
            Some(30)
        );
        assert_eq!(peak_second(&[(5_000, 1), (0, 7)]), Some(7));
        assert_eq!(
            peak_second(&[(0, 10), (999, 10)]),
            None,
            "less than a second has no rate per second"
        );
        assert_eq!(peak_second(&[]), None);
    }

    #[test]
    fn fill_is_mean_and_maximum() {
        assert_eq!(
            Fill::of(&[(50, 100), (100, 100)]),
            Some(Fill {
                mean: 0.75,
                max: 1.0
            })
        );
        assert_eq!(Fill::of(&[]), None);
    }

    #[test]
    fn the_same_error_of_two_transactions_is_one_text() {
        let one = normalized("nonce too low: next nonce 5, tx nonce 3");
        assert_eq!(one, "nonce too low: next nonce N, tx nonce N");
        assert_eq!(one, normalized("nonce too low: next nonce 70, tx nonce 31"));
        assert_eq!(
            normalized("unknown account 0xAb12, é"),
            "unknown account 0x.., é"
        );
        assert!(normalized(&"word ".repeat(10_000)).len() < 300);
    }
}
