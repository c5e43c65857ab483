//! Questions that runs and logs have in common: a range of time, newest first, a page at a time.

use motia_manifest::TenantId;
use rusqlite::{Connection, Row, params_from_iter, types::Value};

use super::files::{day_of, id_time, time_of};
use crate::{Millis, StoreResult};

/// A search looks at so many rows at most.
const LOOKED_AT: usize = 1_000_000;

/// A range of ids, and so of time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Range<'a> {
    pub since: Option<Millis>,
    pub until: Option<Millis>,
    /// An id.
    pub before: Option<&'a str>,
}

impl Range<'_> {
    /// Whether a day can have any of it.
    pub fn has(&self, day: &str) -> bool {
        let last = [self.until, self.before.and_then(time_of)];
        let early = last.into_iter().flatten().any(|last| day > day_of(last).as_str());
        !early && self.since.is_none_or(|since| day >= day_of(since).as_str())
    }
}

/// Conditions and their values.
pub(super) struct Conditions {
    sql: String,
    pub values: Vec<Value>,
}

impl Conditions {
    pub fn of(tenant: &TenantId) -> Self {
        let tenant = Value::Text(tenant.as_str().to_owned());
        Self { sql: "tenant = ?".to_owned(), values: vec![tenant] }
    }

    /// One that has no value, exactly as the partial index says it.
    pub fn fixed(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// One that ends before its value.
    pub fn text(&mut self, condition: &str, value: impl Into<String>) {
        self.fixed(condition);
        self.sql.push_str(" ?");
        self.values.push(Value::Text(value.into()));
    }

    /// That a column has one of these values.
    pub fn one_of<'a>(&mut self, column: &str, values: impl Iterator<Item = &'a str>) {
        let before = self.values.len();
        self.values.extend(values.map(|value| Value::Text(value.to_owned())));
        let marks = vec!["?"; self.values.len() - before].join(", ");
        self.fixed(&format!("{column} IN ({marks})"));
    }

    /// Ids begin with the time: these are ranges of the indexes.
    pub fn range(&mut self, range: Range<'_>) {
        if let Some(since) = range.since {
            self.text("id >=", id_time(since));
        }
        if let Some(until) = range.until {
            self.text("id <", id_time(until));
        }
        if let Some(before) = range.before {
            self.text("id <", before);
        }
    }

    /// All that fit, without an order. With an index that is named SQLite takes no other.
    pub fn select(&self, columns: &str, table: &str, index: Option<&str>) -> String {
        let index = index.map(|index| format!(" INDEXED BY {index}")).unwrap_or_default();
        format!("SELECT {columns} FROM {table}{index} WHERE {}", self.sql)
    }
}

/// What is shown, and how much was looked at for it.
pub(super) struct Page<T> {
    pub items: Vec<T>,
    limit: usize,
    left: usize,
}

impl<T> Page<T> {
    pub fn new(limit: usize) -> Self {
        Self { items: Vec::new(), limit, left: LOOKED_AT }
    }

    pub fn is_full(&self) -> bool {
        self.items.len() >= self.limit || self.left == 0
    }

    /// Adds what a query finds and `keep` wants, until the page is full.
    pub fn fill(
        &mut self,
        connection: &Connection,
        (sql, values): &(String, Vec<Value>),
        keep: impl Fn(&Row<'_>) -> StoreResult<bool>,
        make: impl Fn(&Row<'_>) -> StoreResult<T>,
    ) -> StoreResult<()> {
        let mut select = connection.prepare_cached(sql)?;
        let mut rows = select.query(params_from_iter(values))?;
        while !self.is_full()
            && let Some(row) = rows.next()?
        {
            self.left -= 1;
            if keep(row)? {
                self.items.push(make(row)?);
            }
        }
        Ok(())
    }
}

/// What a person types to find something; nothing if that is empty.
pub(super) fn needle(search: Option<&String>) -> Option<&str> {
    search.map(String::as_str).filter(|search| !search.is_empty())
}

/// Whether a text has a part that is not empty; the case of ASCII letters does not matter.
pub(super) fn contains(text: &str, part: &str) -> bool {
    let part = part.as_bytes();
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}
