//! Steps that run on changes of state and of stream items.

use motia_manifest::{StepKind, TraceId};
use motia_sandbox::HostError;
use motia_store::{EventKind, GroupKey, KeyPattern, NewEvent, Reaction};

use crate::{
    deployment::{DeployedStep, Deployment, StepIndex},
    engine::{Engine, now_millis},
    policy::Wishes,
};

/// So many changes may cause each other in a row. More is a loop: a step that writes what it watches.
const MAX_DEPTH: u32 = 20;

/// As many ids as one call may make changes, by clearing a group.
const IDS: i64 = 1 << 16;

/// A step that watches state or a stream.
pub(crate) struct Watcher {
    pub step: StepIndex,
    /// The stream's name; none for state.
    stream: Option<String>,
    group: Option<KeyPattern>,
    key: Option<KeyPattern>,
}

impl Watcher {
    /// What a step watches, if it does.
    pub fn of(step: StepIndex, deployed: &DeployedStep) -> Option<Self> {
        let pattern = |text: &Option<String>| text.clone().map(KeyPattern);
        match &deployed.step.config.kind {
            StepKind::State(state) => Some(Self {
                step,
                stream: None,
                group: pattern(&state.group_id),
                key: pattern(&state.key),
            }),
            StepKind::Stream(stream) => Some(Self {
                step,
                stream: Some(stream.stream_name.clone()),
                group: pattern(&stream.group_id),
                key: pattern(&stream.item_id),
            }),
            _ => None,
        }
    }

    fn watches(&self, group: &GroupKey, key: Option<&str>) -> bool {
        let matches = |pattern: &Option<KeyPattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        self.stream == group.stream
            && matches(&self.group, &group.group)
            && key.is_none_or(|key| matches(&self.key, key))
    }
}

/// What makes a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub trace_id: &'a TraceId,
    /// How many changes in a row have caused it.
    pub depth: u32,
    /// The run; none if a person changes something.
    pub cause: Option<&'a str>,
}

/// The steps that a change triggers, for the store to keep with the change; none if nobody watches. Without a key, all
/// keys of the group may change.
///
/// # Errors
/// When the chain of changes is too long.
pub(crate) fn reaction(
    engine: &Engine,
    deployment: &Deployment,
    group: &GroupKey,
    key: Option<&str>,
    origin: Origin<'_>,
) -> Result<Option<Reaction>, HostError> {
    let Origin { trace_id, depth, cause } = origin;
    let watchers: Vec<&Watcher> =
        deployment.watchers().iter().filter(|watcher| watcher.watches(group, key)).collect();
    let Some(first) = watchers.first() else { return Ok(None) };
    if depth >= MAX_DEPTH {
        let what = match &group.stream {
            None => format!("state group `{}`", group.group),
            Some(stream) => format!("stream `{stream}`, group `{}`", group.group),
        };
        let step = &deployment.step(first.step).name;
        return Err(HostError::Limit(format!(
            "this write to {what} would trigger `{step}` after {MAX_DEPTH} changes that have caused each other: \
             a step writes what it watches; narrow its `groupId`, `key` or `condition`"
        )));
    }
    let now = now_millis();
    let none = || serde_json::Value::Null;
    // Each delivery with the pattern of its watcher, so that none gets another's.
    let (deliveries, patterns) = watchers
        .iter()
        .filter_map(|watcher| {
            let step = deployment.step(watcher.step);
            let policy = engine.policy_of(step)?;
            let delivery = policy.delivery(step.name.clone(), &Wishes::default(), &none, now);
            Some((delivery, watcher.key.clone()))
        })
        .unzip();
    Ok(Some(Reaction {
        event: NewEvent {
            id: engine.store().event_ids().block(if key.is_some() { 1 } else { IDS }),
            tenant: group.tenant.clone(),
            kind: if group.stream.is_some() { EventKind::Stream } else { EventKind::State },
            topic: group.stream.clone().unwrap_or_else(|| group.group.clone()),
            data: String::new(),
            headers: None,
            trace_id: trace_id.clone(),
            message_group_id: None,
            depth: depth + 1,
            cause: cause.map(str::to_owned),
            unique: None,
            deliveries,
        },
        patterns,
    }))
}
