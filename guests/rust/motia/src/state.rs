//! Values that steps share.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Result,
    host::{self, UpdateOp},
};

/// Values that steps share, by group and key.
#[derive(Debug, Clone, Copy)]
pub struct State(pub(crate) ());

impl State {
    /// The value, or none.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, group: &str, key: &str) -> Result<Option<T>> {
        read_some(host::state_get(group, key)?)
    }

    /// Stores a value.
    #[track_caller]
    pub fn set(&self, group: &str, key: &str, value: &(impl Serialize + ?Sized)) -> Result {
        host::state_set(group, key, &serde_json::to_string(value)?)?;
        Ok(())
    }

    /// Deletes a value and returns it.
    #[track_caller]
    pub fn delete<T: DeserializeOwned>(&self, group: &str, key: &str) -> Result<Option<T>> {
        read_some(host::state_delete(group, key)?)
    }

    /// The keys and values of the group, ordered by key.
    #[track_caller]
    pub fn get_group<T: DeserializeOwned>(&self, group: &str) -> Result<Vec<(String, T)>> {
        host::state_get_group(group)?
            .into_iter()
            .map(|(key, value)| Ok((key, serde_json::from_str(&value)?)))
            .collect()
    }

    /// Deletes all values of the group.
    #[track_caller]
    pub fn clear(&self, group: &str) -> Result {
        Ok(host::state_clear(group)?)
    }

    /// Changes a value in one step, so that no other change is lost, and returns the new value.
    #[track_caller]
    pub fn update<T: DeserializeOwned>(&self, group: &str, key: &str, update: Update) -> Result<T> {
        Ok(serde_json::from_str(&host::state_update(group, key, update.0)?)?)
    }
}

#[track_caller]
pub(crate) fn read_some<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>> {
    match text {
        Some(text) => Ok(serde_json::from_str(&text)?),
        None => Ok(None),
    }
}

/// Changes to a value, made together. A path is the name of a field, or names separated by dots;
/// the empty path is the whole value.
///
/// ```
/// use motia::prelude::*;
///
/// # let ctx = motia::testing::context();
/// let order: Value = ctx.state().update(
///     "orders",
///     "7",
///     Update::new().increment("items", 2.0).set("status", "open"),
/// )?;
/// assert_eq!(order["items"], 2.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Update(Vec<UpdateOp>);

impl Update {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn and(mut self, op: UpdateOp) -> Self {
        self.0.push(op);
        self
    }

    /// Sets the field at the path.
    pub fn set(self, path: &str, value: impl Into<Value>) -> Self {
        self.and(UpdateOp::Set(path.to_owned(), value.into()))
    }

    /// Merges an object's fields into the object at the path.
    pub fn merge(self, path: &str, fields: impl Into<Value>) -> Self {
        self.and(UpdateOp::Merge(path.to_owned(), fields.into()))
    }

    /// Adds to the number at the path; a missing one counts as 0.
    pub fn increment(self, path: &str, by: f64) -> Self {
        self.and(UpdateOp::Increment(path.to_owned(), by))
    }

    /// Subtracts from the number at the path; a missing one counts as 0.
    pub fn decrement(self, path: &str, by: f64) -> Self {
        self.and(UpdateOp::Decrement(path.to_owned(), by))
    }

    /// Removes the field at the path.
    pub fn remove(self, path: &str) -> Self {
        self.and(UpdateOp::Remove(path.to_owned()))
    }
}
