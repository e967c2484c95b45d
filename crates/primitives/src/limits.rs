//! Limits two nodes must agree on. A value here is part of the protocol: changing one forks the network.

/// Largest encoded transaction a block or the pool takes, in bytes (the pool limit of Ethereum clients).
pub const TRANSACTION_BYTES_MAX: usize = 128 * 1024;

/// Largest sum of encoded transactions in one block, in bytes: more than a thousand private transfers.
pub const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Largest encoded access list of one block, in bytes (EIP-7928). Twice what a block full of plain transfers needs; gas
/// bounds the number of its entries besides.
pub const ACCESS_LIST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most transactions in one block. At 21,000 gas each it binds only above a gas limit of 420M.
pub const TRANSACTIONS_MAX: usize = 20_000;

/// Largest RLP-encoded header, in bytes. An Osaka header is about 620 bytes.
pub const HEADER_BYTES_MAX: usize = 1024;

/// Most modules one network runs; it bounds the peer-to-peer channels reserved at start.
pub const MODULES_MAX: usize = 64;

/// Smallest and largest block gas limit a genesis may set. Half of the smallest is enough to deliver any message.
pub const GAS_LIMIT_RANGE: core::ops::RangeInclusive<u64> = 20_000_000..=2_000_000_000;
