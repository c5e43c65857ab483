//! Times in these tests are of 2024, when all of these clocks were put forward and back.

use std::{collections::BTreeSet, time::UNIX_EPOCH};

use jiff::Zoned;
use proptest::{collection::btree_set, option, prelude::*, sample::select};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// When clocks were put forward and back: by an hour at night, by half an hour, at midnight.
const CHANGES: [(&str, &str); 8] = [
    ("Europe/Berlin", "2024-03-31T01:00:00Z"),
    ("Europe/Berlin", "2024-10-27T01:00:00Z"),
    ("America/New_York", "2024-03-10T07:00:00Z"),
    ("America/New_York", "2024-11-03T06:00:00Z"),
    ("Australia/Lord_Howe", "2024-04-06T15:00:00Z"),
    ("Australia/Lord_Howe", "2024-10-05T15:30:00Z"),
    ("Africa/Cairo", "2024-04-25T22:00:00Z"),
    ("Africa/Cairo", "2024-10-31T21:00:00Z"),
];

fn schedule(expression: &str, zone: &str) -> Schedule {
    Schedule::parse(expression, Some(zone)).unwrap()
}

fn instant(text: &str) -> SystemTime {
    text.parse::<Timestamp>().unwrap().into()
}

/// The ticks of the two days around noon UTC of a day, as clocks there show them.
fn around(noon: &str, zone: &str, expression: &str) -> Vec<String> {
    let noon = instant(&format!("{noon}T12:00:00Z"));
    let schedule = schedule(expression, zone);
    let shown = |tick: SystemTime| {
        let tick = Timestamp::try_from(tick).unwrap().to_zoned(schedule.zone.clone());
        tick.strftime("%d %H:%M:%S %:z").to_string()
    };
    schedule.ticks(noon - DAY, noon + DAY, 100).into_iter().map(shown).collect()
}

#[test]
fn seconds_are_optional_and_zones_count() {
    let start = UNIX_EPOCH + Duration::from_secs(1_000_000_000 - 1_000_000_000 % 86_400);
    let next = |expression, zone| {
        let tick = schedule(expression, zone).next_after(start).unwrap();
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

#[test]
fn ticks_end_at_their_limit_or_at_the_time_that_was_given() {
    let schedule = schedule("0 * * * *", "UTC");
    let midnight = instant("2024-01-01T00:00:00Z");
    let first = [midnight + HOUR, midnight + 2 * HOUR];
    assert_eq!(schedule.ticks(midnight, midnight + DAY, 2), first);
    assert_eq!(schedule.ticks(midnight, midnight + 2 * HOUR, 100), first);
    assert!(schedule.ticks(midnight, midnight, 100).is_empty());
}

#[test]
fn the_last_tick_is_found_without_a_look_at_all() {
    let year = 366 * DAY;
    let midnight = instant("2025-01-01T00:00:00Z");
    let every_second = schedule("* * * * * *", "UTC");
    assert_eq!(every_second.last_tick(midnight - year, midnight), Some(midnight));
    let monthly = schedule("30 2 5 * *", "UTC");
    let last = Some(instant("2024-12-05T02:30:00Z"));
    assert_eq!(monthly.last_tick(midnight - year, midnight), last);
    assert_eq!(monthly.last_tick(midnight - DAY, midnight), None);
    assert_eq!(monthly.last_tick(midnight, midnight - DAY), None);
}

#[test]
fn a_time_that_clocks_skip_ticks_after_the_gap() {
    let berlin = |expression| around("2024-03-31", "Europe/Berlin", expression);
    assert_eq!(berlin("30 2 * * *"), ["31 03:00:00 +02:00", "01 02:30:00 +02:00"]);
    assert_eq!(berlin("30 30 2 * * *"), ["31 03:00:00 +02:00", "01 02:30:30 +02:00"]);
    assert_eq!(
        around("2024-03-10", "America/New_York", "0 2 * * *"),
        ["10 03:00:00 -04:00", "11 02:00:00 -04:00"]
    );
    assert_eq!(
        around("2024-10-06", "Australia/Lord_Howe", "15 2 * * *"),
        ["06 02:30:00 +11:00", "07 02:15:00 +11:00"]
    );
    assert_eq!(
        around("2024-04-26", "Africa/Cairo", "0 0 * * *"),
        ["26 01:00:00 +03:00", "27 00:00:00 +03:00"]
    );
}

#[test]
fn a_time_that_comes_twice_ticks_once() {
    let berlin = |expression| around("2024-10-27", "Europe/Berlin", expression);
    assert_eq!(berlin("30 2 * * *"), ["27 02:30:00 +02:00", "28 02:30:00 +01:00"]);
    assert_eq!(berlin("30 30 2 * * *"), ["27 02:30:30 +02:00", "28 02:30:30 +01:00"]);
    assert_eq!(
        around("2024-11-03", "America/New_York", "0 1 * * *"),
        ["03 01:00:00 -04:00", "04 01:00:00 -05:00"]
    );
    assert_eq!(
        around("2024-04-07", "Australia/Lord_Howe", "45 1 * * *"),
        ["07 01:45:00 +11:00", "08 01:45:00 +10:30"]
    );
    assert_eq!(
        around("2024-10-31", "Africa/Cairo", "30 23 * * *"),
        ["30 23:30:00 +03:00", "31 23:30:00 +03:00"]
    );
}

#[test]
fn several_times_a_day_do_what_the_clock_shows() {
    assert_eq!(
        around("2024-03-31", "Europe/Berlin", "0 2,15 * * *"),
        ["30 15:00:00 +01:00", "31 15:00:00 +02:00", "01 02:00:00 +02:00"]
    );
    assert_eq!(
        around("2024-10-27", "Europe/Berlin", "0 2,18 * * *"),
        [
            "26 18:00:00 +02:00",
            "27 02:00:00 +02:00",
            "27 02:00:00 +01:00",
            "27 18:00:00 +01:00",
            "28 02:00:00 +01:00",
        ]
    );
}

#[test]
fn an_interval_goes_on_evenly_through_every_change() {
    for (zone, change) in CHANGES {
        let change = instant(change);
        for (expression, seconds) in
            [("*/15 * * * *", 900_u64), ("* * * * *", 60), ("*/20 * * * * *", 20)]
        {
            let ticks = schedule(expression, zone).ticks(change - HOUR, change + HOUR, 1000);
            let even = |i| change - HOUR + Duration::from_secs(seconds * i);
            let expected: Vec<SystemTime> = (1..=7200 / seconds).map(even).collect();
            assert_eq!(ticks, expected, "{expression} in {zone}");
        }
    }
}

/// An expression that is simple enough to be understood twice.
#[derive(Debug, Clone)]
struct Simple {
    minutes: BTreeSet<i8>,
    hours: Option<BTreeSet<i8>>,
    weekdays: Option<BTreeSet<i8>>,
}

impl Simple {
    fn expression(&self) -> String {
        let list = |numbers: &BTreeSet<i8>| {
            let texts: Vec<String> = numbers.iter().map(i8::to_string).collect();
            texts.join(",")
        };
        let [hours, weekdays] = [&self.hours, &self.weekdays]
            .map(|numbers| numbers.as_ref().map_or_else(|| "*".to_owned(), list));
        format!("{} {hours} * * {weekdays}", list(&self.minutes))
    }

    fn matches(&self, time: &Zoned) -> bool {
        let allows = |numbers: &Option<BTreeSet<i8>>, number: i8| {
            numbers.as_ref().is_none_or(|numbers| numbers.contains(&number))
        };
        self.minutes.contains(&time.minute())
            && allows(&self.hours, time.hour())
            && allows(&self.weekdays, time.weekday().to_sunday_zero_offset())
    }

    /// The first minute after a time that matches, by looking at each of the next eight days.
    fn first_after(&self, millis: i64, zone: &TimeZone) -> Option<SystemTime> {
        let first = millis.div_euclid(60_000) + 1;
        let mut minutes =
            (first..first + 8 * 24 * 60).map(|minute| Timestamp::from_second(minute * 60).unwrap());
        let first = minutes.find(|time| self.matches(&time.to_zoned(zone.clone())));
        first.map(SystemTime::from)
    }
}

prop_compose! {
    fn any_simple()(
        minutes in btree_set(0i8..60, 1..4),
        hours in option::of(btree_set(0i8..24, 1..4)),
        weekdays in option::of(btree_set(0i8..7, 1..4)),
    ) -> Simple {
        Simple { minutes, hours, weekdays }
    }
}

/// When a zone's clocks are next put forward or back.
fn next_change(zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    zone.following(after).next().map(|change| change.timestamp())
}

/// A time from 2000 to 2037.
fn some_time() -> impl Strategy<Value = i64> {
    946_684_800_000i64..2_145_916_800_000
}

const ZONES: &[&str] =
    &["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"];

const CHANGING_ZONES: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Cairo",
];

const EXPRESSIONS: &[&str] = &[
    "30 2 * * *",
    "0 0 * * *",
    "30 23 * * *",
    "17 30 1 * * *",
    "30 1 * * 0",
    "0 2,14 * * *",
    "45 1-3 * * *",
    "0 */2 * * *",
    "*/15 * * * *",
    "7,50 * * * *",
    "30 */20 0-3 * * *",
];

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_next_tick_is_the_first_minute_that_matches(
        millis in some_time(),
        zone in select(ZONES),
        simple in any_simple(),
    ) {
        let schedule = schedule(&simple.expression(), zone);
        let zone = TimeZone::get(zone).unwrap();
        // A time that came twice within the day before counts the first time.
        let start = SystemTime::from(Timestamp::from_millisecond(millis).unwrap());
        let change = next_change(&zone, Timestamp::try_from(start - DAY).unwrap());
        prop_assume!(change.is_none_or(|change| SystemTime::from(change) > start + 8 * DAY));

        let expected = simple.first_after(millis, &zone);
        prop_assert!(expected.is_some());
        prop_assert_eq!(schedule.next_after(start), expected);
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn ticks_grow_through_changes_and_none_is_repeated_or_left_out(
        millis in some_time(),
        zone in select(CHANGING_ZONES),
        expression in select(EXPRESSIONS),
        before in 0u64..10_800_000,
        part in 0u32..8,
    ) {
        let schedule = schedule(expression, zone);
        let zone = TimeZone::get(zone).unwrap();
        let change = next_change(&zone, Timestamp::from_millisecond(millis).unwrap());
        prop_assume!(change.is_some());
        let change = change.map_or(UNIX_EPOCH, SystemTime::from);

        let from = change - Duration::from_millis(before);
        let ticks = schedule.ticks(from, change + 2 * DAY, 500);
        for pair in ticks.windows(2) {
            prop_assert!(pair[0] < pair[1], "{pair:?}");
            // Whoever asks between two ticks is told the same as who asks at the first of them.
            let between = pair[0] + pair[1].duration_since(pair[0]).unwrap() * part / 8;
            prop_assert_eq!(schedule.next_after(between), Some(pair[1]));
        }
        if let Some(&last) = ticks.last() {
            prop_assert_eq!(schedule.last_tick(from, last), Some(last));
        }
    }
}
