//! JSON Schemas of steps as components of one document.
//!
//! A step's schema is a document of its own: `#/definitions/Todo` in it is not `#/definitions/Todo` in
//! the next. So each schema and each of its definitions becomes a component, and its references follow.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Where references to components begin.
const COMPONENTS: &str = "#/components/schemas/";

/// The components made so far.
#[derive(Debug)]
pub struct Schemas {
    components: BTreeMap<String, Value>,
    /// The component's name by the name that was asked for and the text that decides its meaning.
    known: BTreeMap<(String, String), String>,
}

impl Schemas {
    /// No components but `reserved`.
    pub fn new(reserved: &str, schema: Value) -> Self {
        let components = BTreeMap::from([(reserved.to_owned(), schema)]);
        Self { components, known: BTreeMap::new() }
    }

    /// All components by name.
    pub fn into_components(self) -> Map<String, Value> {
        self.components.into_iter().collect()
    }

    /// A reference to the component of a schema: it has the name of the schema's `title` if that can be one.
    pub fn reference(&mut self, name: &str, schema: &Value) -> Value {
        let Value::Object(fields) = schema else { return schema.clone() };
        let text = schema.to_string();
        let title = fields.get("title").and_then(Value::as_str).filter(|title| is_name(title));
        let (root, is_new) = self.claim(title.unwrap_or(name), text.clone());
        if is_new {
            self.add(&root, fields.clone(), &text);
        }
        json!({ "$ref": target(&root) })
    }

    /// Makes a component of a schema and of each of its definitions.
    fn add(&mut self, root: &str, mut schema: Map<String, Value>, text: &str) {
        let mut moved = Vec::new();
        let mut added = Vec::new();
        for keyword in ["$defs", "definitions"] {
            let Some(Value::Object(definitions)) = schema.shift_remove(keyword) else { continue };
            for (name, definition) in definitions {
                // With references in it, a definition means what the whole schema says.
                let own = definition.to_string();
                let meaning = if own.contains("\"$ref\"") { format!("{own}{text}") } else { own };
                let (component, is_new) = self.claim(&name, meaning);
                let pointer = name.replace('~', "~0").replace('/', "~1");
                moved.push((format!("#/{keyword}/{pointer}"), target(&component)));
                if is_new {
                    added.push((component, definition));
                }
            }
        }
        moved.push(("#".to_owned(), target(root)));
        added.push((root.to_owned(), Value::Object(schema)));
        for (name, mut schema) in added {
            rewrite(&mut schema, &moved);
            self.components.insert(name, schema);
        }
    }

    /// The component of this name and meaning, and whether it is new.
    fn claim(&mut self, name: &str, meaning: String) -> (String, bool) {
        let name: String = name.chars().filter(|&c| is_name_character(c)).collect();
        let key = (if name.is_empty() { "Schema".to_owned() } else { name }, meaning);
        if let Some(component) = self.known.get(&key) {
            return (component.clone(), false);
        }
        let component = unique(&key.0, |name| self.components.contains_key(name));
        self.components.insert(component.clone(), Value::Null);
        self.known.insert(key, component.clone());
        (component, true)
    }
}

/// The name, with a number behind it if it is taken.
pub fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut unique = name.to_owned();
    let mut number = 1;
    while is_taken(&unique) {
        number += 1;
        unique = format!("{name}{number}");
    }
    unique
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_character)
}

/// What OpenAPI allows in the name of a component.
fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

fn target(component: &str) -> String {
    format!("{COMPONENTS}{component}")
}

/// Makes a schema, of draft 7 or later, one of 2020-12 whose references follow what was moved.
fn rewrite(schema: &mut Value, moved: &[(String, String)]) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| rewrite(schema, moved)),
        Value::Object(fields) => {
            for keyword in ["$schema", "$id"] {
                fields.shift_remove(keyword);
            }
            rewrite_tuple(fields);
            for (keyword, value) in fields.iter_mut() {
                match (keyword.as_str(), value) {
                    ("$ref", Value::String(reference)) => follow(reference, moved),
                    // Data, not schemas.
                    ("const" | "default" | "enum" | "example" | "examples", _) => {}
                    (
                        "$defs" | "definitions" | "dependentSchemas" | "patternProperties"
                        | "properties",
                        Value::Object(named),
                    ) => named.values_mut().for_each(|schema| rewrite(schema, moved)),
                    (_, value) => rewrite(value, moved),
                }
            }
        }
        _ => {}
    }
}

/// In draft 7 the `items` of a tuple are a list, and what follows it is `additionalItems`.
fn rewrite_tuple(fields: &mut Map<String, Value>) {
    if !fields.get("items").is_some_and(Value::is_array) {
        return;
    }
    let rest = fields.shift_remove("additionalItems");
    if let Some(items) = fields.shift_remove("items") {
        fields.insert("prefixItems".to_owned(), items);
    }
    if let Some(rest) = rest {
        fields.insert("items".to_owned(), rest);
    }
}

/// Points a reference within a schema at where its target is now.
fn follow(reference: &mut String, moved: &[(String, String)]) {
    let target = moved.iter().find_map(|(from, to)| {
        let rest = reference.strip_prefix(from.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{}", tuple_pointer(rest)))
    });
    if let Some(target) = target {
        *reference = target;
    }
}

/// `/items/0` is an item of a tuple; see [`rewrite_tuple`].
fn tuple_pointer(pointer: &str) -> String {
    let mut parts: Vec<&str> = pointer.split('/').collect();
    for index in 1..parts.len() {
        if parts[index - 1] == "items" && parts[index].parse::<u32>().is_ok() {
            parts[index - 1] = "prefixItems";
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas() -> Schemas {
        Schemas::new("Error", json!({ "type": "object" }))
    }

    #[test]
    fn definitions_of_one_name_are_shared_only_if_they_are_one() {
        let mut schemas = schemas();
        let with =
            |definition: Value| json!({ "$ref": "#/$defs/Tag", "$defs": { "Tag": definition } });
        for (name, definition) in [("A", "string"), ("B", "string"), ("C", "number")] {
            schemas.reference(name, &with(json!({ "type": definition })));
        }
        let components = Value::Object(schemas.into_components());
        assert_eq!(components["A"], json!({ "$ref": "#/components/schemas/Tag" }));
        assert_eq!(components["A"], components["B"]);
        assert_eq!(components["C"], json!({ "$ref": "#/components/schemas/Tag2" }));
        assert_eq!(components["Tag2"], json!({ "type": "number" }));
    }

    #[test]
    fn a_title_names_the_component_and_reserved_names_stay() {
        let mut schemas = schemas();
        let todo = json!({ "title": "Todo", "type": "object" });
        let titled = schemas.reference("GetTodoResponse200", &todo);
        assert_eq!(titled, json!({ "$ref": "#/components/schemas/Todo" }));
        assert_eq!(schemas.reference("CreateTodoResponse201", &todo), titled);
        let error = schemas.reference("X", &json!({ "title": "Error" }));
        assert_eq!(error, json!({ "$ref": "#/components/schemas/Error2" }));
        let spoken = schemas.reference("Create order", &json!({ "title": "An order" }));
        assert_eq!(spoken, json!({ "$ref": "#/components/schemas/Createorder" }));
    }

    #[test]
    fn references_follow_recursion_pointers_and_tuples() {
        let mut schemas = schemas();
        schemas.reference(
            "Tree",
            &json!({
                "$schema": "http://json-schema.org/draft-07/schema#",
                "properties": {
                    "children": { "items": { "$ref": "#" } },
                    "pair": { "items": [{ "type": "string" }, false], "additionalItems": false },
                    "left": { "$ref": "#/properties/pair/items/0" },
                    "$ref": { "const": { "$ref": "#" } },
                },
            }),
        );
        let components = schemas.into_components();
        let properties = &components["Tree"]["properties"];
        let tree = "#/components/schemas/Tree";
        assert_eq!(properties["children"]["items"]["$ref"], tree);
        assert_eq!(
            properties["pair"],
            json!({ "prefixItems": [{ "type": "string" }, false], "items": false })
        );
        let left = format!("{tree}/properties/pair/prefixItems/0");
        assert_eq!(properties["left"]["$ref"], json!(left));
        assert_eq!(properties["$ref"]["const"]["$ref"], "#");
    }
}
