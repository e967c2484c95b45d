//! When a leader builds and when a validator looks at a block: the parts of consensus that depend on the clock.
//!
//! Kept apart from execution on purpose. Waiting here holds nothing: the state is not forked yet, finalization goes on,
//! and consensus cancels the wait when it leaves the view.

use crate::{Demand, Module, application::unix_ms};
use commonware_runtime::Clock;
use futures::future::{Either, select};
use std::{pin::pin, time::Duration, time::SystemTime};
use trellis_primitives::Block;

/// How long an empty parent may stay unfinalized before a leader builds on it although nothing waits. A block whose view
/// timed out between its notarization and its finalization becomes final only through a descendant; without one what it
/// made final in its turn would wait for the heartbeat.
const FINALITY_PATIENCE: Duration = Duration::from_secs(3);

/// How long after a block with transactions an idle leader makes one empty block. Clients learn of a block from the block
/// event and keep the answers they got before it for a moment (ethers: 250 ms, an absent receipt among them); without a
/// later block some wait for ever. It also makes a block final that only a descendant can.
const CLOSING: Duration = Duration::from_millis(400);

/// How far a block's time may be ahead of the local clock before a validator waits for it.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(500);

impl Module {
    /// Resolves when a block on `parent` should be built: `block_time` has passed since the parent, and something waits
    /// or a block is [due](Self::due).
    pub async fn wanted<E: Clock>(&self, clock: &E, parent: &Block) {
        let mut changes = self.chain().changes();
        let earliest = time(parent) + self.timing().block_time;
        clock.sleep_until(earliest).await;
        loop {
            changes.borrow_and_update();
            let due = self.due(parent);
            if self.chain().demand(parent) != Demand::None || clock.current() >= due {
                return;
            }
            let changed = pin!(changes.changed());
            let due = pin!(clock.sleep_until(due));
            if let Either::Left((Err(_), _)) = select(changed, due).await {
                return;
            }
        }
    }

    /// When a block on `parent` is built even if nothing waits: at the heartbeat, or earlier to close a series of blocks
    /// or to make the parent final.
    pub(crate) fn due(&self, parent: &Block) -> SystemTime {
        let is_final = parent.number() <= self.chain().head().number();
        let patience = if !parent.transactions().is_empty() {
            CLOSING
        } else if !is_final {
            FINALITY_PATIENCE
        } else {
            Duration::MAX
        };
        time(parent) + patience.min(self.timing().heartbeat)
    }

    /// Resolves at the next change of pool or head, or after a second.
    pub async fn changed<E: Clock>(&self, clock: &E) {
        let mut changes = self.chain().changes();
        changes.borrow_and_update();
        let changed = pin!(changes.changed());
        let pause = pin!(clock.sleep(Duration::from_secs(1)));
        select(changed, pause).await;
    }

    /// Resolves when the local clock allows a vote for `block`: its time is not far ahead. A leader with a fast clock
    /// loses its view to the timeout; nobody's verdict depends on a clock (EXE-2).
    pub async fn timely<E: Clock>(&self, clock: &E, block: &Block) {
        let ahead = block
            .extension()
            .timestamp_ms
            .saturating_sub(unix_ms(clock.current()));
        let wait = Duration::from_millis(ahead).saturating_sub(CLOCK_TOLERANCE);
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
    }
}

fn time(block: &Block) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(block.extension().timestamp_ms)
}

#[cfg(test)]
mod tests;
