#![doc = include_str!("../README.md")]
#![expect(
    unsafe_code,
    reason = "an exported name is the caller's business; nothing here is unsafe but that"
)]

use alloy_primitives::B256;
use commonware_codec::{Copying, Error, ReadExt as _};
use parking_lot::Mutex;
use trellis_light::{Evidence, LightError, Network, NetworkKey, tree::Lane};
use trellis_primitives::ModuleId;

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes room for a question of `length` bytes and answers where to write it.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *mut u8 {
    let mut input = INPUT.lock();
    *input = vec![0; length];
    input.as_mut_ptr()
}

/// Answers the question: 1 if the messages were sent, else 0. The output is then the block hash, or why not, in words.
#[unsafe(no_mangle)]
pub extern "C" fn verify_messages() -> u32 {
    let answer = verify(&INPUT.lock());
    let (verdict, output) = match answer {
        Ok(block) => (1, block.to_vec()),
        Err(error) => (0, error.to_string().into_bytes()),
    };
    *OUTPUT.lock() = output;
    verdict
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

/// What is asked: `uint64 network ‖ key (96) ‖ uint32 source ‖ uint32 lane ‖ uint64 first ‖ uint32 count ‖ ids ‖ evidence`.
struct Question<'a> {
    network: Network,
    source: ModuleId,
    lane: Lane,
    first: u64,
    ids: Vec<B256>,
    evidence: &'a [u8],
}

fn verify(input: &[u8]) -> Result<B256, LightError> {
    let question = Question::read(input).map_err(|_| LightError::Encoding("question"))?;
    let Question {
        network,
        source,
        lane,
        first,
        ids,
        evidence,
    } = question;
    let block = Evidence::from_bytes(evidence)?.verify(&network, source, lane, first, &ids)?;
    Ok(block.hash)
}

impl<'a> Question<'a> {
    fn read(input: &'a [u8]) -> Result<Self, Error> {
        let mut rest = Copying(input);
        let buf = &mut rest;
        let network = Network::new(u64::read(buf)?, NetworkKey::read(buf)?);
        let invalid = |what| Error::Invalid("question", what);
        let source = ModuleId::new(u32::read(buf)?).ok_or(invalid("no such module"))?;
        let lane = Lane::new(u32::read(buf)?).ok_or(invalid("no such lane"))?;
        let first = u64::read(buf)?;
        let count = u32::read(buf)?;
        let ids = (0..count).map(|_| <[u8; 32]>::read(buf).map(B256::from));
        let ids = ids.collect::<Result<_, _>>()?;
        Ok(Self {
            network,
            source,
            lane,
            first,
            ids,
            evidence: rest.0,
        })
    }
}
