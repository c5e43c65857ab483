//! Who may follow streams and send to them: what the project's `streamAuth` says of a client, the roles of a stream
//! and its functions.
//!
//! The project's code decides in the sandbox, as steps run, and each call is a run. Where it fails, the client is
//! refused.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use motia_manifest::{Stream, StreamHook};
use motia_sandbox::{
    AuthRequest, Invocation, Response, ResponseBody, SubscriptionRequest, Trigger,
};
use motia_store::Json;
use serde_json::Value;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinHandle};

use crate::{
    deployment::{Deployment, StepIndex},
    engine::{CallError, Engine},
    invoke::{Call, invoke},
    live::{Join, group_key},
    schema, trace_id,
};

/// What may be known of one client: it is kept as long as the client is there.
const CONTEXT_BYTES: usize = 64 * 1024;

/// Calls of `onLeave` at the same time, and how many may wait before nobody else is let in.
const LEAVES: usize = 8;
const LEAVES_WAITING: usize = 10_000;

/// A request of a client that wants to follow streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamAuthRequest {
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The path and the query.
    pub url: String,
}

/// What is known of a client of streams. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthContext(Option<Arc<Known>>);

#[derive(Debug, PartialEq, Eq)]
struct Known {
    json: Json,
    roles: Vec<String>,
}

impl AuthContext {
    /// Of an anonymous client.
    pub fn none() -> Self {
        Self(None)
    }

    /// What the project's code has said; `null` of an anonymous client.
    fn of(context: &Value) -> Self {
        if context.is_null() {
            return Self::none();
        }
        let text = |role: &Value| role.as_str().map(str::to_owned);
        let many = context["roles"].as_array().into_iter().flatten();
        let roles = many.chain([&context["role"]]).filter_map(text).collect();
        Self(Some(Arc::new(Known { json: context.to_string(), roles })))
    }

    fn json(&self) -> Option<Json> {
        self.0.as_ref().map(|known| known.json.clone())
    }

    fn has_one_of(&self, roles: &[String]) -> bool {
        self.0.as_ref().is_some_and(|known| known.roles.iter().any(|role| roles.contains(role)))
    }
}

/// What a client follows with the project's leave. When it is dropped, the project is told, in the background, that the
/// client has left.
pub struct Joined {
    engine: Engine,
    join: Join,
    context: AuthContext,
    /// Taken by [`Joined::leave`].
    is_in: bool,
}

impl Joined {
    /// What is followed.
    pub fn join(&self) -> &Join {
        &self.join
    }

    /// Tells the project that the client has left; returns when it has been told.
    pub async fn leave(mut self) {
        self.is_in = false;
        if let Some(told) = self.engine.tell_left(&self.join, &self.context) {
            // What failed is in the log and in the run.
            let _ = told.await;
        }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        // What is dropped while the process ends can start nothing.
        if self.is_in && Handle::try_current().is_ok() {
            self.engine.tell_left(&self.join, &self.context);
        }
    }
}

impl Engine {
    /// Asks the project who a client is. Where it has no `streamAuth`, all are anonymous.
    ///
    /// # Errors
    /// `unauthorized` if the project refuses the client; or why it could not be asked.
    pub async fn authenticate(&self, request: StreamAuthRequest) -> Result<AuthContext, CallError> {
        let deployment = self.deployment();
        let Some(auth) = deployment.hooks().auth() else { return Ok(AuthContext::none()) };
        let StreamAuthRequest { headers, url } = request;
        let trigger = Trigger::Authenticate(AuthRequest { headers, url });
        let unauthorized = || CallError::new("unauthorized", 401, "Authentication failed");
        let response = match self.ask(&deployment, auth, trigger).await {
            Ok(None) => return Ok(AuthContext::none()),
            Ok(Some(response)) => response,
            Err(error) if error.code == "handler_failed" => return Err(unauthorized()),
            Err(error) => return Err(error),
        };
        if response.status != 200 {
            return Err(unauthorized());
        }
        context_of(&deployment, &response).map_err(|fault| {
            let message = format!("what `authenticate` has returned {fault}");
            tracing::error!(step = %deployment.step(auth).name, "{message}");
            CallError::new("invalid_context", 500, message)
        })
    }

    /// Lets a client follow, if the stream's roles, its `canAccess` and its `onJoin` do, in this order.
    ///
    /// # Errors
    /// `access_denied`, `unknown_stream`, or why the project's code could not say.
    pub async fn let_in(&self, join: Join, context: AuthContext) -> Result<Joined, CallError> {
        let deployment = self.deployment();
        let stream = self.declared(&deployment, &join.stream)?;
        if let Some(roles) = &stream.config.roles.read
            && !context.has_one_of(roles)
        {
            return Err(denied(format!("following `{}` needs one of its roles", join.stream)));
        }
        let has = |hook| stream.config.hooks.contains(&hook);
        let asks = has(StreamHook::CanAccess) || has(StreamHook::OnJoin);
        if has(StreamHook::OnLeave) && self.inner().leaves.waiting() >= LEAVES_WAITING {
            return Err(CallError::overloaded(format!(
                "{LEAVES_WAITING} calls of `onLeave` are waiting"
            )));
        }
        let engine = self.clone();
        let joined = |is_in| Joined { engine, join, context, is_in };
        if !asks {
            return Ok(joined(true));
        }
        let (mut joined, deployment) = (joined(false), Arc::clone(&deployment));
        // With its task goes a join that nobody waits for any more.
        on_its_own(async move {
            joined.engine.ask_stream(&deployment, &joined.join, &joined.context).await?;
            joined.is_in = true;
            Ok(joined)
        })
        .await
    }

    /// Tells the project, in the background, that a client does not follow any more; nothing if it does not want to know.
    fn tell_left(&self, join: &Join, context: &AuthContext) -> Option<JoinHandle<()>> {
        let deployment = self.deployment();
        let stream = deployment.stream(&join.stream)?;
        if !stream.config.hooks.contains(&StreamHook::OnLeave) {
            return None;
        }
        let hook = deployment.hooks().of_stream(&join.stream)?;
        let trigger = Trigger::Leave(subscription(join, context));
        let engine = self.clone();
        Some(self.inner().leaves.run(async move {
            // What failed is in the log and in the run.
            let _ = engine.call_hook(&deployment, hook, trigger).await;
        }))
    }

    /// Whether a client may send to those who follow a stream.
    ///
    /// # Errors
    /// `access_denied` or `unknown_stream`.
    pub fn may_write(&self, stream: &str, context: &AuthContext) -> Result<(), CallError> {
        let deployment = self.deployment();
        match &self.declared(&deployment, stream)?.config.roles.write {
            None => {
                Err(denied(format!("clients cannot send to `{stream}`: it has no `roles.write`")))
            }
            Some(roles) if context.has_one_of(roles) => Ok(()),
            Some(_) => Err(denied(format!("sending to `{stream}` needs one of its roles"))),
        }
    }

    fn declared<'a>(
        &self,
        deployment: &'a Deployment,
        stream: &str,
    ) -> Result<&'a Stream, CallError> {
        let unknown = |message| CallError::new("unknown_stream", 404, message);
        group_key(self, deployment, stream, "").map_err(unknown)?;
        deployment.stream(stream).ok_or_else(|| unknown(format!("there is no stream `{stream}`")))
    }

    /// Asks `canAccess`, then `onJoin`, of a stream that has one of them.
    async fn ask_stream(
        &self,
        deployment: &Arc<Deployment>,
        join: &Join,
        context: &AuthContext,
    ) -> Result<(), CallError> {
        let refused = || {
            let item = join.id.as_ref().map(|id| format!(", item `{id}`")).unwrap_or_default();
            denied(format!("`{}` refuses the group `{}`{item}", join.stream, join.group))
        };
        let hook = deployment.hooks().of_stream(&join.stream).ok_or_else(refused)?;
        let stream = deployment.stream(&join.stream).ok_or_else(refused)?;
        for asked in &stream.config.hooks {
            let trigger = match asked {
                StreamHook::CanAccess => Trigger::CanAccess(subscription(join, context)),
                StreamHook::OnJoin => Trigger::Join(subscription(join, context)),
                StreamHook::OnLeave => continue,
            };
            let response = self.ask(deployment, hook, trigger).await?;
            if response.is_none_or(|response| response.status != 200) {
                return Err(refused());
            }
        }
        Ok(())
    }

    /// Calls a function for a client that waits, in its turn among the requests.
    async fn ask(
        &self,
        deployment: &Arc<Deployment>,
        hook: StepIndex,
        trigger: Trigger,
    ) -> Result<Option<Response>, CallError> {
        let (engine, deployment) = (self.clone(), Arc::clone(deployment));
        // What has begun keeps its place until it ends, also when the client has gone.
        on_its_own(async move {
            let _place = engine.request_place()?;
            let _turn = engine.request_turn().await;
            engine.call_hook(&deployment, hook, trigger).await
        })
        .await
    }

    /// Calls a function; what it wrote is on disk when this returns.
    async fn call_hook(
        &self,
        deployment: &Arc<Deployment>,
        hook: StepIndex,
        trigger: Trigger,
    ) -> Result<Option<Response>, CallError> {
        let trace_id = trace_id::new();
        let id = trace_id.to_string();
        let call = Call::new(Invocation { id, trace_id, attempt: 1, trigger });
        let mut outcome = invoke(self, deployment, hook, call).await;
        let result = std::mem::replace(&mut outcome.result, Ok(None));
        self.acknowledge(outcome, None).await?;
        result.map_err(CallError::from)
    }
}

/// Runs something to its end, whether somebody waits for it or not.
async fn on_its_own<T: Send + 'static>(
    work: impl Future<Output = Result<T, CallError>> + Send + 'static,
) -> Result<T, CallError> {
    let ended = |_| Err(CallError::new("interrupted", 503, "the call was interrupted"));
    tokio::spawn(work).await.unwrap_or_else(ended)
}

/// Calls of `onLeave`: a few at a time, beside what serves requests and events, in the order in which clients left.
pub(crate) struct Leaves {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Leaves {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(LEAVES)), waiting: Arc::default() }
    }
}

impl Leaves {
    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn run(&self, call: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let (permits, waiting) = (Arc::clone(&self.permits), Arc::clone(&self.waiting));
        waiting.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            waiting.fetch_sub(1, Ordering::Relaxed);
            call.await;
        })
    }

    /// Waits until those that began before have ended.
    pub async fn ended(&self) {
        // It is an error only if the semaphore is closed, which it never is.
        let _ = self.permits.acquire_many(LEAVES as u32).await;
    }
}

fn denied(message: String) -> CallError {
    CallError::new("access_denied", 403, message)
}

fn subscription(join: &Join, context: &AuthContext) -> SubscriptionRequest {
    SubscriptionRequest {
        stream_name: join.stream.clone(),
        group_id: join.group.clone(),
        id: join.id.clone(),
        context: context.json(),
    }
}

/// The context in the answer of `authenticate`, or what is wrong with it.
fn context_of(deployment: &Deployment, response: &Response) -> Result<AuthContext, String> {
    let ResponseBody::Json(json) = &response.body else { return Err("is not JSON".to_owned()) };
    if json.len() > CONTEXT_BYTES {
        return Err(format!("has {} bytes; at most {CONTEXT_BYTES} are allowed", json.len()));
    }
    let context: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if let Some(schema) = deployment.hooks().context_schema().filter(|_| !context.is_null()) {
        let faults = schema.check(&context);
        if !faults.is_empty() {
            return Err(format!("breaks `contextSchema`: {}", schema::sentence(&faults)));
        }
    }
    Ok(AuthContext::of(&context))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_are_a_list_or_one() {
        let wanted = ["admin".to_owned(), "editor".to_owned()];
        for (context, has) in [
            (json!({ "roles": ["guest", "editor"] }), true),
            (json!({ "role": "admin" }), true),
            (json!({ "roles": ["guest"], "role": "guest" }), false),
            (json!({ "roles": "admin" }), false),
            (json!({}), false),
            (json!("admin"), false),
            (json!(null), false),
        ] {
            assert_eq!(AuthContext::of(&context).has_one_of(&wanted), has, "{context}");
        }
        assert!(!AuthContext::of(&json!({ "role": "admin" })).has_one_of(&[]));
    }

    #[test]
    fn an_anonymous_client_has_no_context() {
        assert_eq!(AuthContext::of(&json!(null)), AuthContext::none());
        assert_eq!(AuthContext::none().json(), None);
        assert_eq!(
            AuthContext::of(&json!({ "user": "ann" })).json().as_deref(),
            Some(r#"{"user":"ann"}"#)
        );
    }
}
