#![doc = include_str!("../README.md")]

mod message;
pub mod tree;

pub use message::Message;
