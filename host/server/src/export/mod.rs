//! Sends runs, logs and figures to an OpenTelemetry collector, and shows the figures to Prometheus.
//!
//! Nothing waits for a collector: what it does not take in time is dropped, and said to be.

mod figures;
mod otlp;
mod sender;

use std::{collections::HashMap, time::Duration};

pub use figures::prometheus;
pub use sender::{Exporter, start};

/// Where telemetry is sent: what the variables `OTEL_*` say (OpenTelemetry specification, "OTLP Exporter Configuration").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// Where traces, logs and metrics go; none of them that is turned off.
    pub traces: Option<String>,
    /// Where logs go.
    pub logs: Option<String>,
    /// Where metrics go.
    pub metrics: Option<String>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// The name of this service.
    pub service: String,
    /// How often metrics are sent; 60 s.
    pub metric_interval: Duration,
}

/// A variable that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {message}")]
pub struct ExportError {
    variable: String,
    message: String,
}

impl ExportOptions {
    /// What these variables say; none if they name no collector.
    ///
    /// # Errors
    /// Names the variable and what it should be.
    pub fn from_variables(
        variables: &HashMap<String, String>,
        service: &str,
    ) -> Result<Option<Self>, ExportError> {
        let variable = |name: &str| {
            variables.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
        };
        let off =
            variable("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        if off {
            return Ok(None);
        }
        for name in ["OTEL_EXPORTER_OTLP_PROTOCOL"] {
            if let Some(protocol) = variable(name).filter(|text| !text.starts_with("http/")) {
                return Err(wrong(
                    name,
                    format!(
                        "is `{protocol}`; expected http/json (or http/protobuf, for which JSON is sent as well), on port 4318 of most collectors"
                    ),
                ));
            }
        }
        let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
        let endpoint = |signal: &str, path: &str| -> Result<Option<String>, ExportError> {
            let exporter = format!("OTEL_{signal}_EXPORTER");
            match variable(&exporter) {
                Some("none") => return Ok(None),
                None | Some("otlp") => {}
                Some(other) => {
                    return Err(wrong(&exporter, format!("is `{other}`; expected otlp or none")));
                }
            }
            let own = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
            match (variable(&own), base) {
                (Some(url), _) => checked(&own, url).map(|()| Some(url.to_owned())),
                (None, Some(base)) => checked("OTEL_EXPORTER_OTLP_ENDPOINT", base)
                    .map(|()| Some(format!("{}/{path}", base.trim_end_matches('/')))),
                (None, None) => Ok(None),
            }
        };
        let options = Self {
            traces: endpoint("TRACES", "v1/traces")?,
            logs: endpoint("LOGS", "v1/logs")?,
            metrics: endpoint("METRICS", "v1/metrics")?,
            headers: headers(variable("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default())?,
            service: variable("OTEL_SERVICE_NAME").unwrap_or(service).to_owned(),
            metric_interval: interval(variable("OTEL_METRIC_EXPORT_INTERVAL"))?,
        };
        let any = options.traces.is_some() || options.logs.is_some() || options.metrics.is_some();
        Ok(any.then_some(options))
    }
}

fn checked(variable: &str, url: &str) -> Result<(), ExportError> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    Err(wrong(variable, format!("is `{url}`; expected a URL such as http://localhost:4318")))
}

fn wrong(variable: &str, message: String) -> ExportError {
    ExportError { variable: variable.to_owned(), message }
}

/// `name=value,name=value`, the values percent-encoded.
fn headers(text: &str) -> Result<Vec<(String, String)>, ExportError> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((name.trim().to_ascii_lowercase(), value.into_owned()))
    };
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|text| {
            // The value may be a secret, so only the form is named.
            let message = || "expected name=value pairs, separated by commas".to_owned();
            pair(text).ok_or_else(|| wrong("OTEL_EXPORTER_OTLP_HEADERS", message()))
        })
        .collect()
}

fn interval(text: Option<&str>) -> Result<Duration, ExportError> {
    let Some(text) = text else { return Ok(Duration::from_secs(60)) };
    match text.parse() {
        Ok(millis) if millis >= 100 => Ok(Duration::from_millis(millis)),
        _ => Err(wrong(
            "OTEL_METRIC_EXPORT_INTERVAL",
            format!("is `{text}`; expected milliseconds, 100 or more"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<ExportOptions>, ExportError> {
        let variables =
            variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        ExportOptions::from_variables(&variables.collect(), "shop")
    }

    #[test]
    fn nothing_is_sent_without_a_collector() {
        assert_eq!(read(&[]), Ok(None));
        let disabled = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_SDK_DISABLED", "true"),
        ];
        assert_eq!(read(&disabled), Ok(None));
    }

    #[test]
    fn each_signal_has_its_path() {
        let options = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs.example.com/in"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x, a=b"),
        ]);
        let options = options.unwrap().unwrap();
        assert_eq!(options.traces.as_deref(), Some("http://localhost:4318/v1/traces"));
        assert_eq!(options.logs.as_deref(), Some("https://logs.example.com/in"));
        assert_eq!((options.metrics, options.service.as_str()), (None, "shop"));
        let headers = [("authorization", "Bearer x"), ("a", "b")];
        assert_eq!(options.headers, headers.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let error = |name: &str, text: &str| {
            let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
            read(&[base, (name, text)]).unwrap_err().to_string()
        };
        assert!(error("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost").contains("expected a URL"));
        assert!(error("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").contains("http/json"));
        assert!(error("OTEL_TRACES_EXPORTER", "zipkin").contains("otlp or none"));
        assert!(error("OTEL_METRIC_EXPORT_INTERVAL", "soon").contains("milliseconds"));
        assert!(!error("OTEL_EXPORTER_OTLP_HEADERS", "secret").contains("secret"));
    }
}
