#![doc = include_str!("../README.md")]

mod best;
mod error;
mod index;
mod insert;
mod limits;
mod pool;
mod run;
mod sender;
#[cfg(test)]
mod tests;
mod tip_index;
mod transaction;
mod view;

pub use best::Best;
pub use error::{FullLimit, PoolError};
pub use insert::Inserted;
pub use limits::Limits;
pub use pool::Pool;
pub use sender::Status;
pub use transaction::PooledTransaction;
pub use view::Stats;
