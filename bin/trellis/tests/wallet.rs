//! Private payments as a person makes them: from a network to a payment between two wallets, what they show, and what they lose
//! and get back.

#[allow(dead_code, reason = "other tests use the rest of it")]
mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::node::{Scratch, Setup, trellis};

const PASSPHRASE: &str = "correct horse";

/// A person with a wallet file.
struct Person {
    file: PathBuf,
    url: String,
}

impl Person {
    fn new(name: &str, scratch: &Scratch, setup: &Setup) -> Self {
        Self {
            file: scratch.path().join(name),
            url: format!("http://127.0.0.1:{}/pay", setup.port),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = trellis(&["wallet"]);
        command.args(args).arg("--wallet").arg(&self.file);
        command
            .args(["--url", &self.url])
            .env("TRELLIS_PASSPHRASE", PASSPHRASE);
        // The proving key is kept below the home directory.
        command.env("HOME", self.file.parent().expect("a directory"));
        command
    }

    /// What a command answers with `--json`.
    fn ask(&self, args: &[&str]) -> Value {
        let output = self
            .command(args)
            .arg("--json")
            .output()
            .expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error} in {text}"))
    }

    /// What a command says that fails.
    fn fail(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("the binary runs");
        assert_eq!(
            output.status.code(),
            Some(1),
            "{args:?}: {}",
            stderr(&output)
        );
        stderr(&output)
    }

    fn balance(&self) -> (String, String) {
        let balance = &self.ask(&["balance"])["balances"][0];
        (text(&balance["ready"]), text(&balance["arriving"]))
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map(str::to_owned)
        .unwrap_or_else(|| panic!("{value} is no text"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the file is there")
}

#[test]
fn a_payment_between_two_wallets() {
    let scratch = Scratch::new();
    let setup = Setup::new(&scratch, 1, &["hub", "pay"]);
    let (node, _) = setup.start();
    let [alice, bob] = ["alice", "bob"].map(|name| Person::new(name, &scratch, &setup));
    assert!(alice.fail(&["balance"]).contains("there is no wallet at"));
    let created = alice.ask(&["create"]);
    bob.ask(&["create"]);
    assert!(alice.fail(&["create"]).contains("already"));

    alice.ask(&["shield", "5", "--dev", "0"]);
    assert_eq!(alice.balance(), ("5".into(), "0".into()));
    let link = text(&bob.ask(&["request", "1.5", "--memo", "rent", "--label", "Bob"])["link"]);
    let poor = bob.fail(&["send", &text(&created["address"]), "1"]);
    assert!(poor.contains("not enough funds"), "{poor}");
    let sent = alice.ask(&["send", &link]);
    let transaction = text(&sent["transfers"][0]["transaction"]);
    bob.ask(&["sync"]);
    assert_eq!(bob.balance().0, "1.5");
    let line = &bob.ask(&["history"])["lines"][0];
    assert_eq!(
        (text(&line["kind"]), text(&line["memo"])),
        ("received".into(), "rent".into())
    );
    assert_eq!(text(&line["transaction"]), transaction);

    shows(&alice, &bob, &transaction, &scratch);
    let recipient = "0x00000000000000000000000000000000000000aa";
    alice.ask(&["unshield", recipient, "1"]);
    let before = alice.balance();
    loses_and_restores(&created, &before, &scratch, &setup);
    node.assert_calm();
}

/// Viewing keys, a disclosure, a statement.
fn shows(alice: &Person, bob: &Person, transaction: &str, scratch: &Scratch) {
    let file = scratch.path().join("shown.json");
    let name = file.display().to_string();
    let args = [
        "disclose",
        transaction,
        "--for",
        "the landlord",
        "--output",
        &name,
    ];
    let output = alice.command(&args).output().expect("the binary runs");
    assert!(output.status.success(), "{}", stderr(&output));
    let shown = bob.ask(&["verify-disclosure", &name]);
    assert_eq!(
        (text(&shown["amount"]), text(&shown["memo"])),
        ("1.5".into(), "rent".into())
    );
    assert_eq!(text(&shown["for"]), "the landlord");
    std::fs::write(
        &file,
        read(&file).replace("1500000000000000000", "2500000000000000000"),
    )
    .expect("the file is written");
    assert!(
        bob.fail(&["verify-disclosure", &name])
            .contains("does not hold")
    );

    let key = text(&alice.ask(&["export-viewing-key"])["key"]);
    let auditor = Person {
        file: scratch.path().join("auditor"),
        url: alice.url.clone(),
    };
    auditor.ask(&["watch", &key]);
    assert_eq!(auditor.balance(), alice.balance());
    let refused = auditor.fail(&["send", &text(&bob.ask(&["address"])["address"]), "1"]);
    assert!(refused.contains("cannot do that"), "{refused}");
    let statement = auditor
        .command(&["statement"])
        .output()
        .expect("the binary runs");
    let csv = String::from_utf8_lossy(&statement.stdout).into_owned();
    assert!(csv.contains(",sent,ETH,-1.5,"), "{csv}");
}

/// The file is lost; the words are enough.
fn loses_and_restores(
    created: &Value,
    before: &(String, String),
    scratch: &Scratch,
    setup: &Setup,
) {
    let again = Person::new("again", scratch, setup);
    let phrase = text(&created["phrase"]);
    let birthday = created["birthday"].to_string();
    let mut command = again.command(&["restore", "--birthday", &birthday, "--json"]);
    let output = command
        .env("TRELLIS_PHRASE", phrase)
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(again.balance(), *before);
    let wrong = again
        .command(&["balance"])
        .env("TRELLIS_PASSPHRASE", "guess")
        .output()
        .expect("the binary runs");
    assert!(stderr(&wrong).contains("the passphrase is wrong"));
}
