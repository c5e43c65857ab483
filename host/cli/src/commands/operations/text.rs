//! What the host answered, as text for people.

use jiff::Timestamp;
use serde_json::Value;

/// A value in a cell of a table.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.lines().next().unwrap_or_default().to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A time that the host counts in milliseconds.
pub fn time(value: &Value) -> String {
    let time = value.as_i64().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

/// Code and message of an error.
pub fn error(error: &Value) -> String {
    match error["code"].as_str() {
        Some(code) => format!("{code}: {}", cell(&error["message"])),
        None => String::new(),
    }
}

/// Rows under their columns; the last column has the rest of the line.
pub fn table<const N: usize>(columns: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut lines = vec![columns.map(str::to_owned)];
    lines.extend(rows);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// All fields of one thing, a line for each that has something.
pub fn details(thing: &Value) -> String {
    let mut text = String::new();
    for (name, value) in thing.as_object().into_iter().flatten() {
        let shown = match value {
            Value::Null => continue,
            value if name.ends_with("At") && value.is_i64() => time(value),
            Value::String(text) => text.clone(),
            Value::Object(_) | Value::Array(_) => format!("{value:#}"),
            other => other.to_string(),
        };
        text.push_str(&format!("{name}: {}\n", shown.replace('\n', "\n    ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_aligned_and_has_no_spaces_at_the_end() {
        let row = |step: &str, why: &str| [step.to_owned(), "1".to_owned(), why.to_owned()];
        let rows = vec![row("Ä", "it is running"), row("Charge", "")];
        let expected = "step    ready  why\nÄ       1      it is running\nCharge  1\n";
        assert_eq!(table(["step", "ready", "why"], rows), expected);
    }

    #[test]
    fn details_leave_out_what_is_not_there() {
        let thing =
            json!({ "id": "7", "lane": null, "dueAt": 0, "data": {"a": 1}, "stack": "a\nb" });
        assert_eq!(
            details(&thing),
            "id: 7\ndueAt: 1970-01-01T00:00:00Z\ndata: {\n      \"a\": 1\n    }\nstack: a\n    b\n"
        );
        assert_eq!(error(&json!({ "code": "c", "message": "one\ntwo" })), "c: one");
        assert_eq!(cell(&json!(["1", "2"])), "1, 2");
    }
}
