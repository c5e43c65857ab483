//! What people look through and ask, and who has changed what.

use motia_store::{
    Audit, AuditEntry, GroupKey, Json, PageFilter, QueryAnswer, QueryError, QueryRequest,
    StateEntry, StateGroup, StoreResult, StreamEntry, StreamGroup,
};

use crate::{
    engine::{CallError, Engine, now_millis},
    live,
};

impl Engine {
    /// The groups of state, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state_groups(&self, page: PageFilter) -> StoreResult<Vec<StateGroup>> {
        self.store().state_groups(self.tenant().clone(), page).await
    }

    /// The values of a group, by key, without those that are too long for a list.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state_entries(
        &self,
        group: &str,
        page: PageFilter,
    ) -> StoreResult<Vec<StateEntry>> {
        self.store().state_entries(self.group_of_state(group), page).await
    }

    /// A state value.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state_entry(&self, group: &str, key: &str) -> StoreResult<Option<StateEntry>> {
        self.store().state_entry(self.group_of_state(group), key.to_owned()).await
    }

    fn group_of_state(&self, group: &str) -> GroupKey {
        GroupKey { tenant: self.tenant().clone(), stream: None, group: group.to_owned() }
    }

    /// How many groups with items each stream has; streams without any are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stream_group_counts(&self) -> StoreResult<Vec<(String, u64)>> {
        self.store().stream_group_counts(self.tenant().clone()).await
    }

    /// The groups of a stream that have items, by name.
    ///
    /// # Errors
    /// When there is no such stream, or the store fails.
    pub async fn stream_groups(
        &self,
        stream: &str,
        page: PageFilter,
    ) -> Result<Vec<StreamGroup>, CallError> {
        let GroupKey { tenant, .. } = self.group_of_stream(stream, "")?;
        Ok(self.store().stream_groups(tenant, stream.to_owned(), page).await?)
    }

    /// The items of a group, by id, without those that are too long for a list.
    ///
    /// # Errors
    /// When there is no such stream, or the store fails.
    pub async fn stream_items(
        &self,
        stream: &str,
        group: &str,
        page: PageFilter,
    ) -> Result<Vec<StreamEntry>, CallError> {
        let group = self.group_of_stream(stream, group)?;
        Ok(self.store().stream_items(group, page).await?)
    }

    /// A stream item.
    ///
    /// # Errors
    /// When there is no such stream, or the store fails.
    pub async fn stream_item(
        &self,
        stream: &str,
        group: &str,
        id: &str,
    ) -> Result<Option<StreamEntry>, CallError> {
        let group = self.group_of_stream(stream, group)?;
        Ok(self.store().stream_item(group, id.to_owned()).await?)
    }

    fn group_of_stream(&self, stream: &str, group: &str) -> Result<GroupKey, CallError> {
        live::group_key(self, &self.deployment(), stream, group)
            .map_err(|message| CallError::new("unknown_stream", 404, message))
    }

    /// Answers SQL over the tables of [`motia_store::query_schema`].
    ///
    /// # Errors
    /// When it is not one query that reads, takes too long, finds too much, or too many wait.
    pub async fn query(&self, request: QueryRequest) -> Result<QueryAnswer, CallError> {
        let Some(data) = self.store().directory() else {
            let message = "the data of this host is in memory, where no SQL reaches it";
            return Err(CallError::new("query_unavailable", 409, message));
        };
        if let Some(telemetry) = &self.inner().telemetry {
            telemetry.flush().await;
        }
        let command = &self.inner().options.query_command;
        motia_store::query(command, data, self.tenant(), request).await.map_err(|error| {
            let message = error.to_string();
            match error {
                QueryError::Invalid(_) => CallError::new("invalid_query", 400, message),
                QueryError::Timeout => CallError::new("query_timeout", 408, message),
                QueryError::TooLarge => CallError::new("result_too_large", 413, message),
                QueryError::Busy => CallError::new("too_many_queries", 429, message),
                QueryError::Failed(error) => error.into(),
            }
        })
    }

    /// Notes that somebody has changed something by hand. On disk when it returns.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(
        &self,
        actor: &str,
        action: String,
        subject: String,
        detail: Option<Json>,
    ) -> StoreResult<()> {
        let (tenant, actor) = (self.tenant().clone(), actor.to_owned());
        let entry = AuditEntry { tenant, at: now_millis(), actor, action, subject, detail };
        self.store().audit(entry).await
    }

    /// What people have changed, newest first, with a smaller id than `before` only.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audits(&self, before: Option<i64>, limit: usize) -> StoreResult<Vec<Audit>> {
        self.store().audits(self.tenant().clone(), before, limit).await
    }
}
