//! Which dead letters a command means.

use clap::Args;
use serde_json::{Map, Value, json};

/// At least one of these; with several, letters that fit all.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct LetterArguments {
    /// A dead letter; may be repeated.
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Those of a step.
    #[arg(long)]
    step: Option<String>,
    /// Those of a topic.
    #[arg(long)]
    topic: Option<String>,
    /// Those whose last error has this code.
    #[arg(long)]
    code: Option<String>,
    /// Those of a trace.
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// Those that died then or later: an ISO 8601 time, or milliseconds since 1970.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Those that died before.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// All there are.
    #[arg(long)]
    all: bool,
}

impl LetterArguments {
    /// The fields of the request's body.
    pub fn fields(&self) -> Map<String, Value> {
        let ids = (!self.ids.is_empty()).then_some(&self.ids);
        let fields = [
            ("ids", json!(ids)),
            ("step", json!(self.step)),
            ("topic", json!(self.topic)),
            ("code", json!(self.code)),
            ("traceId", json!(self.trace)),
            ("since", json!(self.since)),
            ("until", json!(self.until)),
            ("all", json!(self.all)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
