//! What a configuration may say, checked before anything is opened.

use crate::{DevConfig, NodeError};
use trellis_primitives::limits::{GAS_LIMIT_RANGE, MODULES_MAX};

/// Most validators one process runs.
const VALIDATORS_MAX: u32 = 16;

/// # Errors
/// [`NodeError::Config`] names the flag and what it may be.
pub(super) fn check(config: &DevConfig) -> Result<(), NodeError> {
    let rule = |holds: bool, text: String| {
        if holds {
            Ok(())
        } else {
            Err(NodeError::Config(text))
        }
    };
    let count = config.modules.len();
    rule(
        (1..=MODULES_MAX).contains(&count),
        format!("--modules: {count} modules, from 1 to {MODULES_MAX} are possible"),
    )?;
    let mut names = config.modules.clone();
    names.sort();
    names.dedup();
    rule(
        names.len() == count,
        "--modules: a name appears twice".into(),
    )?;
    for name in config.private.iter().flatten() {
        rule(
            config.modules.contains(name),
            format!("--private: there is no module `{name}`"),
        )?;
    }
    let validators = config.validators;
    rule(
        (1..=VALIDATORS_MAX).contains(&validators),
        format!("--validators: {validators} validators, from 1 to {VALIDATORS_MAX} are possible"),
    )?;
    // Validator i listens on port + i.
    let last = u32::from(config.port) + validators - 1;
    rule(
        config.port == 0 || last <= u32::from(u16::MAX),
        format!("--port: {validators} validators need the ports up to {last}, there are 65535"),
    )?;
    let gas = config.gas_limit;
    rule(
        GAS_LIMIT_RANGE.contains(&gas),
        format!(
            "--gas-limit: {gas}, from {} to {} are possible",
            GAS_LIMIT_RANGE.start(),
            GAS_LIMIT_RANGE.end()
        ),
    )?;
    let id = config.network_id.unwrap_or(100_000);
    rule(
        (1..1_000_000_000).contains(&id),
        format!("--network-id: {id}, from 1 to 999999999 are possible"),
    )?;
    rule(config.history >= 1, "--history: at least 1 block".into())
}
