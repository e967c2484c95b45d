//! What every validator ever signed, seen on the wire: nobody honest may contradict itself, whatever crashed in between (STA-1).

use commonware_codec::DecodeExt as _;
use commonware_consensus::{
    Viewable as _,
    simplex::types::{Proposal, Vote},
};
use commonware_runtime::IoBuf;
use std::collections::BTreeMap;
use trellis_consensus::network::Scheme;
use trellis_primitives::Digest;

/// One validator's votes in one view of one module.
#[derive(Clone, Debug, Default)]
struct Cast {
    notarized: Option<Proposal<Digest>>,
    finalized: Option<Proposal<Digest>>,
    nullified: bool,
}

/// Every vote sent, by validator, module and view.
#[derive(Debug, Default)]
pub struct VoteLog {
    cast: BTreeMap<(usize, usize, u64), Cast>,
    conflicts: Vec<Conflict>,
}

/// Two votes that no honest validator sends.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// Who sent them.
    pub validator: usize,
    /// In which module.
    pub module: usize,
    /// In which view.
    pub view: u64,
    /// What contradicts what.
    pub what: &'static str,
}

impl VoteLog {
    /// Records a message of the votes channel. What does not decode is not a vote.
    pub fn record(&mut self, validator: usize, module: usize, message: IoBuf) {
        let Ok(vote) = Vote::<Scheme, Digest>::decode(message) else {
            return;
        };
        let view = vote.view().get();
        let cast = self.cast.entry((validator, module, view)).or_default();
        let what = match vote {
            Vote::Notarize(vote) => {
                let before = cast.notarized.get_or_insert_with(|| vote.proposal.clone());
                (*before != vote.proposal).then_some("notarized two proposals")
            }
            Vote::Finalize(vote) => {
                let before = cast.finalized.get_or_insert_with(|| vote.proposal.clone());
                if *before == vote.proposal {
                    cast.nullified
                        .then_some("finalized a view it had nullified")
                } else {
                    Some("finalized two proposals")
                }
            }
            Vote::Nullify(_) => {
                cast.nullified = true;
                cast.finalized
                    .is_some()
                    .then_some("nullified a view it had finalized")
            }
        };
        if let Some(what) = what {
            self.conflicts.push(Conflict {
                validator,
                module,
                view,
                what,
            });
        }
    }

    /// Every contradiction so far.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// How many votes views saw, over all validators: to tell a silent tap from an honest network.
    pub fn views(&self) -> usize {
        self.cast.len()
    }
}
