//! Points in time, as clients write them.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use motia_store::Millis;
use serde_json::Value;

/// What a client that wrote something else is told.
pub const EXPECTED: &str =
    "an ISO 8601 time such as `2030-01-31T08:00:00Z` or milliseconds since 1970";

/// The end of the year 9999: what is later is a mistake.
pub const LATEST: Millis = 253_402_300_799_999;

/// The time, in milliseconds.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(LATEST)
}

/// A time as text: with an offset or in UTC, or as milliseconds.
pub fn of_text(text: &str) -> Option<Millis> {
    let millis = text.parse::<Millis>().ok().or_else(|| {
        let instant = text.parse::<Timestamp>().ok().or_else(|| {
            let civil = text.parse::<DateTime>().ok()?;
            Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
        });
        instant.map(Timestamp::as_millisecond)
    });
    millis.filter(|millis| (0..=LATEST).contains(millis))
}

/// A time in JSON: a text or a number.
pub fn of_json(value: &Value) -> Option<Millis> {
    match value {
        Value::String(text) => of_text(text),
        Value::Number(number) => {
            // JavaScript's clocks have fractions of milliseconds.
            let millis = number.as_f64()?.round() as Millis;
            (0..=LATEST).contains(&millis).then_some(millis)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_iso_8601_or_milliseconds() {
        let same = [
            "2026-11-22T21:43:35.935Z",
            "2026-11-22T22:43:35.935+01:00",
            "2026-11-22T21:43:35.935",
            "1795383815935",
        ];
        for text in same {
            assert_eq!(of_text(text), Some(1_795_383_815_935), "{text}");
            assert_eq!(of_json(&json!(text)), Some(1_795_383_815_935), "{text}");
        }
        assert_eq!(of_json(&json!(1_795_383_815_934.6)), Some(1_795_383_815_935));
        assert_eq!(of_text("1970-01-02"), Some(86_400_000));
        for text in ["", "soon", "-1", "2026-13-01", "9999999999999999"] {
            assert_eq!(of_text(text), None, "{text}");
        }
        for value in [json!(null), json!(true), json!(-1), json!(1e300), json!([1])] {
            assert_eq!(of_json(&value), None, "{value}");
        }
    }
}
