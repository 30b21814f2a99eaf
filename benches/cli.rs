//! Whole processes, as a person and cron meet them: start-up, `list` with twenty leases, the demo, and
//! the size of the binary. `cargo bench --bench cli`; memory is measured by Python's `resource`, since
//! std has no safe way to ask for a child's peak.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its table"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kubelease_sim::{ClockMode, Options, spawn_thread};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_kubelease");

fn command(home: &Path, sim: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("HOME", home)
        .env("KUBELEASE_HOME", home)
        .env("KUBELEASE_SIM", sim);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The median wall time of `runs` runs.
fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let began = Instant::now();
            run();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[runs / 2]
}

/// Peak resident memory in MB, when Python is there to ask.
fn peak(home: &Path, sim: &str, args: &[&str]) -> String {
    let script = "import resource,subprocess,sys\nsubprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\nprint(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut python = Command::new("python3");
    python.args(["-c", script, BINARY]).args(args);
    python.env("KUBELEASE_HOME", home).env("KUBELEASE_SIM", sim);
    let Ok(output) = python.output() else {
        return "not measured (no python3)".to_owned();
    };
    let kib: u64 = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap_or(0);
    format!("{}.{} MB", kib / 1024, kib % 1024 * 10 / 1024)
}

fn main() {
    let sim = spawn_thread(Options {
        port: 0,
        clock: ClockMode::Jump,
        start: None,
    })
    .unwrap();
    let home = TempDir::new().unwrap();
    let (home, url) = (home.path(), sim.control.as_str());
    let ok = |args: &[&str]| {
        let status = command(home, url).args(args).status().unwrap();
        assert!(status.success(), "{args:?}");
    };
    let quotas = serde_json::json!({ "quotas": { "droplets": 100 } });
    kubelease::simctl::Control::new(url)
        .send("PUT", "/accounts/digitalocean", &quotas)
        .unwrap();
    for n in 0..20 {
        let name = format!("lab{n}");
        ok(&[
            "create",
            "first-steps",
            "--provider",
            "digitalocean",
            "--name",
            &name,
            "--ttl",
            "4h",
        ]);
    }
    println!("{:<28} {:>12} {:>14}", "command", "median", "peak memory");
    for (name, runs, args) in [
        ("--version", 41, &["--version"][..]),
        ("list, 20 leases", 41, &["list"][..]),
        ("guard tick, 20 leases", 11, &["guard", "tick"][..]),
        ("demo", 5, &["demo"][..]),
    ] {
        let time = median(runs, || ok(args));
        println!(
            "{name:<28} {:>9} ms {:>14}",
            format!("{}.{}", time.as_millis(), time.as_micros() % 1000 / 100),
            peak(home, url, args)
        );
    }
    let size = std::fs::metadata(BINARY).unwrap().len();
    println!(
        "{:<28} {:>9} MB",
        "binary",
        format!("{}.{}", size / 1_000_000, size % 1_000_000 / 100_000)
    );
    sim.stop();
}
