//! A node as a process: its directory, its ports, its output, its end.

use super::rpc::Rpc;
use serde_json::Value;
use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// How often a condition is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(10);
/// Longest any start may take; only a defect, or a machine that does nothing else, takes so long.
pub(crate) const START: Duration = Duration::from_secs(60);
/// Longest an orderly stop may take.
pub(crate) const STOP: Duration = Duration::from_secs(30);

/// A temporary directory, kept for inspection if the test fails.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.disable_cleanup(true);
            eprintln!("kept {}", self.0.path().display());
        }
    }
}

/// The binary, without settings from the environment of the test.
pub(crate) fn trellis(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trellis"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TRELLIS_") {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// The first of `count` neighbouring ports that are free. They are outside the range from which the system takes ports
/// of outgoing connections, so that they stay free while a node is down.
pub(crate) fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 600).expect("below 600") * 20;
    for _ in 0..500 {
        let first = 12_000 + (offset + NEXT.fetch_add(count, Ordering::Relaxed)) % 18_000;
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + count).all(free) {
            return first;
        }
    }
    panic!("no {count} neighbouring ports are free");
}

/// How a network is started, the same at every start.
#[derive(Clone)]
pub(crate) struct Setup {
    /// Data directory.
    pub(crate) data: PathBuf,
    /// Where the process writes its output; never inside the data directory.
    pub(crate) logs: PathBuf,
    pub(crate) port: u16,
    pub(crate) validators: u16,
    pub(crate) modules: Vec<&'static str>,
    /// Further arguments.
    pub(crate) extra: Vec<String>,
}

impl Setup {
    /// A network in `scratch` with `validators` on free ports.
    pub(crate) fn new(scratch: &Scratch, validators: u16, modules: &[&'static str]) -> Self {
        Self {
            data: scratch.path().join("data"),
            logs: scratch.path().to_owned(),
            port: free_ports(validators),
            validators,
            modules: modules.to_vec(),
            extra: Vec::new(),
        }
    }

    /// The command that starts it.
    pub(crate) fn command(&self) -> Command {
        let mut command = trellis(&["dev", "--json", "--log", "warn"]);
        command.arg("--data-dir").arg(&self.data);
        command.args(["--port", &self.port.to_string()]);
        command.args(["--validators", &self.validators.to_string()]);
        command.args(["--modules", &self.modules.join(",")]);
        command.args(&self.extra);
        command
    }

    /// A client of `module` at validator `validator`.
    pub(crate) fn rpc(&self, validator: u16, module: &str) -> Rpc {
        Rpc::new(&format!("127.0.0.1:{}/{module}", self.port + validator))
    }

    /// Starts the process and returns at once.
    pub(crate) fn spawn(&self) -> Node {
        let (out, err) = (self.logs.join("stdout"), self.logs.join("stderr"));
        let create = |path: &Path| File::create(path).expect("the output file is created");
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(create(&out))
            .stderr(create(&err))
            .spawn()
            .expect("the binary runs");
        Node {
            child,
            out,
            err,
            started: Instant::now(),
        }
    }

    /// Starts the process and waits until it is ready.
    pub(crate) fn start(&self) -> (Node, Start) {
        let mut node = self.spawn();
        let start = node.wait_ready();
        (node, start)
    }
}

/// What a network says about itself when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Name, chain id and genesis hash of each module.
    pub(crate) modules: Vec<(String, u64, String)>,
}

/// A running process, killed with the test.
pub(crate) struct Node {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    started: Instant,
}

impl Node {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Time since the process was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// Waits for the `ready` line, the last of the start.
    pub(crate) fn wait_ready(&mut self) -> Start {
        loop {
            // Exit first: what it wrote before is complete then.
            let ended = self
                .child
                .try_wait()
                .expect("the process can be waited for");
            if let Some(start) = parse_start(&self.stdout()) {
                return start;
            }
            if let Some(status) = ended {
                panic!(
                    "the node ended before it was ready, {status}:\n{}",
                    self.stderr()
                );
            }
            let waited = self.age();
            assert!(
                waited < START,
                "not ready after {waited:?}:\n{}",
                self.stderr()
            );
            std::thread::sleep(POLL);
        }
    }

    /// Kills the process as a crash does: nothing in it runs any more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is killed");
        let status = self.child.wait().expect("the process ends");
        assert_eq!(
            status.signal(),
            Some(9),
            "it had ended by itself, {status}:\n{}",
            self.stderr()
        );
    }

    /// Asks the process to stop and returns its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(sent.success(), "no process {pid}");
        self.wait_exit(STOP)
    }

    /// The exit code; the process must end within `patience`.
    pub(crate) fn wait_exit(&mut self, patience: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self
                .child
                .try_wait()
                .expect("the process can be waited for")
            {
                return status.code();
            }
            let waited = start.elapsed();
            assert!(
                waited < patience,
                "it still runs after {waited:?}:\n{}",
                self.stderr()
            );
            std::thread::sleep(POLL);
        }
    }

    /// No panic was reported.
    pub(crate) fn assert_calm(&self) {
        let text = self.stderr();
        assert!(!text.contains("panicked at"), "the node panicked:\n{text}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("stderr of the node:\n{}", self.stderr());
        }
    }
}

fn parse_start(stdout: &str) -> Option<Start> {
    let lines: Vec<Value> = stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let event = |name: &str| lines.iter().find(|line| line["event"] == name);
    event("ready")?;
    let module = |module: &Value| {
        let text = |key: &str| module[key].as_str().map(str::to_owned);
        Some((
            text("name")?,
            module["chain_id"].as_u64()?,
            text("genesis_hash")?,
        ))
    };
    let modules = event("start")?["modules"]
        .as_array()?
        .iter()
        .map(module)
        .collect::<Option<_>>()?;
    Some(Start { modules })
}
