//! Randomness from what the host gives: WebAssembly has none of its own.

use blake3::OutputReader;
use std::convert::Infallible;

/// Bytes that follow from 32 of the host's.
pub(crate) struct Random(OutputReader);

impl Random {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let context = "trellis/payments/1/wasm randomness";
        Self(
            blake3::Hasher::new_derive_key(context)
                .update(seed)
                .finalize_xof(),
        )
    }
}

impl rand_core::TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Random {}

/// The proving library asks with an older interface.
impl rand_08::RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_08::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_08::CryptoRng for Random {}
