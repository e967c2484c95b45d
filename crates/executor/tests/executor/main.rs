//! Blocks of signed transactions over a state in memory.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod code;
mod contracts;
mod delegation;
mod differential;
mod estimate;
mod lists;
mod overrides;
mod parallel;
mod readers;
mod receipts;
mod refusals;
mod shielded;
mod simulate;
mod support;
mod system;
mod transfers;
