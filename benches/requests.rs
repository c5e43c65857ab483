//! 10,000 sequential requests to a step in each language: latency, CPU and resident memory of the host.
//!
//! `cargo bench -p motia-cli --profile dev --bench requests`. Every request gets a fresh instance. The health endpoint,
//! which runs no guest, is measured in the same run as the baseline.

mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use measure::{Client, cpu_time, resident};
use serde_json::Value;
use support::{Project, Server};

const REQUESTS: usize = 10_000;
const REPORTS: usize = 5;

fn main() {
    println!("requests, one after the other, on one connection; the host's own CPU and memory\n");
    for language in ["rust", "javascript", "python"] {
        let project = Project::example(&format!("hello/{language}"));
        let cold = project.build();
        let step = cold["steps"][1]["file"].as_str().expect("a step").to_owned();
        let comment = if language == "python" { "#" } else { "//" };
        project.write(&step, &format!("{}\n{comment} edited\n", project.read(&step)));
        let edited = project.build();
        println!("{language}: build {} ms, after an edit {} ms", slowest(&cold), slowest(&edited));

        let server = Server::serve(&project.bundle(), &project.data(), &[]);
        let mut client = Client::connect(server.address());
        let baseline = measure(&server, &mut client, "GET", "/__motia/health", "");
        baseline.print("  without a guest", &baseline);
        // The first requests touch pools and caches that stay.
        for _ in 0..500 {
            client.request("POST", "/messages", r#"{"text":"hi"}"#);
        }
        let load = measure(&server, &mut client, "POST", "/messages", r#"{"text":"hi"}"#);
        load.print("  POST /messages ", &baseline);
        println!(
            "  resident memory, MiB, every {} requests: {:?}\n",
            REQUESTS / REPORTS,
            load.memory
        );
        server.stop();
    }
}

fn slowest(report: &Value) -> u64 {
    let steps = report["steps"].as_array().expect("steps");
    steps.iter().filter_map(|step| step["ms"].as_u64()).max().unwrap_or(0)
}

struct Load {
    latencies: Vec<Duration>,
    cpu: Duration,
    memory: Vec<u64>,
}

impl Load {
    fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * percent / 100]
    }

    fn print(&self, what: &str, baseline: &Load) {
        let cpu = |load: &Load| load.cpu.as_secs_f64() * 1e3 / REQUESTS as f64;
        println!(
            "{what}: p50 {:?}, p99 {:?}, {:.3} ms of CPU a request ({:.1} times the baseline)",
            self.percentile(50),
            self.percentile(99),
            cpu(self),
            cpu(self) / cpu(baseline),
        );
    }
}

fn measure(server: &Server, client: &mut Client, method: &str, path: &str, body: &str) -> Load {
    let cpu = cpu_time(server.id());
    let mut memory = vec![resident(server.id())];
    let mut latencies = Vec::with_capacity(REQUESTS);
    for i in 1..=REQUESTS {
        let start = Instant::now();
        client.request(method, path, body);
        latencies.push(start.elapsed());
        if i % (REQUESTS / REPORTS) == 0 {
            memory.push(resident(server.id()));
        }
    }
    latencies.sort();
    Load { latencies, cpu: cpu_time(server.id()).saturating_sub(cpu), memory }
}
