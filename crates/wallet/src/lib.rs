#![doc = include_str!("../README.md")]

mod amounts;
mod codec;
mod data;
mod disclosure;
mod error;
mod history;
mod keys;
mod node;
mod passed;
mod plan;
#[cfg(feature = "native")]
mod qr;
mod scan;
mod send;
mod shards;
mod shield;
mod statement;
mod store;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod time;
mod wallet;

pub use amounts::{Asset, Money, NATIVE, NATIVE_SYMBOL};
pub use data::{
    Activity, CHANGE_ADDRESS, Contact, OwnedNote, Part, Pending, Place, Purpose, SentNote,
};
pub use disclosure::{Disclosure, Shown};
pub use error::{Error, Shortage};
pub use history::{Kind, Line};
pub use keys::{Keys, Spending};
#[cfg(feature = "native")]
pub use node::RpcNode;
pub use node::{
    Head, Identity, Latest, Node, NodeError, PoolEvent, PoolLog, Receipt, Record, Token, Unshielded,
};
pub use plan::{Order, Plan, Target, Terms};
#[cfg(feature = "native")]
pub use qr::qr;
pub use send::{Dispatch, Prove};
pub use shield::{Call, Shielding, add_asset};
pub use statement::Statement;
#[cfg(feature = "native")]
pub use store::WalletFile;
pub use store::{Cost, Forget, Keep, StoreError, Vault};
pub use sync::{Progress, Synced};
pub use wallet::{Balance, Wallet};
