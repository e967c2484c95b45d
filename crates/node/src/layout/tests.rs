use super::*;
use tempfile::TempDir;
use trellis_primitives::ModuleName;

fn name(text: &str) -> ModuleName {
    text.parse().unwrap()
}

fn config(root: &Path) -> DevConfig {
    DevConfig {
        modules: vec![name("hub"), name("pay")],
        validators: 2,
        data_dir: Some(root.to_owned()),
        ..DevConfig::default()
    }
}

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn refused(config: &DevConfig) -> NodeError {
    Layout::open(config).err().expect("must be refused")
}

/// Every file below `root`, sorted.
fn files(root: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What makes a network this one.
fn identity(layout: &Layout) -> (u64, u64, alloy_primitives::B256) {
    let network = &layout.network;
    let keys = layout.load_keys().unwrap();
    (
        network.network_id,
        network.genesis_timestamp_ms,
        keys.digest(),
    )
}

#[test]
fn a_network_is_created_once_and_opened_again() {
    let dir = temp();
    // Parents are created too.
    let root = dir.path().join("a").join("b");
    let created = Layout::open(&config(&root)).unwrap();
    assert_eq!(created.path(), Some(root.as_path()));
    assert_eq!(files(&root), ["lock", "network.json"]);
    assert_eq!(created.network.modules, ["hub", "pay"]);
    assert!((100_000..1_000_000).contains(&created.network.network_id));
    let first = identity(&created);
    drop(created);
    assert_eq!(identity(&Layout::open(&config(&root)).unwrap()), first);
    assert_ne!(
        identity(&Layout::open(&config(&dir.path().join("c"))).unwrap()),
        first
    );
}

/// The file holds secret keys.
#[cfg(unix)]
#[test]
fn the_network_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = temp();
    drop(Layout::open(&config(dir.path())).unwrap());
    let mode = fs::metadata(dir.path().join("network.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn paths_do_not_collide() {
    let dir = temp();
    let layout = Layout::open(&config(dir.path())).unwrap();
    assert_eq!(layout.consensus(), dir.path().join("consensus"));
    let histories = [(0, "hub"), (0, "pay"), (1, "hub"), (1, "pay"), (11, "hub")];
    let paths: std::collections::BTreeSet<_> = histories
        .iter()
        .map(|(validator, module)| layout.history(*validator, module))
        .collect();
    assert_eq!(paths.len(), histories.len());
}

/// What the genesis fixes must be asked for again; the message says what differs.
#[test]
fn another_network_is_refused_by_its_fields() {
    let dir = temp();
    let mut asked = config(dir.path());
    asked.network_id = Some(777_777);
    drop(Layout::open(&asked).unwrap());
    type Edit = fn(&mut DevConfig);
    let edits: [(&str, Edit); 6] = [
        ("modules hub,pay, asked for hub", |c| drop(c.modules.pop())),
        ("modules hub,pay, asked for pay,hub", |c| {
            c.modules.reverse()
        }),
        ("modules hub,pay, asked for hub,pay,x", |c| {
            c.modules.push(name("x"))
        }),
        ("validators 2, asked for 3", |c| c.validators = 3),
        ("gas limit 200000000, asked for 30000000", |c| {
            c.gas_limit = 30_000_000
        }),
        ("network id 777777, asked for 777778", |c| {
            c.network_id = Some(777_778)
        }),
    ];
    for (text, edit) in edits {
        let mut config = asked.clone();
        edit(&mut config);
        let error = refused(&config);
        assert!(matches!(error, NodeError::OtherNetwork { .. }));
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.to_string().contains("--reset"), "{error}");
    }
    // What only this process decides may change, and an id that is not asked for is the directory's.
    asked.network_id = None;
    asked.port = 1;
    asked.history = 9;
    asked.block_time = std::time::Duration::from_secs(9);
    assert_eq!(Layout::open(&asked).unwrap().network.network_id, 777_777);
}

fn edit_file(root: &Path, edit: impl FnOnce(&mut serde_json::Value)) {
    let path = root.join("network.json");
    let mut json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut json);
    fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
}

#[test]
fn another_version_is_named() {
    let dir = temp();
    drop(Layout::open(&config(dir.path())).unwrap());
    edit_file(dir.path(), |json| {
        json["version"] = 1.into();
        // Another version may have other fields; that is not what is wrong.
        json["something"] = true.into();
    });
    let error = refused(&config(dir.path()));
    assert!(
        matches!(
            error,
            NodeError::Version {
                found: 1,
                expected: 4,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_named() {
    let edits: [fn(&mut serde_json::Value); 4] = [
        |json| json["something"] = true.into(),
        |json| drop(json.as_object_mut().unwrap().remove("keys")),
        |json| json["validators"] = (-1).into(),
        |json| json["modules"] = "hub".into(),
    ];
    for edit in edits {
        let dir = temp();
        drop(Layout::open(&config(dir.path())).unwrap());
        edit_file(dir.path(), edit);
        let error = refused(&config(dir.path()));
        assert!(
            matches!(&error, NodeError::Damaged { path, .. } if path.ends_with("network.json")),
            "{error}"
        );
    }
    let dir = temp();
    drop(Layout::open(&config(dir.path())).unwrap());
    for text in ["", "{", "{\"version\": 1", "\0\0\0\0"] {
        fs::write(dir.path().join("network.json"), text).unwrap();
        let error = refused(&config(dir.path()));
        assert!(
            matches!(error, NodeError::Damaged { .. }),
            "{text}: {error}"
        );
    }
    // The way out that the message names: it holds nothing but parts of a network.
    fs::create_dir(dir.path().join("history")).unwrap();
    let mut reset = config(dir.path());
    reset.reset = true;
    assert!(Layout::open(&reset).is_ok());
}

#[test]
fn one_process_runs_on_a_directory() {
    let dir = temp();
    let open = Layout::open(&config(dir.path())).unwrap();
    let mut reset = config(dir.path());
    reset.reset = true;
    for config in [config(dir.path()), reset] {
        let error = refused(&config);
        assert!(
            matches!(&error, NodeError::Locked { path } if path == dir.path()),
            "{error}"
        );
    }
    assert!(
        dir.path().join("network.json").exists(),
        "nothing was reset"
    );
    drop(open);
    assert!(Layout::open(&config(dir.path())).is_ok());
}

/// A description without keys for every validator is no whole one.
#[test]
fn keys_are_counted() {
    let dir = temp();
    let layout = Layout::open(&config(dir.path())).unwrap();
    assert_eq!(layout.load_keys().unwrap().validators.len(), 2);
    drop(layout);
    edit_file(dir.path(), |json| json["validators"] = 3.into());
    let mut asked = config(dir.path());
    asked.validators = 3;
    let error = Layout::open(&asked).unwrap().load_keys().err().unwrap();
    assert!(
        matches!(&error, NodeError::Damaged { path, .. } if path.ends_with("network.json")),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("keys of 2 validators, 3 expected"),
        "{error}"
    );
}

/// STA-1: a validator that forgot what it voted for may vote for something else, so its records must be this network's
/// and complete, or none.
#[test]
fn consensus_records_belong_to_one_network() {
    let (ours, theirs) = (temp(), temp());
    let claim = |root: &Path| {
        let layout = Layout::open(&config(root)).unwrap();
        let keys = layout.load_keys().unwrap();
        layout.claim_consensus(&keys)
    };
    claim(ours.path()).unwrap();
    claim(ours.path()).unwrap();
    claim(theirs.path()).unwrap();
    let (a, b) = (
        ours.path().join("consensus"),
        theirs.path().join("consensus"),
    );

    // Another network's.
    fs::remove_dir_all(&a).unwrap();
    fs::rename(&b, &a).unwrap();
    let error = claim(ours.path()).unwrap_err();
    assert!(
        matches!(&error, NodeError::OtherPart { path } if *path == a),
        "{error}"
    );

    // Nobody knows whose.
    fs::remove_file(a.join("network")).unwrap();
    fs::create_dir(a.join("v0-hub-simplex")).unwrap();
    let error = claim(ours.path()).unwrap_err();
    assert!(matches!(error, NodeError::Damaged { .. }), "{error}");

    // Gone, while the blocks are there; and still refused the second time.
    fs::remove_dir_all(&a).unwrap();
    fs::create_dir(ours.path().join("history")).unwrap();
    for _ in 0..2 {
        let error = claim(ours.path()).unwrap_err();
        assert!(matches!(error, NodeError::Damaged { .. }), "{error}");
    }

    // A crash before the claim was complete.
    fs::remove_dir(ours.path().join("history")).unwrap();
    fs::create_dir(&a).unwrap();
    fs::write(a.join("network.new"), "0x12").unwrap();
    claim(ours.path()).unwrap();
}

#[test]
fn votes_and_blocks_are_both_there_or_neither() {
    let dir = temp();
    let layout = Layout::open(&config(dir.path())).unwrap();
    let check = |recorded| layout.check_parts(1, "pay", recorded);
    // A new validator, and one that recorded the genesis and has not voted yet.
    check(None).unwrap();
    check(Some(0)).unwrap();
    let error = check(Some(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("validator 1 voted for in module pay"),
        "{error}"
    );
    let votes = format!("{}-simplex", partition(1, "pay"));
    fs::create_dir_all(layout.consensus().join(votes)).unwrap();
    check(Some(0)).unwrap();
    check(Some(1)).unwrap();
    let error = check(None).unwrap_err();
    assert!(error.to_string().contains("blocks are missing"), "{error}");
    // Another validator's or module's votes are no excuse.
    assert!(layout.check_parts(0, "pay", Some(1)).is_err());
    assert!(layout.check_parts(1, "hub", Some(1)).is_err());
}

#[test]
fn room_is_probed_without_a_trace() {
    let dir = temp();
    assert!(!is_full(dir.path()));
    assert!(files(dir.path()).is_empty());
    assert!(
        !is_full(&dir.path().join("missing")),
        "another error than a full disk"
    );
}

/// A directory that holds something else is left exactly as it is, even when asked to start over.
#[test]
fn a_foreign_directory_is_not_touched() {
    let dir = temp();
    fs::write(dir.path().join("thesis.tex"), "ten years of work").unwrap();
    fs::create_dir(dir.path().join("consensus")).unwrap();
    let mut reset = config(dir.path());
    reset.reset = true;
    for config in [config(dir.path()), reset] {
        let error = refused(&config);
        assert!(matches!(error, NodeError::NotOurs { .. }), "{error}");
        assert_eq!(files(dir.path()), ["consensus", "thesis.tex"]);
    }
}

/// A file that only has the name of a description says nothing about whose the directory is.
#[test]
fn a_foreign_description_protects_what_is_beside_it() {
    let dir = temp();
    fs::write(dir.path().join("network.json"), "{\"wifi\": \"home\"").unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    fs::create_dir(dir.path().join("history")).unwrap();
    let mut reset = config(dir.path());
    reset.reset = true;
    let error = refused(&reset);
    assert!(matches!(error, NodeError::NotOurs { .. }), "{error}");
    assert_eq!(
        files(dir.path()),
        ["history", "lock", "network.json", "notes.txt"]
    );
    let error = refused(&config(dir.path()));
    assert!(matches!(error, NodeError::Damaged { .. }), "{error}");
}

#[test]
fn a_file_is_no_directory() {
    let dir = temp();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&config(&file));
    assert!(
        matches!(&error, NodeError::Io { what: "create", path, .. } if *path == file),
        "{error}"
    );
}

/// A crash while a network is created leaves a directory in which one can be created.
#[test]
fn an_interrupted_creation_is_begun_again() {
    for left in [
        &["lock"][..],
        &["lock", "network.json.new"],
        &["network.json.new"],
    ] {
        let dir = temp();
        for file in left {
            fs::write(dir.path().join(file), "{\"version\": 1, \"netw").unwrap();
        }
        let layout = Layout::open(&config(dir.path())).unwrap();
        assert_eq!(files(dir.path()), ["lock", "network.json"]);
        identity(&layout);
    }
}

/// Fills a directory as a network that ran does, with something of the user's beside it.
fn used(root: &Path) -> (u64, u64, alloy_primitives::B256) {
    let layout = Layout::open(&config(root)).unwrap();
    for dir in [
        layout.consensus(),
        layout.history(0, "hub"),
        layout.history(1, "pay"),
    ] {
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("data"), "blocks").unwrap();
    }
    fs::write(root.join("notes.txt"), "mine").unwrap();
    identity(&layout)
}

#[test]
fn a_reset_deletes_the_network_and_nothing_else() {
    let dir = temp();
    let before = used(dir.path());
    let mut reset = config(dir.path());
    reset.reset = true;
    // Another network may be asked for now.
    reset.modules.push(name("market"));
    let after = Layout::open(&reset).unwrap();
    assert_eq!(files(dir.path()), ["lock", "network.json", "notes.txt"]);
    assert_eq!(after.network.modules.len(), 3);
    assert_ne!(identity(&after).2, before.2);
}

/// A crash at any step of a reset: the next start finishes it, even one that does not ask for it, because what is left
/// is no network any more.
#[test]
fn an_interrupted_reset_is_finished() {
    for step in 0..4 {
        let dir = temp();
        let root = dir.path();
        let before = used(root);
        fs::rename(root.join("network.json"), root.join("resetting")).unwrap();
        if step > 0 {
            fs::remove_dir_all(root.join("consensus")).unwrap();
        }
        if step > 1 {
            fs::remove_dir_all(root.join("history")).unwrap();
        }
        if step > 2 {
            // The new network was written, the last step was not made.
            fs::copy(root.join("resetting"), root.join("network.json")).unwrap();
        }
        let after = Layout::open(&config(root)).unwrap();
        assert_eq!(
            files(root),
            ["lock", "network.json", "notes.txt"],
            "step {step}"
        );
        assert_ne!(identity(&after).2, before.2, "step {step}");
        drop(after);
        assert!(Layout::open(&config(root)).is_ok());
    }
}

#[test]
fn an_ephemeral_network_leaves_nothing() {
    let mut config = config(Path::new(""));
    config.data_dir = None;
    let mut layout = Layout::open(&config).unwrap();
    assert_eq!(layout.path(), None);
    let root = layout.consensus().parent().unwrap().to_owned();
    assert!(root.join("network.json").exists());
    let other = Layout::open(&config).unwrap();
    assert_ne!(other.consensus(), layout.consensus());

    // Whoever takes over the deletion decides when.
    let owner = layout.take_ephemeral().unwrap();
    drop(layout);
    assert!(root.exists());
    drop(owner);
    assert!(!root.exists());
    let root = other.consensus().parent().unwrap().to_owned();
    drop(other);
    assert!(!root.exists());
}
