//! The binary as a user meets it: help, mistakes, configuration, and a network that starts and stops.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// The binary, without settings from the environment of the test.
fn trellis(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trellis"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TRELLIS_") {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    trellis(args).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is text")
}

#[test]
fn help_names_every_command_and_every_option() {
    let help = stdout(&run(&["--help"]));
    for word in [
        "dev",
        "bench",
        "config",
        "completions",
        "Examples:",
        "--version",
    ] {
        assert!(help.contains(word), "`{word}` is not in\n{help}");
    }
    let dev = stdout(&run(&["dev", "--help"]));
    for option in [
        "modules",
        "validators",
        "block-time",
        "gas-limit",
        "network-id",
        "host",
        "port",
        "data-dir",
        "ephemeral",
        "reset",
        "history",
        "config",
        "json",
        "log",
    ] {
        assert!(
            dev.contains(&format!("--{option}")),
            "--{option} is not in\n{dev}"
        );
    }
    for heading in [
        "Network:",
        "Server:",
        "Storage:",
        "Configuration and output:",
        "Examples:",
    ] {
        assert!(dev.contains(heading), "`{heading}` is not in\n{dev}");
    }
    let load = stdout(&run(&["bench", "load", "--help"]));
    for option in [
        "url",
        "modules",
        "baseline",
        "pid",
        "transactions",
        "warmup",
        "rate",
        "batch",
        "connections",
        "light",
        "pause",
        "timeout",
        "accounts",
        "recipients",
        "mnemonic",
        "max-fee",
        "json",
    ] {
        assert!(
            load.contains(&format!("--{option}")),
            "--{option} is not in\n{load}"
        );
    }
}

#[test]
fn version_is_the_package_version() {
    let version = stdout(&run(&["--version"]));
    assert!(
        version.starts_with(concat!("trellis ", env!("CARGO_PKG_VERSION"))),
        "{version}"
    );
}

#[test]
fn mistakes_name_what_was_probably_meant_and_exit_with_2() {
    for (args, meant) in [
        (&["dve"][..], "'dev'"),
        (&["dev", "--prot", "1"], "'--port'"),
        (&["dev", "--epehmeral"], "'--ephemeral'"),
        (&["bench", "laod"], "'load'"),
        (&["bench", "load", "--transaction", "5"], "'--transactions'"),
        (&["config", "chekc"], "'check'"),
        (&["--port", "1"], "'dev --port' exists"),
        (&["dev", "--light"], "'bench load --light' exists"),
    ] {
        let output = run(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(
            text.starts_with("error: ") && text.contains(meant),
            "{args:?} does not lead to {meant}:\n{text}"
        );
    }
}

#[test]
fn wrong_values_are_told_with_their_rule() {
    for (args, rule) in [
        (&["dev", "--port", "70000"][..], "70000 is not a TCP port"),
        (&["dev", "--validators", "0"], "outside 1 to"),
        (&["dev", "--block-time", "1h"], "write 100ms, 1s"),
        (&["dev", "--modules", "hub,hub"], "named twice"),
        (&["dev", "--modules", "Hub"], "must be 1 to 24 characters"),
        (&["dev", "--gas-limit", "1"], "outside 20000000"),
        (
            &["dev", "--ephemeral", "--data-dir", "x"],
            "--ephemeral keeps nothing on disk",
        ),
        (
            &["bench", "load", "--url", "ws://127.0.0.1"],
            "write an http:// or https:// URL",
        ),
    ] {
        let output = run(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(
            text.contains(rule),
            "{args:?} does not say `{rule}`:\n{text}"
        );
    }
}

#[test]
fn a_configuration_file_is_checked_with_line_and_nearest_key() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("trellis.toml");
    let path = path.to_str().expect("the path is text");

    std::fs::write(path, "port = 9000\n\nvalidatos = 4\n").expect("the file is written");
    for args in [
        &["config", "check", path][..],
        &["config", "show", "--config", path],
        &["dev", "--config", path],
    ] {
        let output = run(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("line 3: unknown key `validatos`"), "{text}");
        assert!(text.contains("hint: did you mean `validators`?"), "{text}");
    }
    std::fs::write(path, "port = 9000\n").expect("the file is written");
    assert!(run(&["config", "check", path]).status.success());
    let missing = run(&["config", "check", "/nonexistent/trellis.toml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        stderr(&missing).contains("cannot read configuration file"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn an_option_beats_the_environment_and_the_environment_beats_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("trellis.toml");
    std::fs::write(&path, "port = 1001\nhistory = 1002\nblock-time = \"1s\"\n")
        .expect("the file is written");
    let output = trellis(&["config", "show", "--port", "3001"])
        .env("TRELLIS_CONFIG", &path)
        .env("TRELLIS_PORT", "2001")
        .env("TRELLIS_HISTORY", "2002")
        .env("TRELLIS_EPHEMERAL", "1")
        .output()
        .expect("the binary runs");
    let shown = stdout(&output);
    let line = |key: &str| {
        let found = shown
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        found
            .unwrap_or_else(|| panic!("{key} is not in\n{shown}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("port"), "port = 3001 # option");
    assert_eq!(line("history"), "history = 2002 # environment");
    assert_eq!(line("ephemeral"), "ephemeral = true # environment");
    assert_eq!(line("block-time"), "block-time = \"1000ms\" # file");
    assert_eq!(line("validators"), "validators = 1 # default");
}

#[test]
fn completions_are_a_script_for_the_shell() {
    for (shell, word) in [
        ("bash", "complete"),
        ("zsh", "#compdef trellis"),
        ("fish", "complete -c trellis"),
    ] {
        let script = stdout(&run(&["completions", shell]));
        assert!(
            script.contains(word) && script.contains("ephemeral"),
            "{shell}:\n{script}"
        );
    }
}

#[test]
fn an_unreachable_network_is_an_error_with_a_hint() {
    let output = run(&["bench", "load", "--url", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains("error: cannot talk to http://127.0.0.1:1"),
        "{text}"
    );
    assert!(
        text.contains("hint: start a network with `trellis dev`"),
        "{text}"
    );
}

#[test]
fn a_port_in_use_is_an_error_with_a_hint() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken
        .local_addr()
        .expect("the address is known")
        .port()
        .to_string();
    let output = run(&["dev", "--ephemeral", "--port", &port]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("error: ") && text.contains(&port) && text.contains("in use"),
        "{text}"
    );
    assert!(text.contains("hint: ") && text.contains("--port"), "{text}");
}

/// A running network, ended with the test.
struct Network {
    child: Child,
    lines: Vec<String>,
}

impl Network {
    /// Starts one on a free port and reads its output up to the line `last`.
    fn start(args: &[&str], last: &str) -> Self {
        let mut command = trellis(&["dev", "--ephemeral", "--port", "0"]);
        let mut child = command
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let output = child.stdout.as_mut().expect("stdout is piped");
        let mut lines = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line.expect("stdout is text");
            lines.push(line.clone());
            if line == last {
                return Self { child, lines };
            }
        }
        let status = child.wait().expect("the process ends");
        panic!(
            "`{last}` was never printed, {status}; output:\n{}",
            lines.join("\n")
        );
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .expect("kill runs")
                .success()
        );
    }

    /// The exit code, within `patience`.
    fn wait(&mut self, patience: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self
                .child
                .try_wait()
                .expect("the process can be waited for")
            {
                return status.code();
            }
            assert!(
                start.elapsed() < patience,
                "the process did not end within {patience:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn dev_prints_ready_last_and_stops_in_order_on_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let mut network = Network::start(&["--modules", "hub,pay"], "ready");
        let text = network.lines.join("\n");
        assert!(text.starts_with("trellis "), "{text}");
        assert!(text.contains("PUBLIC TEST KEYS"), "{text}");
        assert!(
            text.contains("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
            "{text}"
        );
        assert!(
            text.contains("test test test test test test test test test test test junk"),
            "{text}"
        );
        assert!(text.contains("/pay") && !text.contains("/market"), "{text}");
        network.signal(signal);
        assert_eq!(network.wait(Duration::from_secs(20)), Some(0), "{signal}");
    }
}

#[test]
fn dev_speaks_json_lines() {
    let mut network = Network::start(&["--json", "--modules", "hub"], r#"{"event":"ready"}"#);
    let start: serde_json::Value =
        serde_json::from_str(&network.lines[0]).expect("the first line is JSON");
    assert_eq!(start["event"], "start");
    assert_eq!(start["modules"][0]["name"], "hub");
    assert_eq!(start["accounts"].as_array().map(Vec::len), Some(10));
    network.signal("-TERM");
    assert_eq!(network.wait(Duration::from_secs(20)), Some(0));
}
