#![doc = include_str!("../README.md")]

pub mod gateway;
pub mod import;
mod lanes;
pub mod outbox;

pub use import::{Import, ImportError};
pub use lanes::Lanes;
pub use trellis_light::Message;
