#![doc = include_str!("../README.md")]
#![expect(
    unsafe_code,
    reason = "an exported name is the caller's business; nothing here is unsafe but that"
)]

mod payment;
mod random;
mod read;

use parking_lot::Mutex;
pub use payment::{Refused, address, key, pay, use_key, verify};
use zeroize::Zeroize;

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes room for a question of `length` bytes and answers where to write it.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *mut u8 {
    let mut input = INPUT.lock();
    *input = vec![0; length];
    input.as_mut_ptr()
}

/// Where the output of the last answer is.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.lock().as_ptr()
}

/// How long the output of the last answer is.
#[unsafe(no_mangle)]
pub extern "C" fn output_length() -> usize {
    OUTPUT.lock().len()
}

/// An address of a phrase, as text: [`address`].
#[unsafe(no_mangle)]
pub extern "C" fn payment_address() -> u32 {
    answer(|question| address(question).map(String::into_bytes))
}

/// A transfer with its proof, encoded: [`pay`].
#[unsafe(no_mangle)]
pub extern "C" fn payment_pay() -> u32 {
    answer(pay)
}

/// Whether a transfer's proof is right: [`verify`].
#[unsafe(no_mangle)]
pub extern "C" fn payment_verify() -> u32 {
    answer(|question| verify(question).map(|()| Vec::new()))
}

/// The proving key, to keep: [`key`].
#[unsafe(no_mangle)]
pub extern "C" fn payment_key() -> u32 {
    answer(key)
}

/// Takes the proving key that was kept: [`use_key`].
#[unsafe(no_mangle)]
pub extern "C" fn payment_use_key() -> u32 {
    answer(|question| use_key(question).map(|()| Vec::new()))
}

/// 1 and the answer, or 0 and why not, in words. Questions hold phrases: they are overwritten.
fn answer(ask: impl FnOnce(&[u8]) -> Result<Vec<u8>, Refused>) -> u32 {
    let mut input = INPUT.lock();
    let answer = ask(&input);
    input.zeroize();
    let (verdict, output) = match answer {
        Ok(output) => (1, output),
        Err(refused) => (0, refused.to_string().into_bytes()),
    };
    *OUTPUT.lock() = output;
    verdict
}
