//! Peers that speak no protocol at all, on the ports for clients and on those for validators.

use super::{
    PLACES,
    support::{
        network::Network,
        node::{Node, Scratch, Setup},
    },
};
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Connections of each kind to each port.
const CONNECTIONS: usize = 8;

/// How much memory connections that send nothing of use may take, in KiB.
const MEMORY_KIB: u64 = 200 * 1024;

/// The TCP ports a process listens on, from the system's tables.
fn listening_ports(pid: u32) -> BTreeSet<u16> {
    let sockets: BTreeSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("the process runs")
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|target| {
            let socket = target.to_str()?.strip_prefix("socket:[")?;
            Some(socket.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").expect("the table is read");
    let port = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let listens = *state == "0A" && sockets.contains(*inode);
        let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        listens.then_some(port)
    };
    table.lines().skip(1).filter_map(port).collect()
}

/// Memory of a process in KiB.
fn memory_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid()));
    let status = status.expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.and_then(|number| number.parse().ok());
    number.expect("the system tells the memory")
}

/// A connection; `None` if the port has enough of them.
fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).ok()?;
    let limit = Some(Duration::from_secs(5));
    stream.set_write_timeout(limit).expect("a limit");
    Some(stream)
}

/// Bytes that mean nothing, the same at every run (xorshift).
fn junk(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| byte()).collect()
}

/// Everything that is sent at once. The other side may hang up at any time.
fn shout(port: u16) {
    let huge_length = [b"\xff\xff\xff\xff\x0f".as_slice(), &[0; 64]].concat();
    let words: [&[u8]; 7] = [
        &junk(1 << 18),
        &[0xff; 10],
        &huge_length,
        b"\x00",
        b"GET /",
        b"POST /hub HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n{",
        b"POST /hub HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n",
    ];
    for word in words {
        for _ in 0..CONNECTIONS {
            let Some(mut stream) = connect(port) else {
                continue;
            };
            let _ = stream.write_all(word);
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Connections that never finish what they begin: silent ones, and ones that send a byte now and then.
fn mutter(ports: &BTreeSet<u16>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let open = || {
        let ports = ports
            .iter()
            .flat_map(|port| std::iter::repeat_n(*port, CONNECTIONS));
        ports.filter_map(connect).collect::<Vec<_>>()
    };
    let (silent, mut slow) = (open(), open());
    assert!(slow.len() >= CONNECTIONS, "no port takes connections");
    std::thread::spawn(move || {
        let request = b"POST /hub HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n".iter();
        for byte in request.chain(std::iter::repeat(&b' ')) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            for stream in &mut slow {
                let _ = stream.write_all(&[*byte]);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(silent);
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_on_every_port_stops_nothing() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let mut network = Network::new(Setup::new(&scratch, 2, &["hub"]));
    let mut node = network.live().await;
    let ports = listening_ports(node.pid());
    // One for clients and one for the other validator, each.
    assert_eq!(ports.len(), 4, "{ports:?}");
    assert!(ports.contains(&network.setup.port));

    let before = memory_kib(&node);
    let stop = Arc::new(AtomicBool::new(false));
    let muttering = mutter(&ports, stop.clone());
    for port in &ports {
        shout(*port);
    }
    network.include_everywhere().await;
    let grown = memory_kib(&node).saturating_sub(before);
    println!("noise took {grown} KiB");
    assert!(grown < MEMORY_KIB, "noise took {grown} KiB");

    // Unfinished requests must not keep the node from stopping.
    assert_eq!(node.terminate(), Some(0), "{}", node.stderr());
    node.assert_calm();
    stop.store(true, Ordering::Relaxed);
    muttering.join().expect("the noise ends");
    network.live_and_stop().await;
}
