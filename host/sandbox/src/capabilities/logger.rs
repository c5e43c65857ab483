//! The interface `logger`.

use super::{LogLevel, LogRecord, check_json};
use crate::{bindings::motia::step::logger, host::Host};

impl logger::Host for Host {
    async fn log(
        &mut self,
        level: logger::Level,
        message: String,
        args: Option<String>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            logger::Level::Debug => LogLevel::Debug,
            logger::Level::Info => LogLevel::Info,
            logger::Level::Warn => LogLevel::Warn,
            logger::Level::Error => LogLevel::Error,
        };
        if let Some(record) = self.usage.count_log(&self.limits, LogRecord { level, message, args })
        {
            self.capabilities.log(record);
        }
        Ok(())
    }
}

/// Cuts a record down to the limit, so that what is logged is always bounded and always JSON.
pub fn bounded(mut record: LogRecord, limit: usize) -> LogRecord {
    if record.message.len() > limit {
        let end = record.message.floor_char_boundary(limit);
        record.message.truncate(end);
        record.message.push_str("… (cut at the limit `log_record_bytes`)");
    }
    if let Some(args) = &record.args {
        let left = limit.saturating_sub(record.message.len());
        if check_json(args, left, ("args", "log_record_bytes")).is_err() {
            let cut = args.floor_char_boundary(left.min(args.len()));
            record.args = Some(serde_json::json!({ "cut": &args[..cut] }).to_string());
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_giant_record_is_cut_and_stays_json() {
        let record = LogRecord {
            level: LogLevel::Info,
            message: "é".repeat(100),
            args: Some(format!("{{\"a\":\"{}\"}}", "x".repeat(100))),
        };
        let record = bounded(record, 51);
        assert!(record.message.starts_with("ééé"));
        let args: serde_json::Value = serde_json::from_str(&record.args.unwrap()).unwrap();
        assert!(args.get("cut").is_some());
    }
}
