//! The chain as the rest of the process sees it, over state in memory.

mod candidates;
mod publishing;
mod reading;
mod restart;

use super::*;
use crate::testing::{Light, NOBODY, address, env_on, raw, sign, spec, transfer};
use alloy_primitives::U256;
use futures::FutureExt as _;
use std::collections::HashSet;
use trellis_primitives::{Class, StateError};
