//! Published contracts: read at run time from npm packages, so that no bytecode is kept in this repository.

use alloy_primitives::{Bytes, hex};
use serde::Deserialize;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Names the directory of npm packages, if it is another than the client tests'.
const DIRECTORY_VARIABLE: &str = "TRELLIS_NODE_MODULES";

/// Why a published contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The package is not installed.
    #[error(
        "no {path}: run `npm ci` in tests/clients, or name a directory of npm packages in {DIRECTORY_VARIABLE}"
    )]
    Missing {
        /// Where the artifact would be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what a compiler wrote about a contract that can be deployed.
    #[error("{path} is not a contract's artifact: {reason}")]
    Format {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A directory of npm packages.
#[derive(Clone, Debug)]
pub(crate) struct Packages(PathBuf);

/// The part of an artifact that is used.
#[derive(Deserialize)]
struct Artifact {
    bytecode: String,
}

impl Packages {
    /// Those `TRELLIS_NODE_MODULES` names, or those of the client tests next to this crate's source.
    pub(crate) fn find() -> Self {
        let named = std::env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from);
        let clients = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/node_modules");
        Self(named.unwrap_or_else(clients))
    }

    /// The code that creates a contract, without its constructor's arguments. `artifact` is the file's path inside the
    /// packages.
    ///
    /// # Errors
    /// [`ArtifactError`] says what is wrong with the file.
    pub(crate) fn creation_code(&self, artifact: &str) -> Result<Bytes, ArtifactError> {
        let path = self.0.join(artifact);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ArtifactError::Missing { path });
            }
            Err(source) => return Err(ArtifactError::Io { path, source }),
        };
        match decode(&text) {
            Ok(code) => Ok(code),
            Err(reason) => Err(ArtifactError::Format { path, reason }),
        }
    }
}

fn decode(text: &[u8]) -> Result<Bytes, String> {
    let artifact: Artifact = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let code = hex::decode(artifact.bytecode).map_err(|error| error.to_string())?;
    if code.is_empty() {
        return Err("it has no bytecode".into());
    }
    Ok(code.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_package_says_how_to_install_it() {
        let packages = Packages("/nowhere".into());
        let error = packages.creation_code("a/b.json").unwrap_err();
        assert!(matches!(error, ArtifactError::Missing { .. }));
        let text = error.to_string();
        assert!(text.contains("/nowhere/a/b.json: run `npm ci`"), "{text}");
    }

    #[test]
    fn bytecode_may_have_a_prefix_and_must_be_hex() {
        let code = Bytes::from_static(&[0x60, 0x80]);
        assert_eq!(
            decode(br#"{"bytecode":"0x6080","abi":[]}"#),
            Ok(code.clone())
        );
        assert_eq!(decode(br#"{"bytecode":"6080"}"#), Ok(code));
        for wrong in ["0x", "0x60__$library$__80"] {
            assert!(decode(format!(r#"{{"bytecode":"{wrong}"}}"#).as_bytes()).is_err());
        }
        assert!(decode(b"{}").is_err());
    }
}
