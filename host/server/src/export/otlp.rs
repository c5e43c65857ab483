//! Runs, logs and figures in the JSON encoding of the OpenTelemetry protocol (OTLP 1.x, opentelemetry-proto).

use motia_engine::w3c_trace_id;
use motia_store::{LogEntry, LogSeverity, Run, RunStatus, Span};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

// The numbers of `SpanKind`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;

/// The number of `StatusCode` for an error.
const STATUS_ERROR: u8 = 2;

/// Who sends.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The `service.name`.
    pub service: String,
}

impl Resource {
    fn json(&self) -> Value {
        let attributes = vec![
            attribute("service.name", &json!(self.service)),
            attribute("service.version", &json!(env!("CARGO_PKG_VERSION"))),
        ];
        json!({ "attributes": attributes })
    }
}

fn scope() -> Value {
    json!({ "name": "motia", "version": env!("CARGO_PKG_VERSION") })
}

/// An `ExportTraceServiceRequest`.
pub fn traces<'a>(resource: &Resource, runs: impl IntoIterator<Item = &'a Run>) -> Value {
    let spans: Vec<Value> = runs.into_iter().flat_map(spans_of).collect();
    json!({
        "resourceSpans": [{
            "resource": resource.json(),
            "scopeSpans": [{ "scope": scope(), "spans": spans }],
        }],
    })
}

/// An `ExportLogsServiceRequest`.
pub fn logs<'a>(resource: &Resource, logs: impl IntoIterator<Item = &'a LogEntry>) -> Value {
    let records: Vec<Value> = logs.into_iter().map(log_record).collect();
    json!({
        "resourceLogs": [{
            "resource": resource.json(),
            "scopeLogs": [{ "scope": scope(), "logRecords": records }],
        }],
    })
}

/// A number that is measured now, or has grown since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit (UCUM).
    pub unit: &'static str,
    /// What it says.
    pub description: &'static str,
    /// Whether it only grows.
    pub grows: bool,
    /// The numbers, each with the attributes that tell it from the others.
    pub points: Vec<(Vec<(&'static str, String)>, f64)>,
}

/// An `ExportMetricsServiceRequest`; the times in milliseconds.
pub fn metrics(resource: &Resource, metrics: &[Metric], started_at: i64, now: i64) -> Value {
    let metrics: Vec<Value> =
        metrics.iter().map(|metric| metric_json(metric, started_at, now)).collect();
    json!({
        "resourceMetrics": [{
            "resource": resource.json(),
            "scopeMetrics": [{ "scope": scope(), "metrics": metrics }],
        }],
    })
}

fn metric_json(metric: &Metric, started_at: i64, now: i64) -> Value {
    let point = |(attributes, number): &(Vec<(&'static str, String)>, f64)| {
        let attributes: Vec<Value> =
            attributes.iter().map(|(name, text)| attribute(name, &json!(text))).collect();
        json!({
            "attributes": attributes,
            "startTimeUnixNano": nanos(started_at, 0),
            "timeUnixNano": nanos(now, 0),
            "asDouble": number,
        })
    };
    let points: Vec<Value> = metric.points.iter().map(point).collect();
    let mut json = json!({
        "name": metric.name, "unit": metric.unit, "description": metric.description,
    });
    if metric.grows {
        // 2 is `AGGREGATION_TEMPORALITY_CUMULATIVE`.
        json["sum"] =
            json!({ "dataPoints": points, "aggregationTemporality": 2, "isMonotonic": true });
    } else {
        json["gauge"] = json!({ "dataPoints": points });
    }
    json
}

/// The span of a run, and those of what it did.
fn spans_of(run: &Run) -> Vec<Value> {
    let trace_id = w3c_trace_id(&run.trace_id);
    let mut attributes = vec![
        attribute("motia.step", &json!(run.step)),
        attribute("motia.trigger", &json!(run.kind)),
        attribute("motia.tenant", &json!(run.tenant)),
        attribute("motia.trace_id", &json!(run.trace_id)),
        attribute("motia.attempt", &json!(run.attempt)),
        attribute("motia.deployment", &json!(run.deployment)),
    ];
    if let Some(status) = run.response_status {
        attributes.push(attribute("http.response.status_code", &json!(status)));
    }
    if let Some(cpu) = run.cpu_us {
        attributes.push(attribute("motia.cpu_us", &json!(cpu)));
    }
    let kind = match run.kind.as_str() {
        "api" => SERVER,
        "cron" => INTERNAL,
        _ => CONSUMER,
    };
    let error = match run.status {
        RunStatus::Succeeded => None,
        RunStatus::Failed | RunStatus::Cancelled => {
            let message = run.error.as_ref().map(|error| error.message.as_str());
            Some(message.unwrap_or(run.status.name()))
        }
    };
    if let Some(error) = &run.error {
        attributes.push(attribute("error.type", &json!(error.code)));
    }
    let mut spans = vec![json!({
        "traceId": trace_id,
        "spanId": run.id,
        "parentSpanId": run.parent.as_deref().unwrap_or_default(),
        "name": run.step,
        "kind": kind,
        "startTimeUnixNano": nanos(run.started_at, 0),
        "endTimeUnixNano": nanos(run.ended_at, 0),
        "attributes": attributes,
        "status": status(error),
    })];
    let child = |(index, span): (usize, &Span)| child_span(run, &trace_id, index, span);
    spans.extend(run.spans.iter().enumerate().map(child));
    spans
}

fn child_span(run: &Run, trace_id: &str, index: usize, span: &Span) -> Value {
    let kind = match span.name.as_ref() {
        "http" => CLIENT,
        "emit" => PRODUCER,
        _ => INTERNAL,
    };
    let end = span.start_us.saturating_add(i64::try_from(span.duration_us).unwrap_or(i64::MAX));
    json!({
        "traceId": trace_id,
        "spanId": span_id(&run.id, index),
        "parentSpanId": run.id,
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": nanos(run.started_at, span.start_us),
        "endTimeUnixNano": nanos(run.started_at, end),
        "attributes": detail_attributes(span.detail.as_deref()),
        "status": status(span.error.as_deref()),
    })
}

/// Always the same for one span, and unlike all others.
fn span_id(run: &str, index: usize) -> String {
    Sha256::digest(format!("{run}/{index}"))[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a call was about. Values of state, streams and events stay here: they are the users' data.
fn detail_attributes(detail: Option<&str>) -> Vec<Value> {
    const VALUES: [&str; 3] = ["value", "oldValue", "data"];
    let detail = detail.and_then(|detail| serde_json::from_str::<Map<String, Value>>(detail).ok());
    detail
        .into_iter()
        .flatten()
        .filter(|(name, _)| !VALUES.contains(&name.as_str()))
        .map(|(name, value)| match name.as_str() {
            "method" => attribute("http.request.method", &value),
            "url" => attribute("url.full", &value),
            "status" => attribute("http.response.status_code", &value),
            _ => attribute(&format!("motia.{name}"), &value),
        })
        .collect()
}

fn log_record(entry: &LogEntry) -> Value {
    // The numbers of `SeverityNumber`.
    let (number, text) = match entry.level {
        LogSeverity::Debug => (5, "DEBUG"),
        LogSeverity::Info => (9, "INFO"),
        LogSeverity::Warn => (13, "WARN"),
        LogSeverity::Error => (17, "ERROR"),
    };
    let mut attributes = vec![
        attribute("motia.step", &json!(entry.step)),
        attribute("motia.tenant", &json!(entry.tenant)),
    ];
    let args = entry.args.as_deref();
    let args = args.and_then(|args| serde_json::from_str::<Map<String, Value>>(args).ok());
    for (name, value) in args.into_iter().flatten() {
        attributes.push(attribute(&name, &value));
    }
    json!({
        "timeUnixNano": nanos(entry.at, 0),
        "severityNumber": number,
        "severityText": text,
        "body": { "stringValue": entry.message },
        "attributes": attributes,
        "traceId": w3c_trace_id(&entry.trace_id),
        "spanId": entry.run,
    })
}

fn status(error: Option<&str>) -> Value {
    match error {
        Some(message) => json!({ "code": STATUS_ERROR, "message": message }),
        None => json!({}),
    }
}

/// A time in milliseconds, and microseconds from there, as OTLP writes 64-bit numbers: as text.
fn nanos(millis: i64, micros: i64) -> String {
    (i128::from(millis) * 1_000_000 + i128::from(micros) * 1_000).to_string()
}

fn attribute(name: &str, value: &Value) -> Value {
    json!({ "key": name, "value": any_value(value) })
}

fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(bool) => json!({ "boolValue": bool }),
        Value::Number(number) => match number.as_i64() {
            Some(int) => json!({ "intValue": int.to_string() }),
            None => json!({ "doubleValue": number }),
        },
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(values) => {
            let values: Vec<Value> = values.iter().map(any_value).collect();
            json!({ "arrayValue": { "values": values } })
        }
        Value::Object(fields) => {
            let fields: Vec<Value> =
                fields.iter().map(|(name, value)| attribute(name, value)).collect();
            json!({ "kvlistValue": { "values": fields } })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn run() -> Run {
        Run {
            id: "0123456789abcdef".to_owned(),
            tenant: "default".into(),
            step: "Charge".into(),
            kind: "event".to_owned(),
            invocation_id: "delivery-1".to_owned(),
            trace_id: "R3CSN-2914331".into(),
            parent: Some("fedcba9876543210".to_owned()),
            delivery: Some(1),
            event_id: Some(2),
            attempt: 1,
            status: RunStatus::Succeeded,
            error: None,
            deployment: "d".to_owned(),
            input: None,
            output: None,
            response_status: None,
            cpu_us: Some(7),
            queued_at: 1_000,
            started_at: 1_002,
            ended_at: 1_004,
            replay_of: None,
            span_count: 1,
            spans: vec![Span {
                name: Cow::Borrowed("state.set"),
                start_us: 250,
                duration_us: 500,
                error: Some("denied".to_owned()),
                detail: Some(r#"{"groupId":"g","key":"k","value":{"secret":1}}"#.to_owned()),
            }],
        }
    }

    #[test]
    fn a_run_is_a_span_with_those_of_its_calls() {
        let resource = Resource { service: "shop".to_owned() };
        let exported = traces(&resource, [&run()]);
        let spans = &exported["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let (run, call) = (&spans[0], &spans[1]);
        assert_eq!((&run["spanId"], &run["kind"]), (&json!("0123456789abcdef"), &json!(CONSUMER)));
        assert_eq!(run["parentSpanId"], "fedcba9876543210");
        assert_eq!(run["startTimeUnixNano"], "1002000000");
        assert_eq!((&call["parentSpanId"], &call["traceId"]), (&run["spanId"], &run["traceId"]));
        assert_eq!(call["startTimeUnixNano"], "1002250000");
        assert_eq!(call["endTimeUnixNano"], "1002750000");
        assert_eq!(call["status"], json!({ "code": 2, "message": "denied" }));
        assert_eq!(call["spanId"].as_str().unwrap().len(), 16);
    }

    #[test]
    fn values_of_users_are_not_exported() {
        let resource = Resource { service: "shop".to_owned() };
        let text = traces(&resource, [&run()]).to_string();
        assert!(text.contains("motia.groupId") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn a_log_record_belongs_to_its_run() {
        let entry = LogEntry {
            id: "0000000000000001".to_owned(),
            tenant: "default".into(),
            at: 5,
            level: LogSeverity::Warn,
            step: "Charge".into(),
            run: "0123456789abcdef".to_owned(),
            trace_id: "R3CSN-2914331".into(),
            message: "slow".to_owned(),
            args: Some(r#"{"ms":12.5,"tags":["a"]}"#.to_owned()),
        };
        let exported = logs(&Resource { service: "shop".to_owned() }, [&entry]);
        let record = &exported["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!((&record["severityNumber"], &record["spanId"]), (&json!(13), &json!(entry.run)));
        assert_eq!(
            record["attributes"][2],
            json!({ "key": "ms", "value": { "doubleValue": 12.5 } })
        );
    }
}
