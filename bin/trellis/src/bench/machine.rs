//! What the measurement ran on, and what the server's process used. Read from /proc; where there is none, the figures are
//! absent.

use core::time::Duration;
use serde::Serialize;
use std::{fs, net::IpAddr, path::Path, sync::Arc, thread};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::JoinHandle,
};

/// How often the server's memory is looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);
/// Ticks per second of the times in /proc (USER_HZ, 100 on every Linux).
const TICKS_PER_SECOND: f64 = 100.0;
const MIB: f64 = 1_048_576.0;

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: Option<String>,
    pub(crate) memory_mib: Option<u64>,
    pub(crate) os: String,
}

impl Machine {
    /// This machine.
    pub(crate) fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            cpu: field(&cpuinfo, "model name").map(str::to_owned),
            memory_mib: kib(&meminfo, "MemTotal").map(|kib| kib / 1_024),
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// What a process used while it was watched.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Usage {
    pub(crate) pid: u32,
    pub(crate) rss_before_mib: f64,
    pub(crate) rss_max_mib: f64,
    pub(crate) rss_after_mib: f64,
    pub(crate) cpu_seconds: f64,
}

/// Watches a process from [`Watch::start`] to [`Watch::stop`].
#[derive(Debug)]
pub(crate) struct Watch {
    pid: u32,
    before: u64,
    cpu_before: f64,
    max: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    sampler: JoinHandle<()>,
}

impl Watch {
    /// Begins to watch `pid`; `None` if it cannot be looked at.
    pub(crate) fn start(pid: u32) -> Option<Self> {
        let before = rss(pid)?;
        let (max, stop) = (
            Arc::new(AtomicU64::new(before)),
            Arc::new(AtomicBool::new(false)),
        );
        let sampler = {
            let (max, stop) = (Arc::clone(&max), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    max.fetch_max(rss(pid).unwrap_or(0), Ordering::Relaxed);
                    thread::sleep(SAMPLE_INTERVAL);
                }
            })
        };
        Some(Self {
            pid,
            before,
            cpu_before: cpu_seconds(pid)?,
            max,
            stop,
            sampler,
        })
    }

    /// Ends the watch; `None` if the process is gone.
    pub(crate) fn stop(self) -> Option<Usage> {
        self.stop.store(true, Ordering::Relaxed);
        self.sampler.join().ok()?;
        let after = rss(self.pid)?;
        let mib = |bytes: u64| bytes as f64 / MIB;
        Some(Usage {
            pid: self.pid,
            rss_before_mib: mib(self.before),
            rss_max_mib: mib(self.max.load(Ordering::Relaxed).max(after)),
            rss_after_mib: mib(after),
            cpu_seconds: cpu_seconds(self.pid)? - self.cpu_before,
        })
    }
}

/// The process on this machine that listens on the port of `url`, if the URL is local.
pub(crate) fn listener(url: &str) -> Option<u32> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let local = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !local {
        return None;
    }
    let port = url.port_or_known_default()?;
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inodes: Vec<String> = tables
        .iter()
        .flat_map(|path| listening(&fs::read_to_string(path).unwrap_or_default(), port))
        .collect();
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| pid_of(&entry.ok()?.path()))
        .collect();
    pids.sort_unstable();
    pids.into_iter().find(|pid| holds_socket(*pid, &inodes))
}

fn pid_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.parse().ok()
}

fn holds_socket(pid: u32, inodes: &[String]) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.into_iter().any(|link| {
        let target = link.to_string_lossy();
        inodes
            .iter()
            .any(|inode| target == format!("socket:[{inode}]").as_str())
    })
}

/// Inodes of the sockets that listen on `port`, from the text of /proc/net/tcp.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let matches = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTEN;
        matches
            .then(|| fields.get(9).map(|inode| (*inode).to_owned()))
            .flatten()
    };
    table.lines().filter_map(listens).collect()
}

/// Resident memory of `pid`, in bytes.
fn rss(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    kib(&status, "VmRSS").map(|kib| kib * 1_024)
}

/// Processor time `pid` has used, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    cpu_ticks(&stat).map(|ticks| ticks as f64 / TICKS_PER_SECOND)
}

/// User and system time of a /proc stat line. The name before them may hold spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn kib(text: &str, name: &str) -> Option<u64> {
    field(text, name)?
        .trim_end_matches("kB")
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn proc_texts_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n \
                     0: 0100007F:2161 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 12345 1 0\n \
                     1: 0100007F:2161 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000 0 99999 1 0\n";
        assert_eq!(listening(table, 8545), ["12345"]);
        assert!(listening(table, 8546).is_empty());
        let stat = "7 (a) (b) R 1 1 1 0 -1 4194304 5 0 0 0 250 50 0 0 20 0 9 0 1 1 1";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(kib("Name:\tx\nVmRSS:\t  2048 kB\n", "VmRSS"), Some(2_048));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_that_listens_on_a_port_is_found() {
        let listener_socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener_socket.local_addr().unwrap().port();
        assert_eq!(
            listener(&format!("http://127.0.0.1:{port}/hub")),
            Some(std::process::id())
        );
        assert_eq!(listener("http://192.0.2.1:80"), None, "another machine");
        let watch = Watch::start(std::process::id()).unwrap();
        let usage = watch.stop().unwrap();
        assert!(usage.rss_max_mib > 0.0 && usage.rss_max_mib >= usage.rss_after_mib);
    }
}
