//! What the steps of a project hand to each other: the data of each topic.

use std::collections::BTreeMap;

use motia_manifest::{EventConfig, Manifest, QueueType, Step, StepKind};
use serde_json::{Map, Value};

use crate::project;

/// The topics of a project.
#[derive(Debug)]
pub struct Interface<'a> {
    topics: BTreeMap<&'a str, Topic<'a>>,
    /// Topics that nobody handles, or that nobody can emit to.
    pub warnings: Vec<String>,
}

/// A topic with at least one subscriber.
#[derive(Debug, PartialEq)]
pub struct Topic<'a> {
    pub name: &'a str,
    /// The schema that fits the `input` of every subscriber: `true` if none has one, `false` if nothing fits.
    pub schema: Value,
    /// Whether a subscriber takes events in order within a message group.
    pub ordered: bool,
    /// The subscribers.
    pub files: Vec<&'a str>,
}

impl<'a> Interface<'a> {
    pub fn of(manifest: &'a Manifest) -> Self {
        let mut subscribers: BTreeMap<&str, Vec<(&Step, &EventConfig)>> = BTreeMap::new();
        for step in &manifest.steps {
            if let StepKind::Event(event) = &step.config.kind {
                for topic in &event.subscribes {
                    subscribers.entry(topic).or_default().push((step, event));
                }
            }
        }
        let mut warnings = project::warnings(&manifest.steps);
        let topics = subscribers.into_iter().map(|(name, subscribers)| {
            let schema = common_schema(&subscribers).unwrap_or_else(|conflict| {
                warnings.push(format!(
                    "topic `{name}`: {conflict}, so no event suits both and emits have the type \
                     `never`; give the steps inputs that agree"
                ));
                Value::Bool(false)
            });
            let ordered = subscribers
                .iter()
                .any(|(_, event)| event.infrastructure.queue.r#type == QueueType::Fifo);
            let files = subscribers.iter().map(|(step, _)| step.file.as_str()).collect();
            (name, Topic { name, schema, ordered, files })
        });
        Self { topics: topics.collect(), warnings }
    }

    /// The topics that a step declares and somebody handles, in the order of its config.
    pub fn emits(&self, step: &Step) -> Vec<&Topic<'a>> {
        let mut topics: Vec<&Topic<'a>> = Vec::new();
        for emit in &step.config.emits {
            if let Some(topic) = self.topics.get(emit.topic.as_str())
                && !topics.contains(&topic)
            {
                topics.push(topic);
            }
        }
        topics
    }

    /// All topics that one of the steps emits, by name.
    pub fn emitted_by(&self, steps: &[&Step]) -> Vec<&Topic<'a>> {
        let topics = steps.iter().flat_map(|step| self.emits(step));
        let by_name: BTreeMap<&str, &Topic<'a>> = topics.map(|topic| (topic.name, topic)).collect();
        by_name.into_values().collect()
    }
}

/// The schema of what all subscribers take, or which two do not agree.
fn common_schema(subscribers: &[(&Step, &EventConfig)]) -> Result<Value, String> {
    let inputs: Vec<(&str, &Value)> = subscribers
        .iter()
        .filter_map(|(step, event)| Some((step.file.as_str(), event.input.as_ref()?)))
        .collect();
    let mut common = Value::Bool(true);
    for (i, (file, input)) in inputs.iter().enumerate() {
        if i == 0 {
            common = (*input).clone();
            continue;
        }
        // What is common to the earlier ones agrees with this one if each of them does.
        for (earlier, other) in &inputs[..i] {
            merge(other, input).map_err(|cause| format!("{earlier} and {file}: {cause}"))?;
        }
        common = merge(&common, input)?;
    }
    Ok(common)
}

/// The schema that fits both: an equal one, or the object with the fields of both.
fn merge(left: &Value, right: &Value) -> Result<Value, String> {
    if essence(left) == essence(right) {
        return Ok(left.clone());
    }
    let (Some(one), Some(other)) = (plain_object(left), plain_object(right)) else {
        return Err("their inputs differ".to_owned());
    };
    for (closed, open) in [(one, other), (other, one)] {
        if closed.get("additionalProperties") != Some(&Value::Bool(false)) {
            continue;
        }
        let allows =
            |name: &str| child(closed, "properties").is_some_and(|known| known.contains_key(name));
        let mut names = child(open, "properties").into_iter().flat_map(Map::keys);
        if let Some(name) = names.find(|name| !allows(name)) {
            return Err(format!("one has the field `{name}`, which the other does not allow"));
        }
    }
    let mut merged = one.clone();
    for key in ["properties", "$defs", "definitions"] {
        let mut entries = child(one, key).cloned().unwrap_or_default();
        for (name, schema) in child(other, key).into_iter().flatten() {
            match entries.get(name) {
                Some(own) if essence(own) != essence(schema) => {
                    return Err(format!("they differ in `{name}`"));
                }
                Some(_) => {}
                None => {
                    entries.insert(name.clone(), schema.clone());
                }
            }
        }
        if !entries.is_empty() {
            merged.insert(key.to_owned(), Value::Object(entries));
        }
    }
    merged.insert("required".to_owned(), required(one, other));
    Ok(Value::Object(merged))
}

/// The keywords of a schema that describes an object by its fields and nothing else.
fn plain_object(schema: &Value) -> Option<&Map<String, Value>> {
    const OTHERS: [&str; 8] =
        ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "enum"];
    let keys = schema.as_object()?;
    let plain = keys.get("type")? == "object" && !OTHERS.iter().any(|key| keys.contains_key(*key));
    plain.then_some(keys)
}

fn child<'v>(keys: &'v Map<String, Value>, key: &str) -> Option<&'v Map<String, Value>> {
    keys.get(key).and_then(Value::as_object)
}

/// The fields that either requires.
fn required(one: &Map<String, Value>, other: &Map<String, Value>) -> Value {
    let mut names: Vec<Value> = Vec::new();
    for keys in [one, other] {
        for name in keys.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    Value::Array(names)
}

/// A schema without what only explains it, so that equal ones of different libraries compare as equal.
fn essence(schema: &Value) -> Value {
    const EXPLAINS: [&str; 9] = [
        "$schema",
        "$id",
        "$comment",
        "title",
        "description",
        "examples",
        "default",
        "readOnly",
        "writeOnly",
    ];
    match schema {
        Value::Object(keys) => {
            let kept = keys.iter().filter(|(key, _)| !EXPLAINS.contains(&key.as_str()));
            let entries = kept.map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    ("const" | "enum", value) => value.clone(),
                    ("required", Value::Array(names)) => sorted(names),
                    // The keys of these are names, not keywords.
                    (
                        "properties" | "patternProperties" | "$defs" | "definitions",
                        Value::Object(named),
                    ) => {
                        named.iter().map(|(name, schema)| (name.clone(), essence(schema))).collect()
                    }
                    (_, value) => essence(value),
                };
                (key.clone(), value)
            });
            entries.collect()
        }
        Value::Array(items) => items.iter().map(essence).collect(),
        other => other.clone(),
    }
}

fn sorted(names: &[Value]) -> Value {
    let mut names = names.to_vec();
    names.sort_by_key(ToString::to_string);
    Value::Array(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::samples::{api, event, manifest};

    fn text(fields: &[&str]) -> Value {
        let properties: Map<String, Value> =
            fields.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
        json!({ "type": "object", "properties": properties, "required": fields })
    }

    #[test]
    fn a_topic_has_the_fields_of_all_its_subscribers() {
        let mut described = text(&["b", "a"]);
        described["title"] = json!("Described");
        let manifest = manifest(vec![
            api("steps/a.step.ts", json!({ "emits": ["t", "t", "nobody"] })),
            event("steps/b.step.ts", json!({ "subscribes": ["t"], "input": text(&["a", "b"]) })),
            event("steps/c_step.py", json!({ "subscribes": ["t"], "input": described })),
            event("steps/d.step.ts", json!({ "subscribes": ["t"], "input": text(&["c"]) })),
            event("steps/e.step.ts", json!({ "subscribes": ["t"] })),
        ]);
        let interface = Interface::of(&manifest);
        let topics = interface.emits(&manifest.steps[0]);
        assert_eq!(topics.len(), 1);
        assert_eq!(topics[0].schema["required"], json!(["a", "b", "c"]));
        assert_eq!(topics[0].schema["properties"].as_object().unwrap().len(), 3);
        assert_eq!(topics[0].files.len(), 4);
        assert_eq!(interface.warnings, ["steps/a.step.ts: no step subscribes to `nobody`"]);
    }

    #[test]
    fn inputs_that_no_event_suits_are_named() {
        let number = json!({ "type": "object", "properties": { "a": { "type": "number" } } });
        let mut closed = text(&["x"]);
        closed["additionalProperties"] = json!(false);
        let manifest = manifest(vec![
            event("steps/a.step.ts", json!({ "subscribes": ["t", "u"], "input": text(&["a"]) })),
            event("steps/b.step.ts", json!({ "subscribes": ["t"], "input": number })),
            event("steps/c.step.ts", json!({ "subscribes": ["u"], "input": closed })),
        ]);
        let interface = Interface::of(&manifest);
        assert_eq!(interface.topics["t"].schema, json!(false));
        assert_eq!(interface.warnings.len(), 2);
        let first =
            "topic `t`: steps/a.step.ts and steps/b.step.ts: they differ in `a`, so no event";
        assert!(interface.warnings[0].starts_with(first), "{:?}", interface.warnings);
        assert!(interface.warnings[1].contains("the field `a`"), "{:?}", interface.warnings);
    }
}
