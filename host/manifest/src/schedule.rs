//! The `cron` of a cron step.

use std::{
    iter,
    time::{Duration, SystemTime},
};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

/// A parsed schedule in its time zone.
///
/// Each tick is later than the one before, also where clocks are put forward or back. There:
/// - An expression of one time of day, such as `30 2 * * *`, ticks once a day. If clocks skip the time, it
///   ticks at the first moment after the gap, unless that is on a day that the expression leaves out. If
///   the time comes twice, the first counts.
/// - Every other expression, also one of several hours or minutes such as `30 2,14 * * *`, does what the
///   clock shows: times that are skipped have no tick, times that come twice tick twice. So
///   `*/15 * * * *` goes on evenly.
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

    /// The first `limit` ticks after `after` that are not later than `until`.
    pub fn ticks(&self, after: SystemTime, until: SystemTime, limit: usize) -> Vec<SystemTime> {
        self.between(after, until).take(limit).collect()
    }

    /// The last tick after `after` that is not later than `until`. Looks at the time just before `until`
    /// first, because there can be millions of ticks.
    pub fn last_tick(&self, after: SystemTime, until: SystemTime) -> Option<SystemTime> {
        let mut span = Duration::from_secs(60);
        loop {
            let from = until.checked_sub(span).map_or(after, |from| from.max(after));
            let last = self.between(from, until).last();
            if last.is_some() || from == after {
                return last;
            }
            span *= 2;
        }
    }

    fn between(&self, after: SystemTime, until: SystemTime) -> impl Iterator<Item = SystemTime> {
        let ticks = iter::successors(self.next_after(after), move |&tick| self.next_after(tick));
        ticks.take_while(move |&tick| tick <= until)
    }
}

#[cfg(test)]
mod tests;
