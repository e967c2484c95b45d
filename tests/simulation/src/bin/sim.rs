//! Runs scenarios of the deterministic simulation.
struct T;
impl tracing_subscriber::fmt::time::FormatTime for T { fn format_time(&self, w: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result { write!(w, "{:8.2}", trellis_simulation::run::virtual_time().as_secs_f64()) } }
fn main() {
    tracing_subscriber::fmt().with_timer(T).with_ansi(false).with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let args: Vec<String> = std::env::args().collect();
    let seed: u64 = args[1].parse().unwrap();
    let name = &args[2];
    let s = trellis_simulation::catalog::scenario(name, seed).unwrap();
    let t = std::time::Instant::now();
    match trellis_simulation::run(&s, seed) { Ok(r) => println!("{r}\n{:?}", r), Err(e) => println!("{e}") }
    println!("{:?}", t.elapsed());
}
