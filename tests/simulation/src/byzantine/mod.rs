//! Validators that do not follow the protocol (CON-1: one of four may be any of these).

mod garbage;
mod imports;
mod liar;

pub use garbage::garbage;
pub use liar::{Liar, Lie};
