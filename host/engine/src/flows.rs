//! The graphs of flows, as data: steps and the topics between them.

use std::collections::BTreeMap;

use motia_manifest::{Emit, Step, StepKind};
use serde::Serialize;

use crate::deployment::Deployment;

/// The steps that share a name in their `flows`, and what goes between them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flow {
    /// The flow's name.
    pub name: String,
    /// The names of its steps, in the order of their files.
    pub steps: Vec<String>,
    /// What goes between them.
    pub edges: Vec<Edge>,
}

/// A topic from one step of a flow to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The step that emits.
    pub source: String,
    /// The step that subscribes.
    pub target: String,
    /// The topic.
    pub topic: String,
    /// Whether events go there.
    pub kind: EdgeKind,
    /// What the emitter says about it.
    pub label: Option<String>,
    /// Whether it is only emitted sometimes.
    pub conditional: bool,
}

/// Whether events go along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeKind {
    /// Events do.
    Event,
    /// It is only drawn.
    Virtual,
}

impl Deployment {
    /// The flows, by name.
    pub fn flows(&self) -> Vec<Flow> {
        let mut flows: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for deployed in self.steps() {
            for flow in &deployed.step.config.flows {
                flows.entry(flow).or_default().push(&deployed.step);
            }
        }
        flows.into_iter().map(|(name, steps)| flow(name, &steps)).collect()
    }
}

fn flow(name: &str, steps: &[&Step]) -> Flow {
    let mut edges = Vec::new();
    for source in steps {
        let config = &source.config;
        let emits = config.emits.iter().map(|emit| (emit, EdgeKind::Event));
        let drawn = config.virtual_emits.iter().map(|emit| (emit, EdgeKind::Virtual));
        for (emit, kind) in emits.chain(drawn) {
            let to = steps.iter().filter_map(|target| edge(source, target, emit, kind));
            edges.extend(to);
        }
    }
    let steps = steps.iter().map(|step| step.config.name.clone()).collect();
    Flow { name: name.to_owned(), steps, edges }
}

fn edge(source: &Step, target: &Step, emit: &Emit, kind: EdgeKind) -> Option<Edge> {
    let subscribes = match &target.config.kind {
        StepKind::Event(event) => event.subscribes.contains(&emit.topic),
        _ => false,
    };
    let drawn = target.config.virtual_subscribes.contains(&emit.topic);
    let kind = if subscribes { kind } else { EdgeKind::Virtual };
    (subscribes || drawn).then(|| Edge {
        source: source.config.name.clone(),
        target: target.config.name.clone(),
        topic: emit.topic.clone(),
        kind,
        label: emit.label.clone(),
        conditional: emit.conditional,
    })
}

#[cfg(test)]
mod tests {
    use motia_manifest::{Language, StepConfig};
    use serde_json::{Value, json};

    use super::*;

    fn step(config: Value) -> Step {
        Step {
            file: "steps/a.step.ts".to_owned(),
            language: Language::TypeScript,
            code: None,
            source_map: None,
            included_files: Vec::new(),
            config: StepConfig::from_json(&config).unwrap(),
        }
    }

    #[test]
    fn an_edge_is_virtual_if_either_end_is() {
        let steps = [
            step(json!({
                "type": "api", "name": "A", "method": "GET", "path": "/", "flows": ["f"],
                "emits": [{ "topic": "t", "label": "paid", "conditional": true }],
                "virtualEmits": ["v"],
            })),
            step(
                json!({ "type": "event", "name": "B", "subscribes": ["t"], "emits": [], "flows": ["f"] }),
            ),
            step(json!({
                "type": "noop", "name": "C", "virtualSubscribes": ["t", "v"], "virtualEmits": [], "flows": ["f"],
            })),
        ];
        let flow = flow("f", &steps.iter().collect::<Vec<_>>());
        let edges: Vec<_> = flow
            .edges
            .iter()
            .map(|edge| {
                (edge.source.as_str(), edge.target.as_str(), edge.topic.as_str(), edge.kind)
            })
            .collect();
        assert_eq!(
            edges,
            [
                ("A", "B", "t", EdgeKind::Event),
                ("A", "C", "t", EdgeKind::Virtual),
                ("A", "C", "v", EdgeKind::Virtual)
            ]
        );
        assert!(flow.edges[0].conditional && flow.edges[0].label.as_deref() == Some("paid"));
        assert_eq!(flow.steps, ["A", "B", "C"]);
    }
}
