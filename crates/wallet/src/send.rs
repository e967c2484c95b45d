//! From a plan to a transfer on its way.

mod build;

use crate::Wallet;
use crate::data::Pending;
use crate::error::Error;
use crate::node::{Node, NodeError};
use crate::plan::{Order, Plan, Terms};
use crate::store::Keep;
use alloy_primitives::B256;
pub(crate) use build::sealing;
use rand_core::CryptoRng;
use trellis_circuits::{Instance, Proof, ProveError, Prover, Witness};

/// What proves transfers.
pub trait Prove: Sync {
    /// A proof that the witness shows the instance.
    fn prove(&self, instance: &Instance, witness: Witness) -> Result<Proof, ProveError>;
}

impl Prove for Prover {
    fn prove(&self, instance: &Instance, witness: Witness) -> Result<Proof, ProveError> {
        Self::prove(self, instance, witness)
    }
}

/// A transfer that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Its transaction.
    pub transaction: B256,
    /// What it costs, in wei.
    pub fee: u128,
    /// The last block that may hold it.
    pub expiry: u64,
    /// What is still to be done when it is in a block.
    pub rest: Option<Order>,
}

impl Wallet {
    /// Makes the first transfer of a plan, keeps the wallet, and sends the transfer. So whatever happens after it is sent, the wallet
    /// knows of it.
    ///
    /// # Errors
    /// [`Error::Unsure`] if the node did not take it: it may be on its way nevertheless.
    pub fn dispatch(
        &mut self,
        node: &dyn Node,
        keep: &mut dyn Keep,
        prover: &dyn Prove,
        plan: Plan,
        terms: &Terms,
        rng: &mut impl CryptoRng,
    ) -> Result<Dispatch, Error> {
        let Pending {
            transaction,
            raw,
            expiry,
            ..
        } = self.build(&plan.step, terms, prover, rng)?;
        keep.keep(self)?;
        let dispatch = Dispatch {
            transaction,
            fee: plan.fee,
            expiry,
            rest: plan.rest,
        };
        match node.send(&raw) {
            Ok(_) => Ok(dispatch),
            Err(reason) => Err(Error::Unsure {
                transaction,
                expiry,
                reason,
            }),
        }
    }

    /// Makes a payment that takes one transfer.
    ///
    /// # Errors
    /// [`Error::NeedsSteps`] if it takes more; those [`Self::plan`] and [`Self::dispatch`] carry out one by one.
    pub fn send(
        &mut self,
        node: &dyn Node,
        keep: &mut dyn Keep,
        prover: &dyn Prove,
        order: &Order,
        most: u128,
        rng: &mut impl CryptoRng,
    ) -> Result<Dispatch, Error> {
        let terms = Terms::ask(node, most)?;
        let plan = self.plan(order, &terms)?;
        match plan.transfers {
            1 => self.dispatch(node, keep, prover, plan, &terms, rng),
            transfers => Err(Error::NeedsSteps { transfers }),
        }
    }

    /// Sends again what is on its way: after a crash nobody knows whether it was sent. What the node says to each, if it does not take it.
    pub fn resend(&self, node: &dyn Node) -> Vec<(B256, NodeError)> {
        let sent = self
            .pending()
            .iter()
            .map(|pending| (pending.transaction, node.send(&pending.raw)));
        sent.filter_map(|(transaction, result)| Some((transaction, result.err()?)))
            .collect()
    }
}
