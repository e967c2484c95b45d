//! Blocks of signed transactions over a state in memory.

mod contracts;
mod delegation;
mod differential;
mod readers;
mod receipts;
mod refusals;
mod simulate;
mod support;
mod system;
mod transfers;
