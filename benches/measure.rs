//! What the benchmarks share: a process's CPU, memory and writes, a client, percentiles.

#![allow(dead_code)] // Each benchmark uses a part.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

/// User and system time of a process; Linux counts it in hundredths of a second.
pub fn cpu_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a Linux /proc");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = [fields[11], fields[12]].iter().filter_map(|f| f.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// User and system time of a process and of those that it has started and that still run.
pub fn cpu_time_of_tree(process: u32) -> Duration {
    let children = |process: u32| -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
        tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
            .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|id| id.parse().ok())
            .collect()
    };
    let mut sum = Duration::ZERO;
    let mut processes = vec![process];
    while let Some(process) = processes.pop() {
        processes.extend(children(process));
        sum += cpu_time(process);
    }
    sum
}

/// The resident memory of a process in MiB.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a Linux /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// The bytes that a process has sent towards disks.
pub fn written(process: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{process}/io")).expect("a Linux /proc");
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).expect("a count");
    line.trim().parse().expect("a number")
}

/// The open files of a process.
pub fn open_files(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).expect("a Linux /proc").count()
}

/// How often a second the disk of a directory syncs a small write, and the median time that it takes.
pub fn sync_rate(directory: &Path) -> (f64, Duration) {
    let path = directory.join("sync-rate");
    let mut file = File::create(&path).expect("a file");
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < Duration::from_secs(2) {
        let one = Instant::now();
        file.write_all(&[7; 8192]).expect("a write");
        file.sync_data().expect("a sync");
        times.push(one.elapsed());
    }
    let rate = times.len() as f64 / started.elapsed().as_secs_f64();
    // Only the benchmark's own scratch file.
    let _ = fs::remove_file(path);
    (rate, percentile(&mut times, 50.0))
}

/// A percentile of times, which are sorted for it.
pub fn percentile(times: &mut [Duration], percent: f64) -> Duration {
    times.sort_unstable();
    let last = times.len().checked_sub(1).expect("a time");
    times[(last as f64 * percent / 100.0).round() as usize]
}

/// A connection that is kept.
pub struct Client {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Self { address: address.to_owned(), stream: BufReader::new(stream) }
    }

    /// Sends a request, which must be answered with 200 or 201.
    pub fn request(&mut self, method: &str, path: &str, body: &str) {
        let answered = self.try_request(method, path, body).expect("an answer");
        assert!(answered == 200 || answered == 201, "{method} {path}: {answered}");
    }

    /// Sends a request and returns the answer's status.
    pub fn try_request(&mut self, method: &str, path: &str, body: &str) -> io::Result<u16> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = 0;
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut content = vec![0; length];
        self.stream.read_exact(&mut content)?;
        Ok(status)
    }
}
