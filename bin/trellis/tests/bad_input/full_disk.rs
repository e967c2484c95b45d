//! A disk that runs full under a running network.

use super::{
    PLACES,
    support::{
        load::Load,
        network::Network,
        node::{Node, STOP, Scratch, Setup},
    },
};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A file system in memory, unmounted with the test.
struct Disk(PathBuf);

impl Disk {
    /// Mounts `mib` MiB at `path`; `None` where the system does not let this process mount.
    fn mount(path: &Path, mib: u32) -> Option<Self> {
        fs::create_dir(path).expect("the directory is created");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]);
        let status = command.arg(path).stderr(Stdio::null()).status();
        let mounted = status.is_ok_and(|status| status.success());
        mounted.then(|| Self(path.to_owned()))
    }

    /// Takes all the room there is, up to `spare` bytes.
    fn fill(&self, spare: usize) {
        let kept = self.0.join("spare");
        fs::write(&kept, vec![1; spare]).expect("there is room to spare");
        let mut ballast = File::create(self.0.join("ballast")).expect("the ballast is created");
        let block = vec![1; 64 << 10];
        while ballast.write_all(&block).is_ok() {}
        fs::remove_file(kept).expect("the room is given back");
    }

    fn free(&self) {
        fs::remove_file(self.0.join("ballast")).expect("the ballast is dropped");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: after a failure somebody may still hold a file open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The node must end by itself, and its last words must name the cause and the remedy.
fn assert_ends_clearly(node: &mut Node) {
    let code = node.wait_exit(STOP * 2);
    let text = node.stderr();
    assert_eq!(code, Some(1), "{text}");
    let at = text.rfind("error: ").unwrap_or_default();
    for word in ["disk full", "free some space"] {
        assert!(
            text[at..].contains(word),
            "`{word}` is not in the end of:\n{text}"
        );
    }
    println!("{}", &text[at..]);
}

/// Which part meets the end of the disk first depends on how much room there is, so several amounts are tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_node_and_costs_nothing_final() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let Some(disk) = Disk::mount(&scratch.path().join("disk"), 64) else {
        println!("skipped: full disk (cannot mount tmpfs)");
        return;
    };
    let mut setup = Setup::new(&scratch, 1, &["hub", "pay"]);
    setup.data = disk.0.join("data");
    let mut network = Network::new(setup);
    for spare in [0, 300 << 10, 2 << 20] {
        let mut node = network.live().await;
        disk.fill(spare);
        let load = Load::start(&network.setup, &network.memory);
        assert_ends_clearly(&mut node);
        load.stop().await;
        network.assert_consistent();
        disk.free();
    }
    // Full from the start.
    disk.fill(0);
    assert_ends_clearly(&mut network.setup.spawn());
    disk.free();
    network.live_and_stop().await;
}
