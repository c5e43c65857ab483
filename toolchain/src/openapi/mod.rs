//! The HTTP interface of a project as an OpenAPI 3.1 document.

mod path;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};

use motia_manifest::{ApiConfig, Manifest, Step, StepConfig, StepKind};
use serde_json::{Map, Value, json};

use self::{
    path::{Parameter, Template},
    schemas::{Schemas, unique},
};

/// The component that describes the server's own errors.
const ERROR: &str = "Error";

/// Describes the api steps of a built project.
///
/// An optional part of a path makes two paths of it. Of two steps that OpenAPI cannot tell apart, such as
/// `/:id(\\d+)` and `/:name`, the first one is described; see [`left_out`].
pub fn document(manifest: &Manifest, title: &str, version: &str) -> Value {
    let steps: Vec<(&StepConfig, &ApiConfig)> =
        manifest.steps.iter().filter_map(|step| api(&step.config)).collect();
    let mut document = Document::new(&steps);
    let templates = steps.iter().map(|(_, api)| Template::all(&api.path));
    let mut operations: Vec<_> = steps.iter().zip(templates).collect();
    // A step's full path is described before the shorter forms of another's.
    let mut place = 0;
    while operations.iter().any(|(_, templates)| templates.len() > place) {
        for ((config, api), templates) in &mut operations {
            if let Some(template) = templates.get_mut(place).map(std::mem::take) {
                document.add(config, api, template);
            }
        }
        place += 1;
    }
    document.finish(title, version)
}

/// The api steps of a manifest that its document does not describe.
pub fn left_out<'a>(manifest: &'a Manifest, document: &Value) -> Vec<&'a Step> {
    let items = document["paths"].as_object().into_iter().flat_map(Map::values);
    let operations = items.filter_map(Value::as_object).flat_map(Map::values);
    let described: BTreeSet<&str> =
        operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let is_left_out = |step: &&Step| {
        api(&step.config).is_some() && !described.contains(step.config.name.as_str())
    };
    manifest.steps.iter().filter(is_left_out).collect()
}

fn api(config: &StepConfig) -> Option<(&StepConfig, &ApiConfig)> {
    match &config.kind {
        StepKind::Api(api) => Some((config, api)),
        _ => None,
    }
}

/// A document in the making.
struct Document {
    /// By the path's shape.
    paths: BTreeMap<String, PathItem>,
    schemas: Schemas,
    tags: BTreeSet<String>,
    operation_ids: BTreeSet<String>,
    /// Whether an operation refers to the server's own errors.
    has_errors: bool,
}

/// The operations of one path.
struct PathItem {
    template: Template,
    operations: Map<String, Value>,
}

impl Document {
    fn new(steps: &[(&StepConfig, &ApiConfig)]) -> Self {
        Self {
            paths: BTreeMap::new(),
            schemas: Schemas::new(ERROR, error_schema()),
            tags: steps.iter().flat_map(|(config, _)| config.flows.iter().cloned()).collect(),
            operation_ids: steps.iter().map(|(config, _)| config.name.clone()).collect(),
            has_errors: false,
        }
    }

    /// Adds a step at one of its paths, unless another step is there.
    fn add(&mut self, config: &StepConfig, api: &ApiConfig, template: Template) {
        let method = api.method.to_lowercase();
        let known = self.paths.get(&template.shape);
        if known.is_some_and(|item| item.operations.contains_key(&method)) {
            return;
        }
        // OpenAPI wants one set of names for all operations of a path: those that came first.
        let names = known.map_or(&template, |item| &item.template).parameters.iter();
        let names: Vec<String> = names.map(|parameter| parameter.name.clone()).collect();
        let mut parameters: Vec<Value> = names
            .iter()
            .zip(&template.parameters)
            .map(|(name, parameter)| path_parameter(name, parameter))
            .collect();
        parameters.extend(query_parameters(api));

        let is_first = !self.is_described(&config.name);
        let operation_id = match is_first {
            true => config.name.clone(),
            false => unique(&config.name, |id| self.operation_ids.contains(id)),
        };
        self.operation_ids.insert(operation_id.clone());
        let operation = self.operation(operation_id, config, api, parameters);
        let item = self
            .paths
            .entry(template.shape.clone())
            .or_insert_with(|| PathItem { template, operations: Map::new() });
        item.operations.insert(method, operation);
    }

    fn is_described(&self, operation_id: &str) -> bool {
        let mut operations = self.paths.values().flat_map(|item| item.operations.values());
        operations.any(|operation| operation["operationId"] == operation_id)
    }

    fn operation(
        &mut self,
        id: String,
        config: &StepConfig,
        api: &ApiConfig,
        parameters: Vec<Value>,
    ) -> Value {
        let mut operation = Map::new();
        operation.insert("operationId".to_owned(), json!(id));
        operation.insert("summary".to_owned(), json!(config.name));
        if let Some(description) = &config.description {
            operation.insert("description".to_owned(), json!(description));
        }
        if !config.flows.is_empty() {
            operation.insert("tags".to_owned(), json!(config.flows));
        }
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if let Some(schema) = &api.body_schema {
            let schema = self.schemas.reference(&format!("{}Body", config.name), schema);
            // The server accepts a GET or HEAD without a body, whatever the schema says.
            let is_required = !matches!(api.method.as_str(), "GET" | "HEAD");
            operation.insert(
                "requestBody".to_owned(),
                json!({ "required": is_required, "content": json_content(schema) }),
            );
        }
        operation.insert("responses".to_owned(), self.responses(config, api));
        if !config.emits.is_empty() {
            let topics: Vec<&str> = config.emits.iter().map(|emit| emit.topic.as_str()).collect();
            operation.insert("x-motia-emits".to_owned(), json!(topics));
        }
        Value::Object(operation)
    }

    fn responses(&mut self, config: &StepConfig, api: &ApiConfig) -> Value {
        let mut responses = BTreeMap::new();
        for (status, schema) in api.response_schema.iter().filter(|(status, _)| is_status(status)) {
            let name = format!("{}Response{status}", config.name);
            responses.insert(status.clone(), self.response(status, &name, schema));
        }
        if responses.is_empty() {
            responses.insert("200".to_owned(), json!({ "description": meaning("200") }));
        }
        if api.validate && api.body_schema.is_some() {
            self.has_errors = true;
            let refused = match responses.remove("400") {
                None => json!({ "$ref": "#/components/responses/Refused" }),
                Some(mut own) => {
                    let schema = &mut own["content"]["application/json"]["schema"];
                    *schema = match schema.take() {
                        Value::Null => error_reference(),
                        own => json!({ "anyOf": [own, error_reference()] }),
                    };
                    own
                }
            };
            responses.insert("400".to_owned(), refused);
        }
        json!(responses)
    }

    fn response(&mut self, status: &str, name: &str, schema: &Value) -> Value {
        // HTTP has no body there.
        if matches!(status, "204" | "304") {
            return json!({ "description": meaning(status) });
        }
        let content = match schema["type"] == "string" {
            // A step sends text as HTML unless it says otherwise.
            true => json!({ "text/*": { "schema": self.schemas.reference(name, schema) } }),
            false => json_content(self.schemas.reference(name, schema)),
        };
        json!({ "description": meaning(status), "content": content })
    }

    fn finish(self, title: &str, version: &str) -> Value {
        let paths: Map<String, Value> = self
            .paths
            .into_values()
            .map(|item| (item.template.path, Value::Object(item.operations)))
            .collect();
        let mut document = json!({
            "openapi": "3.1.0",
            "info": { "title": title, "version": version },
            "paths": paths,
        });
        if !self.tags.is_empty() {
            let tags = self.tags.into_iter().map(|name| json!({ "name": name }));
            document["tags"] = tags.collect();
        }
        let mut schemas = self.schemas.into_components();
        if !self.has_errors {
            schemas.shift_remove(ERROR);
        }
        if !schemas.is_empty() {
            document["components"] = json!({ "schemas": schemas });
        }
        if self.has_errors {
            document["components"]["responses"] = json!({ "Refused": {
                "description": "the body is not what its headers say or does not match the schema",
                "content": json_content(error_reference()),
            } });
        }
        document
    }
}

fn path_parameter(name: &str, parameter: &Parameter) -> Value {
    let mut schema = json!({ "type": "string" });
    if let Some(pattern) = &parameter.pattern {
        schema["pattern"] = json!(pattern);
    }
    let mut json = json!({ "name": name, "in": "path", "required": true, "schema": schema });
    if parameter.is_rest {
        json["description"] = json!("may contain slashes");
    }
    json
}

fn query_parameters(api: &ApiConfig) -> Vec<Value> {
    let mut names = BTreeSet::new();
    let distinct = api.query_params.iter().filter(|param| names.insert(&param.name));
    distinct
        .map(|param| {
            let schema = json!({ "type": "string" });
            let mut json = json!({ "name": param.name, "in": "query", "schema": schema });
            if !param.description.is_empty() {
                json["description"] = json!(param.description);
            }
            json
        })
        .collect()
}

fn json_content(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

/// Whether OpenAPI knows what a key of `responseSchema` says.
fn is_status(status: &str) -> bool {
    status.parse::<u16>().is_ok_and(|number| (100..600).contains(&number))
}

/// Every response needs a description, and a schema's key says no more than this.
fn meaning(status: &str) -> &'static str {
    match status.as_bytes().first() {
        Some(b'1' | b'2') => "success",
        Some(b'3') => "redirection",
        Some(b'4') => "the request is refused",
        _ => "the step failed",
    }
}

fn error_reference() -> Value {
    json!({ "$ref": format!("#/components/schemas/{ERROR}") })
}

/// What the server answers itself; see docs/errors.md.
fn error_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "error": { "type": "string", "description": "a sentence for people" },
            "code": { "type": "string", "description": "stable, for programs" },
            "traceId": { "type": "string" },
            "details": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "pointer": { "type": "string", "description": "a JSON pointer into the body" },
                    "message": { "type": "string" },
                    "line": { "type": "integer" },
                    "column": { "type": "integer" },
                },
            } },
        },
        "required": ["error", "code", "traceId"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest of steps with these configs.
    fn manifest(configs: &[Value]) -> Manifest {
        let steps = configs.iter().enumerate().map(|(i, config)| {
            let config = StepConfig::from_json(config).unwrap();
            let file = format!("steps/{i}.step.ts");
            json!({ "file": file, "language": "typescript", "config": config })
        });
        let steps: Vec<Value> = steps.collect();
        serde_json::from_value(json!({ "schemaVersion": 1, "steps": steps })).unwrap()
    }

    fn described(configs: &[Value]) -> Value {
        document(&manifest(configs), "Shop", "1.2.3")
    }

    fn endpoint(name: &str, method: &str, path: &str) -> Value {
        json!({ "type": "api", "name": name, "method": method, "path": path })
    }

    /// Every reference of a document that leads nowhere.
    fn dangling(document: &Value) -> Vec<String> {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, found));
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        references(document, &mut found);
        let leads_nowhere = |reference: &&str| {
            reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).is_none()
        };
        found.into_iter().filter(leads_nowhere).map(str::to_owned).collect()
    }

    #[test]
    fn an_api_step_is_described_with_all_that_its_config_says() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": "#/definitions/Order",
            "definitions": {
                "Order": {
                    "type": "object",
                    "properties": {
                        "items": { "type": "array", "items": { "$ref": "#/definitions/Item" } },
                        "parent": { "$ref": "#/definitions/Order" },
                    },
                },
                "Item": { "type": "string" },
            },
        });
        let document = described(&[
            json!({
                "type": "api", "name": "CreateOrder", "description": "Takes an order",
                "method": "POST", "path": "/shops/:shop/orders", "flows": ["orders"],
                "emits": ["order.created"], "bodySchema": schema,
                "responseSchema": { "201": schema, "204": {}, "400": { "type": "object" } },
                "queryParams": [{ "name": "dry", "description": "only check" }],
            }),
            json!({ "type": "noop", "name": "Approval" }),
            json!({ "type": "event", "name": "ShipOrder", "subscribes": ["order.created"] }),
        ]);
        assert_eq!(dangling(&document), Vec::<String>::new());
        assert_eq!(document["info"], json!({ "title": "Shop", "version": "1.2.3" }));
        assert_eq!(document["tags"], json!([{ "name": "orders" }]));
        assert_eq!(document["paths"].as_object().unwrap().len(), 1);
        let operation = &document["paths"]["/shops/{shop}/orders"]["post"];
        assert_eq!(operation["operationId"], "CreateOrder");
        assert_eq!(operation["x-motia-emits"], json!(["order.created"]));
        let parameters = operation["parameters"].as_array().unwrap();
        let places: Vec<_> = parameters.iter().map(|p| (&p["name"], &p["in"])).collect();
        assert_eq!(places, [(&json!("shop"), &json!("path")), (&json!("dry"), &json!("query"))]);
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(responses.keys().collect::<Vec<_>>(), ["201", "204", "400"]);
        let refused = &responses["400"]["content"]["application/json"]["schema"]["anyOf"];
        assert_eq!(refused[1], error_reference());
        let order = &document["components"]["schemas"]["Order"]["properties"];
        assert_eq!(order["parent"]["$ref"], "#/components/schemas/Order");
    }

    #[test]
    fn a_body_that_is_checked_can_be_refused() {
        let mut create = endpoint("Create", "POST", "/orders");
        create["bodySchema"] = json!({ "type": "object" });
        let checked = described(std::slice::from_ref(&create));
        let responses = &checked["paths"]["/orders"]["post"]["responses"];
        assert_eq!(responses["400"]["$ref"], "#/components/responses/Refused");
        assert_eq!(responses["200"]["description"], "success");
        assert_eq!(dangling(&checked), Vec::<String>::new());

        create["validate"] = json!(false);
        let unchecked = described(&[create]);
        assert!(unchecked["paths"]["/orders"]["post"]["responses"]["400"].is_null());
        assert!(unchecked["components"]["schemas"]["Error"].is_null());
    }

    #[test]
    fn paths_of_one_shape_are_one_path() {
        let document = described(&[
            endpoint("GetUser", "GET", "/users/:id?"),
            endpoint("DeleteUser", "DELETE", "/users/:name"),
            endpoint("ListUsers", "GET", "/users"),
        ]);
        let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/users", "/users/{id}"]);
        // The server, too, prefers the path that is all literal.
        assert_eq!(document["paths"]["/users"]["get"]["operationId"], "ListUsers");
        let delete = &document["paths"]["/users/{id}"]["delete"];
        assert_eq!(delete["parameters"][0]["name"], "id");
    }

    #[test]
    fn a_second_path_of_a_step_has_an_operation_id_of_its_own() {
        let document =
            described(&[endpoint("Page", "GET", "/pages/:id?"), endpoint("Page2", "GET", "/two")]);
        assert_eq!(document["paths"]["/pages/{id}"]["get"]["operationId"], "Page");
        assert_eq!(document["paths"]["/pages"]["get"]["operationId"], "Page3");
    }

    #[test]
    fn a_step_that_openapi_cannot_tell_from_another_is_named() {
        let manifest = manifest(&[
            endpoint("ById", "GET", "/users/:id(\\d+)"),
            endpoint("ByName", "GET", "/users/:name"),
        ]);
        let document = document(&manifest, "Shop", "1");
        let names: Vec<_> = left_out(&manifest, &document)
            .into_iter()
            .map(|step| step.config.name.as_str())
            .collect();
        assert_eq!(names, ["ByName"]);
    }
}
