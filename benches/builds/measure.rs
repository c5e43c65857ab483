//! What work takes, and the table that tells it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What some work took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub wall: Duration,
    /// Of this process and of the programs that it ran.
    pub cpu: Duration,
}

/// Does some work.
pub fn take<T>(work: impl FnOnce() -> T) -> (Taken, T) {
    let (cpu_before, started) = (cpu(), Instant::now());
    let result = work();
    let wall = started.elapsed();
    (Taken { wall, cpu: cpu().saturating_sub(cpu_before) }, result)
}

/// Runs a program that has to succeed; returns what it printed.
pub fn run(command: &mut Command) -> (Taken, Vec<u8>) {
    let (taken, output) = take(|| command.stdin(Stdio::null()).output());
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    (taken, output.stdout)
}

/// User and system time of this process and of the children that have ended; Linux counts it in
/// hundredths of a second.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("a Linux /proc");
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
    let ticks: u64 = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// What the files in a directory take on disk; holes take nothing.
pub fn on_disk(directory: &Path) -> u64 {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let bytes = entries.map(|entry| {
        let metadata = entry.and_then(|entry| entry.metadata()).expect("the size of a file");
        metadata.blocks() * 512
    });
    bytes.sum()
}

/// The value in the middle.
pub fn median<T: Ord + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

/// Begins a table.
pub fn heading(title: &str, columns: [&str; 3]) {
    println!();
    row(title, columns.map(str::to_owned));
}

/// Begins a table of times.
pub fn heading_of_times(title: &str) {
    heading(title, ["median", "worst", "CPU"]);
}

pub fn row(what: &str, cells: [String; 3]) {
    let [first, second, third] = cells;
    println!("{what:<60}{first:>13}{second:>13}{third:>13}");
}

/// A row of times and of CPU times.
pub fn taken(what: &str, taken: &[Taken]) {
    let walls: Vec<Duration> = taken.iter().map(|taken| taken.wall).collect();
    let cpus: Vec<Duration> = taken.iter().map(|taken| taken.cpu).collect();
    row(what, [ms(median(&walls)), worst(&walls), ms(median(&cpus))]);
}

/// A row of times.
pub fn times(what: &str, times: &[Duration]) {
    row(what, [ms(median(times)), worst(times), String::new()]);
}

/// A row with one value.
pub fn value(what: &str, value: String) {
    row(what, [value, String::new(), String::new()]);
}

/// A row with a size.
pub fn size(what: &str, bytes: u64) {
    value(what, format!("{:.1} KiB", bytes as f64 / 1024.0));
}

/// The longest of several.
fn worst(times: &[Duration]) -> String {
    match times {
        [_] => String::new(),
        times => times.iter().max().map_or_else(String::new, |&longest| ms(longest)),
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
