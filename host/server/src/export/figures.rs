//! The figures of a host, for collectors and for Prometheus.

use std::fmt::Write;

use motia_engine::Engine;
use motia_store::StoreResult;

use super::otlp::Metric;

/// All figures as they are now.
///
/// # Errors
/// When the store fails.
pub async fn metrics(engine: &Engine) -> StoreResult<Vec<Metric>> {
    let figures = engine.all_figures().await?;
    let step = |name: &str| ("step", name.to_owned());
    let mut runs = Vec::new();
    let mut running = Vec::new();
    let mut queued = Vec::new();
    let mut durations = Vec::new();
    for (name, figures) in &figures.steps {
        let ended = [
            ("succeeded", figures.succeeded),
            ("failed", figures.failed),
            ("cancelled", figures.cancelled),
        ];
        for (status, count) in ended {
            runs.push((vec![step(name.as_str()), ("status", status.to_owned())], count as f64));
        }
        running.push((vec![step(name.as_str())], figures.running as f64));
        for (quantile, ms) in [("0.5", figures.p50_ms), ("0.99", figures.p99_ms)] {
            if let Some(ms) = ms {
                let attributes = vec![step(name.as_str()), ("quantile", quantile.to_owned())];
                durations.push((attributes, ms / 1_000.0));
            }
        }
        let Some(queue) = &figures.queue else { continue };
        let states = [
            ("ready", queue.ready),
            ("delayed", queue.delayed),
            ("parked", queue.parked),
            ("leased", queue.leased),
            ("dead", queue.dead),
        ];
        for (state, count) in states {
            queued.push((vec![step(name.as_str()), ("state", state.to_owned())], count as f64));
        }
    }
    let one = |number: f64| vec![(Vec::new(), number)];
    let process = &figures.process;
    Ok(vec![
        metric("motia.runs", "{run}", "Runs that have ended", true, runs),
        metric("motia.running", "{run}", "Runs that have not ended", false, running),
        metric("motia.run.duration", "s", "How long the last 256 runs took", false, durations),
        metric(
            "motia.deliveries",
            "{delivery}",
            "Deliveries in the queue, and dead letters",
            false,
            queued,
        ),
        metric(
            "motia.live.connections",
            "{connection}",
            "Clients that follow streams",
            false,
            one(process.live_connections as f64),
        ),
        metric(
            "motia.live.subscriptions",
            "{subscription}",
            "Groups and items that they follow",
            false,
            one(process.live_subscriptions as f64),
        ),
        metric(
            "motia.store.commits",
            "{commit}",
            "Transactions",
            true,
            one(figures.store.commits as f64),
        ),
        metric(
            "motia.store.syncs",
            "{sync}",
            "Times that the disk was waited for",
            true,
            one(figures.store.syncs as f64),
        ),
        metric(
            "process.memory.usage",
            "By",
            "Resident memory",
            false,
            one(process.rss_bytes as f64),
        ),
        metric("process.cpu.time", "s", "CPU time", true, one(process.cpu_seconds)),
        metric(
            "process.uptime",
            "s",
            "Time since the start",
            false,
            one(process.uptime_ms as f64 / 1_000.0),
        ),
    ])
}

fn metric(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    grows: bool,
    points: Vec<(Vec<(&'static str, String)>, f64)>,
) -> Metric {
    Metric { name, unit, description, grows, points }
}

/// The figures as Prometheus reads them (text format 0.0.4).
///
/// # Errors
/// When the store fails.
pub async fn prometheus(engine: &Engine) -> StoreResult<String> {
    Ok(text(&metrics(engine).await?))
}

fn text(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let (name, kind) =
            (prometheus_name(metric), if metric.grows { "counter" } else { "gauge" });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.description);
        for (attributes, number) in &metric.points {
            let labels: Vec<String> = attributes
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let labels =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{labels} {number}");
        }
    }
    text
}

/// `motia.run.duration` in seconds is `motia_run_duration_seconds`; what only grows ends in `_total`.
fn prometheus_name(metric: &Metric) -> String {
    let unit = match metric.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    let total = if metric.grows { "_total" } else { "" };
    format!("{}{unit}{total}", metric.name.replace('.', "_"))
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_reads_names_labels_and_numbers() {
        let points =
            vec![(vec![("step", "A \"b\"\\".to_owned()), ("status", "failed".to_owned())], 3.0)];
        let runs = metric("motia.runs", "{run}", "Runs that have ended", true, points);
        let memory =
            metric("process.memory.usage", "By", "Resident memory", false, vec![(Vec::new(), 1.5)]);
        assert_eq!(
            text(&[runs, memory]),
            "# HELP motia_runs_total Runs that have ended\n# TYPE motia_runs_total counter\n\
             motia_runs_total{step=\"A \\\"b\\\"\\\\\",status=\"failed\"} 3\n\
             # HELP process_memory_usage_bytes Resident memory\n# TYPE process_memory_usage_bytes gauge\n\
             process_memory_usage_bytes 1.5\n"
        );
    }
}
