//! Evidence of messages: one encoding, and none that verifies but those that the network signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use trellis_fuzz::{Vectors, write_seeds};
use trellis_light::Evidence;

static VECTORS: LazyLock<Vectors> = LazyLock::new(Vectors::read);

fn seeds() -> Vec<Vec<u8>> {
    let cases = VECTORS.cases.iter();
    let all = cases.flat_map(|case| case.refused.iter().chain([&case.evidence]));
    all.cloned().collect()
}

fuzz_target!(init: write_seeds(seeds), |data: &[u8]| {
    let Ok(evidence) = Evidence::from_bytes(data) else {
        return;
    };
    assert_eq!(evidence.to_bytes(), *data, "another encoding");
    assert!(data.len() <= Evidence::ENCODE_SIZE_MAX);
    for case in &VECTORS.cases {
        let lane = VECTORS.lane();
        let verified =
            evidence.verify(&VECTORS.network, VECTORS.source, lane, case.first, &case.ids);
        assert_eq!(verified.is_ok(), case.evidence == data, "{verified:?}");
    }
});
