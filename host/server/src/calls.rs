//! Calls that run to their end even if their client goes away: what was begun is finished.

use tokio::{sync::watch, task::JoinError};

use crate::error::HttpError;

/// The calls in flight; each holds a receiver.
pub struct Calls(watch::Sender<()>);

impl Calls {
    /// None yet.
    pub fn new() -> Self {
        Self(watch::channel(()).0)
    }

    /// Waits until no call is in flight, also of clients that have gone.
    pub async fn idle(&self) {
        self.0.closed().await;
    }

    /// Runs a call to its end.
    pub async fn to_the_end<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, HttpError>
    where
        T: Send + 'static,
        E: Send + 'static,
        HttpError: From<E>,
    {
        let in_flight = self.0.subscribe();
        let running = tokio::spawn(async move {
            let result = call.await;
            drop(in_flight);
            result
        });
        let result = running.await.map_err(|error: JoinError| {
            tracing::error!("a call ended without a result: {error}");
            HttpError::internal("internal_error", error)
        })?;
        Ok(result?)
    }
}
