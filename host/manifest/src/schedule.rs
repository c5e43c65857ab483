//! The `cron` of a cron step.

use std::time::SystemTime;

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

/// A parsed schedule in its time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// Why a text is not a schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The expression.
    #[error(
        "`{expression}` is not a cron expression of 5 fields, or 6 with leading seconds: {cause}"
    )]
    Expression {
        /// What was given.
        expression: String,
        /// Why it is none.
        cause: String,
    },
    /// The time zone.
    #[error("`{0}` is not a time zone; expected an IANA name such as `Europe/Berlin`")]
    TimeZone(String),
}

impl ScheduleError {
    /// The config's field that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Expression { .. } => "cron",
            Self::TimeZone(_) => "timezone",
        }
    }
}

impl Schedule {
    /// Parses an expression; without a time zone it means the host's own.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub fn parse(expression: &str, timezone: Option<&str>) -> Result<Self, ScheduleError> {
        let cron = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build()
            .parse(expression)
            .map_err(|error| ScheduleError::Expression {
                expression: expression.to_owned(),
                cause: error.to_string(),
            })?;
        let zone = match timezone {
            None => TimeZone::system(),
            Some(name) => {
                TimeZone::get(name).map_err(|_| ScheduleError::TimeZone(name.to_owned()))?
            }
        };
        Ok(Self { cron, zone })
    }

    /// The first tick after `time`; none if there is none in the calendar.
    pub fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        let time = Timestamp::try_from(time).ok()?.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&time, false).ok()?;
        Some(SystemTime::from(next.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn seconds_are_optional_and_zones_count() {
        let start = UNIX_EPOCH + Duration::from_secs(1_000_000_000 - 1_000_000_000 % 86_400);
        let next = |expression, zone| {
            let tick = Schedule::parse(expression, Some(zone)).unwrap().next_after(start).unwrap();
            tick.duration_since(start).unwrap().as_secs()
        };
        assert_eq!(next("*/5 * * * *", "UTC"), 300);
        assert_eq!(next("*/5 * * * * *", "UTC"), 5);
        assert_eq!(next("0 9 * * *", "UTC"), 9 * 3600);
        assert_eq!(next("0 9 * * *", "Asia/Tokyo"), 24 * 3600);
    }

    #[test]
    fn a_wrong_schedule_names_its_part() {
        assert_eq!(Schedule::parse("every day", None).unwrap_err().field(), "cron");
        assert_eq!(Schedule::parse("* * * * *", Some("Mars")).unwrap_err().field(), "timezone");
    }
}
