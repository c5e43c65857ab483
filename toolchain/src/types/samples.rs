//! Steps and streams for the tests of this module.

use motia_manifest::{Language, Manifest, SCHEMA_VERSION, Step, StepConfig, Stream, StreamConfig};
use serde_json::{Value, json};

/// An api step `POST /x`; `more` are keys of its config. Its name comes from the file's.
pub fn api(file: &str, more: Value) -> Step {
    step(file, json!({ "type": "api", "method": "POST", "path": "/x" }), more)
}

/// An event step; `more` are keys of its config. Its name comes from the file's.
pub fn event(file: &str, more: Value) -> Step {
    step(file, json!({ "type": "event" }), more)
}

/// A cron step; `more` are keys of its config. Its name comes from the file's.
pub fn cron(file: &str, more: Value) -> Step {
    step(file, json!({ "type": "cron", "cron": "* * * * *" }), more)
}

fn step(file: &str, mut config: Value, more: Value) -> Step {
    let (stem, language) = match file.rsplit_once('.').unwrap() {
        (stem, "ts") => (stem.strip_suffix(".step").unwrap(), "typescript"),
        (stem, "py") => (stem.strip_suffix("_step").unwrap(), "python"),
        (stem, _) => (stem.strip_suffix("_step").unwrap(), "rust"),
    };
    config["name"] = json!(stem.rsplit('/').next());
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    let config = StepConfig::from_json(&config).unwrap();
    let step = json!({ "file": file, "language": language, "config": config });
    serde_json::from_value(step).unwrap()
}

/// A project of these steps.
pub fn manifest(steps: Vec<Step>) -> Manifest {
    let manifest = json!({ "schemaVersion": SCHEMA_VERSION, "steps": steps });
    serde_json::from_value(manifest).unwrap()
}

/// A stream with a schema.
pub fn stream(name: &str, schema: Value) -> Stream {
    let config = StreamConfig::from_json(&json!({ "name": name, "schema": schema })).unwrap();
    let file = format!("steps/{name}.stream.ts");
    Stream { file, language: Language::TypeScript, code: None, source_map: None, config }
}

/// A project in which each language has a step that emits to an ordered and to a plain topic.
pub fn shop() -> Manifest {
    let order = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "description": "Given by the shop" },
            "items": { "type": "array", "items": { "$ref": "#/$defs/item" } },
            "note": { "type": ["string", "null"] },
            "payment": { "oneOf": [
                { "type": "object", "properties": { "kind": { "const": "card" }, "number": { "type": "string" } },
                  "required": ["kind", "number"] },
                { "type": "object", "properties": { "kind": { "const": "cash" } }, "required": ["kind"] }
            ] }
        },
        "required": ["id", "items", "payment"],
        "$defs": { "item": {
            "type": "object",
            "properties": {
                "sku": { "type": "string" },
                "giftFor": { "enum": ["child", "adult"] },
                "parts": { "type": "array", "items": { "$ref": "#/$defs/item" } }
            },
            "required": ["sku"]
        } }
    });
    let failure = json!({ "type": "object", "properties": { "error": { "type": "string" } }, "required": ["error"] });
    let emits = json!(["order.created", "stock-low"]);
    let config = json!({
        "emits": emits,
        "bodySchema": order,
        "responseSchema": { "201": order, "404": failure }
    });
    let low = json!({ "type": "object", "properties": { "sku": { "type": "string" }, "left": { "type": "integer" } },
        "required": ["sku", "left"] });
    let mut shop = manifest(vec![
        event(
            "steps/bill_order_step.py",
            json!({ "subscribes": ["order.created"], "input": order, "emits": ["stock-low"] }),
        ),
        cron("steps/check_stock_step.rs", json!({ "emits": emits })),
        api("steps/create-order.step.ts", config.clone()),
        api("steps/new_order_step.py", {
            let mut other = config;
            other["path"] = json!("/y");
            other
        }),
        event(
            "steps/refill.step.ts",
            json!({ "subscribes": ["stock-low"], "input": low, "infrastructure": { "queue": { "type": "fifo" } } }),
        ),
        cron("steps/report.step.ts", json!({ "description": "Counts\n orders */" })),
    ]);
    shop.streams = vec![
        stream("orders", order),
        stream(
            "live prices",
            json!({ "type": "object", "additionalProperties": { "type": "number" } }),
        ),
    ];
    shop
}
