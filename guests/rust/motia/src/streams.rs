//! Live data that clients follow.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Result, host, state::read_some};

/// One stream: items by group and id, which clients follow live.
#[derive(Debug, Clone, Copy)]
pub struct Stream<'a>(pub(crate) &'a str);

impl Stream<'_> {
    /// The item, or none.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, group: &str, id: &str) -> Result<Option<T>> {
        read_some(host::stream_get(self.0, group, id)?)
    }

    /// Stores an item and tells its subscribers.
    #[track_caller]
    pub fn set(&self, group: &str, id: &str, item: &(impl Serialize + ?Sized)) -> Result {
        host::stream_set(self.0, group, id, &serde_json::to_string(item)?)?;
        Ok(())
    }

    /// Deletes an item, tells its subscribers, and returns it.
    #[track_caller]
    pub fn delete<T: DeserializeOwned>(&self, group: &str, id: &str) -> Result<Option<T>> {
        read_some(host::stream_delete(self.0, group, id)?)
    }

    /// The ids and items of the group, ordered by id.
    #[track_caller]
    pub fn get_group<T: DeserializeOwned>(&self, group: &str) -> Result<Vec<(String, T)>> {
        host::stream_get_group(self.0, group)?
            .into_iter()
            .map(|(id, item)| Ok((id, serde_json::from_str(&item)?)))
            .collect()
    }

    /// Tells the subscribers of a group something that is not stored.
    #[track_caller]
    pub fn send(&self, group: &str, kind: &str, data: &(impl Serialize + ?Sized)) -> Result {
        Ok(host::stream_send(self.0, group, None, kind, &serde_json::to_string(data)?)?)
    }

    /// Tells the subscribers of one item something that is not stored.
    #[track_caller]
    pub fn send_to(
        &self,
        group: &str,
        id: &str,
        kind: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result {
        Ok(host::stream_send(self.0, group, Some(id), kind, &serde_json::to_string(data)?)?)
    }
}
