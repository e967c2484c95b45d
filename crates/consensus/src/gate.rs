//! The points where time matters, in front of the application.
//!
//! A build that waits for transactions *inside* the state machine would hold up finalization: the library finishes or
//! cancels a build before it applies a block. So waiting happens here, before the build is asked for, where it holds
//! nothing and consensus can cancel it.

use commonware_consensus::{
    Application, CertifiableBlock, Epochable, Handoff, marshal::ancestry::Ancestry,
};
use commonware_cryptography::{Digested, certificate::Scheme};
use commonware_runtime::{Clock, Supervisor};
use std::future::Future;

/// What the clock and the pool say about building and voting. Implemented by a module; never decides validity (EXE-2).
pub trait Pace<E, B>: Clone + Send + Sync + 'static {
    /// Resolves when a block on `parent` should be built.
    fn wanted(&self, clock: &E, parent: &B) -> impl Future<Output = ()> + Send;
    /// Resolves when there may be something new to build with, after a build came out empty.
    fn changed(&self, clock: &E) -> impl Future<Output = ()> + Send;
    /// Resolves when the local clock allows a vote for `block`.
    fn timely(&self, clock: &E, block: &B) -> impl Future<Output = ()> + Send;
}

/// An application behind its [`Pace`].
#[derive(Clone, Debug)]
pub struct Gate<A, P> {
    inner: A,
    pace: P,
}

impl<A, P> Gate<A, P> {
    /// Puts `inner` behind `pace`.
    pub const fn new(inner: A, pace: P) -> Self {
        Self { inner, pace }
    }
}

impl<E, A, P, S> Application<E> for Gate<A, P>
where
    E: Clock + Supervisor + Send + Sync + 'static,
    S: Scheme,
    A: Application<E, SigningScheme = S, Input = ()> + Sync,
    A::Block: CertifiableBlock,
    A::Context: Clone + Epochable + Send + Sync,
    P: Pace<E, A::Block>,
{
    type SigningScheme = S;
    type Context = A::Context;
    type Block = A::Block;
    type Input = ();

    async fn prepare(
        &mut self,
        context: (E, Self::Context),
        ancestry: impl Ancestry<Self::Block>,
        input: (),
    ) -> Handoff<Digested<Self::Block>> {
        self.inner.prepare(context, ancestry, input).await
    }

    async fn propose(
        &mut self,
        (runtime, context): (E, Self::Context),
        ancestry: impl Ancestry<Self::Block>,
        (): (),
    ) -> Option<Digested<Self::Block>> {
        use futures::StreamExt as _;
        let parent = ancestry.clone().next().await?;
        loop {
            self.pace.wanted(&runtime, parent.inner()).await;
            let build = (runtime.child("build"), context.clone());
            if let Some(block) = self.inner.propose(build, ancestry.clone(), ()).await {
                return Some(block);
            }
            self.pace.changed(&runtime).await;
        }
    }

    async fn verify(
        &mut self,
        (runtime, context): (E, Self::Context),
        ancestry: impl Ancestry<Self::Block>,
    ) -> bool {
        use futures::StreamExt as _;
        let Some(block) = ancestry.clone().next().await else {
            return false;
        };
        self.pace.timely(&runtime, block.inner()).await;
        self.inner.verify((runtime, context), ancestry).await
    }
}

#[cfg(test)]
pub(crate) mod tests;
