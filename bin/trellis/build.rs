//! Tells the binary which commit it was built from, for `--version` and for measurement reports.

use std::{path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=TRELLIS_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let commit = std::env::var("TRELLIS_COMMIT").ok().or_else(git_commit);
    let commit = commit.unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let told = if commit.is_empty() {
        version.to_owned()
    } else {
        format!("{version} ({commit})")
    };
    println!("cargo::rustc-env=TRELLIS_BUILD_COMMIT={commit}");
    println!("cargo::rustc-env=TRELLIS_BUILD_VERSION={told}");
}

/// The checkout's commit, or `None` outside a git checkout. The reflog changes with every commit, so cargo watches it.
fn git_commit() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let reflog = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&reflog).exists() {
        println!("cargo::rerun-if-changed={reflog}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}
