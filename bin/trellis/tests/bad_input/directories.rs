//! Data directories that are not what they should be, and ports that are taken.

use super::{
    PLACES,
    support::{
        network::Network,
        node::{START, Scratch, Setup, free_ports},
    },
};
use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

/// The node must refuse to start: exit code 1, one error that contains each of `words` and says what to do.
fn refused(setup: &Setup, words: &[&str]) {
    let mut node = setup.spawn();
    let code = node.wait_exit(START);
    node.assert_calm();
    let text = node.stderr();
    assert_eq!(code, Some(1), "{words:?}: {text}");
    let errors: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{words:?}: {text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
    let says_what_to_do = ["--data-dir", "--reset", "--port"]
        .iter()
        .any(|option| text.contains(option));
    assert!(says_what_to_do, "it does not say what to do:\n{text}");
    assert!(node.stdout().is_empty(), "{}", node.stdout());
}

/// Every file below `root` with its content.
fn content(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the directory is read");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else {
            files.insert(path.clone(), fs::read(&path).expect("the file is read"));
        }
    }
    files
}

#[tokio::test]
async fn a_directory_of_another_network_is_refused_and_left_alone() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let mut network = Network::new(Setup::new(&scratch, 1, &["hub", "pay"]));
    network.live_and_stop().await;
    let before = content(&network.setup.data);

    let changed = |change: &dyn Fn(&mut Setup)| {
        let mut setup = network.setup.clone();
        change(&mut setup);
        setup
    };
    refused(
        &changed(&|setup| setup.modules = vec!["hub", "market"]),
        &["modules hub,pay", "asked for hub,market"],
    );
    refused(
        &changed(&|setup| setup.modules = vec!["pay", "hub"]),
        &["modules hub,pay", "asked for pay,hub"],
    );
    refused(
        &changed(&|setup| setup.extra = vec!["--network-id=7".into()]),
        &["network id", "asked for 7"],
    );
    refused(
        &changed(&|setup| setup.extra = vec!["--gas-limit=30000000".into()]),
        &["gas limit", "asked for 30000000"],
    );
    refused(
        &changed(&|setup| (setup.validators, setup.port) = (4, free_ports(4))),
        &["validators 1", "asked for 4"],
    );
    let after = content(&network.setup.data);
    assert!(before == after, "a refusal changed the directory");
    network.live_and_stop().await;
}

#[tokio::test]
async fn a_damaged_description_is_refused_and_a_restored_one_works() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let mut network = Network::new(Setup::new(&scratch, 1, &["hub"]));
    network.live_and_stop().await;
    let file = network.setup.data.join("network.json");
    let whole = fs::read_to_string(&file).expect("network.json is text");
    let parsed: serde_json::Value = serde_json::from_str(&whole).expect("network.json is JSON");
    let with = |pointer: &str, value: serde_json::Value| {
        let mut changed = parsed.clone();
        *changed.pointer_mut(pointer).expect("the field is there") = value;
        changed.to_string()
    };
    let validators = "/keys/development_only_validators";
    let first = &parsed["keys"]["development_only_validators"][0];
    let text = |key: &str| first[key].as_str().expect("hex").to_owned();
    let (identity, share) = (text("identity"), text("share"));
    let reversed: String = share.chars().rev().collect();

    let path = file.to_str().expect("the path is text");
    for text in [
        String::new(),
        "{".to_owned(),
        whole[..whole.len() / 2].to_owned(),
        "\u{0}\u{1}\u{2}".to_owned(),
        whole.replacen('{', "{ \"surplus\": 1, ", 1),
        with("/keys", "none".into()),
        with("/keys/network_key_sharing", "00".into()),
        with("/modules", 5.into()),
        with(validators, serde_json::json!([])),
        with(validators, serde_json::json!([first, first])),
        with(&format!("{validators}/0/identity"), identity[2..].into()),
        with(&format!("{validators}/0/share"), "zz".into()),
        with(&format!("{validators}/0/share"), reversed.into()),
    ] {
        fs::write(&file, &text).expect("network.json is written");
        refused(&network.setup, &[path, "is damaged"]);
    }
    fs::write(&file, with("/version", 1.into())).expect("network.json is written");
    refused(&network.setup, &["format version 1", "reads version 4"]);
    // A whole description, but not the one the blocks were made under.
    for (pointer, value) in [("/network_id", 424_242), ("/genesis_timestamp_ms", 1)] {
        fs::write(&file, with(pointer, value.into())).expect("network.json is written");
        refused(&network.setup, &["another network"]);
    }
    fs::write(&file, whole).expect("network.json is written");
    network.live_and_stop().await;
}

#[tokio::test]
async fn a_foreign_directory_is_refused_and_never_deleted() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let mut setup = Setup::new(&scratch, 1, &["hub"]);
    let write = |data: &Path, name: &str| {
        let path = data.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("the directory is created");
        fs::write(path, "mine").expect("the file is written");
    };
    write(&setup.data, "notes.txt");
    write(&setup.data, "history/of-rome.txt");
    for name in ["consensus/decree.txt", "network.json"] {
        write(&setup.data, name);
        let before = content(&setup.data);
        setup.extra = vec!["--reset".to_owned()];
        refused(&setup, &["nothing was deleted", "--data-dir"]);
        let mut after = content(&setup.data);
        // It is how a process knows that no other uses the directory.
        after.remove(&setup.data.join("lock"));
        assert!(before == after, "--reset touched a foreign directory");
    }
    setup.extra.clear();
    refused(&setup, &["network.json is damaged"]);

    setup.data = scratch.path().join("file");
    fs::write(&setup.data, "mine").expect("the file is written");
    for extra in [None, Some("--reset".to_owned())] {
        setup.extra = extra.into_iter().collect();
        refused(&setup, &["file", "--data-dir"]);
        assert_eq!(fs::read(&setup.data).expect("the file is there"), b"mine");
    }
}

/// A description that cannot be read any more is no reason to keep what is the node's own.
#[tokio::test]
async fn a_damaged_network_can_be_reset() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let mut setup = Setup::new(&scratch, 1, &["hub"]);
    Network::new(setup.clone()).live_and_stop().await;
    fs::write(setup.data.join("network.json"), "{").expect("network.json is written");
    setup.extra = vec!["--reset".to_owned()];
    Network::new(setup).live_and_stop().await;
}

#[tokio::test]
async fn a_second_process_on_a_directory_is_refused() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let mut network = Network::new(Setup::new(&scratch, 1, &["hub"]));
    let mut node = network.live().await;
    let mut second = network.setup.clone();
    second.port = free_ports(1);
    second.logs = scratch.path().join("second");
    fs::create_dir(&second.logs).expect("the directory is created");
    for extra in [None, Some("--reset".to_owned())] {
        second.extra = extra.into_iter().collect();
        refused(&second, &["is in use by another process"]);
    }
    network.include_everywhere().await;
    // The claim dies with the process, however it dies.
    node.kill();
    network.live_and_stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_refused_before_anything_is_created() {
    let scratch = Scratch::new();
    let setup = Setup::new(&scratch, 3, &["hub"]);
    // The last one: those before it are given back.
    let taken = setup.port + 2;
    let _held = TcpListener::bind(("127.0.0.1", taken)).expect("the port is free");
    let words = format!("port {taken} on 127.0.0.1 is in use");
    refused(&setup, &[&words, "--port"]);
    assert!(!setup.data.exists());
}

#[tokio::test]
async fn parts_that_are_missing_or_of_another_network_are_refused() {
    let _place = PLACES.acquire().await;
    let (scratch, other) = (Scratch::new(), Scratch::new());
    let mut network = Network::new(Setup::new(&scratch, 1, &["hub"]));
    network.live_and_stop().await;
    let mut foreign = Network::new(Setup::new(&other, 1, &["hub"]));
    foreign.live_and_stop().await;

    for part in ["history", "consensus"] {
        let ours = network.setup.data.join(part);
        let theirs = foreign.setup.data.join(part);
        let aside = scratch.path().join("aside");
        fs::rename(&ours, &aside).expect("the part is moved");
        // A directory that lost a part must not begin anew: it would forget what it voted for (STA-1).
        refused(&network.setup, &[part, "is damaged"]);
        // And refuse again: the first refusal must not leave behind what looks like the part.
        refused(&network.setup, &[part, "is damaged"]);
        fs::remove_dir_all(&ours).ok();
        fs::rename(&theirs, &ours).expect("the part is moved");
        refused(&network.setup, &[part, "another network"]);
        fs::rename(&ours, &theirs).expect("the part is moved back");
        fs::rename(&aside, &ours).expect("the part is moved back");
    }
    network.live_and_stop().await;
    foreign.live_and_stop().await;
}
