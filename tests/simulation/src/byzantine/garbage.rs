//! A peer whose messages are noise: random bytes, and real messages with a byte changed or cut short (NET-1).

use crate::{
    machine::Local,
    wire::{WireReceiver, WireSender},
};
use commonware_p2p::{Receiver as _, Recipients, Sender as _};
use commonware_runtime::{Clock as _, Handle, IoBuf, Spawner as _, Supervisor as _};
use futures::future::{Either, select};
use rand::RngExt as _;
use std::{pin::pin, time::Duration};

/// Between two messages of random bytes.
const PAUSE: Duration = Duration::from_millis(120);
/// Longest message of random bytes.
const LENGTH_MAX: usize = 2_000;

/// Starts one source of noise on each channel.
pub fn garbage(context: &Local, channels: Vec<(WireSender, WireReceiver)>) -> Vec<Handle<()>> {
    channels
        .into_iter()
        .enumerate()
        .map(|(index, channel)| {
            let context = context.child("garbage").with_attribute("channel", index);
            context.spawn(move |context| noise(context, channel))
        })
        .collect()
}

async fn noise(mut context: Local, (mut sender, mut receiver): (WireSender, WireReceiver)) {
    loop {
        let pause = pin!(context.sleep(PAUSE));
        let received = match select(pin!(receiver.recv()), pause).await {
            Either::Left((Ok((_, message)), _)) => Some(message),
            Either::Left((Err(_), _)) => return,
            Either::Right(_) => None,
        };
        let message = match received {
            Some(message) if context.random_range(0..4) == 0 => damaged(&mut context, &message),
            Some(_) => continue,
            None => {
                let mut bytes = vec![0; context.random_range(0..LENGTH_MAX)];
                context.fill(&mut bytes[..]);
                bytes
            }
        };
        let _ = sender.send(Recipients::All, IoBuf::from(message), false);
    }
}

/// A message that was good once.
fn damaged(context: &mut Local, message: &IoBuf) -> Vec<u8> {
    let mut bytes: Vec<u8> = message.as_ref().to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    let at = context.random_range(0..bytes.len());
    if context.random() {
        bytes[at] ^= 1 << context.random_range(0..8);
    } else {
        bytes.truncate(at);
    }
    bytes
}
