//! JSON Schema as types that every language can print.
//!
//! Drafts 7 and 2020-12, as zod and pydantic write them. Only what shapes a value counts: lengths, ranges and
//! formats are left to the host, which checks values against the schema itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The shape of a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    Any,
    Never,
    Null,
    Boolean,
    Integer,
    Number,
    String,
    /// A string, number or boolean that is given.
    Literal(Value),
    Array(Box<Type>),
    /// The first items, and what may follow them.
    Tuple(Vec<Type>, Option<Box<Type>>),
    Object(Object),
    /// The value, or null.
    Nullable(Box<Type>),
    /// At least two types, none of them null, `Any` or another union.
    Union(Vec<Type>),
    /// At least two types, all of which a value has.
    Intersection(Vec<Type>),
    /// A type of [`Types::definitions`].
    Named(String),
}

/// The fields of an object, and the type of all others if the schema names one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    pub fields: Vec<Field>,
    pub others: Option<Box<Type>>,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub description: Option<String>,
    pub required: bool,
    pub r#type: Type,
}

/// Which types get a name of their own, beside those that a `$ref` leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// No others.
    References,
    /// Whole schemas, and the objects in them.
    Objects,
    /// Whole schemas, and the objects, unions and literal strings in them.
    Unions,
}

/// Types read from schemas, and those among them that have names.
#[derive(Debug)]
pub struct Types {
    naming: Naming,
    /// What the names mean; a type mostly comes after those that it is made of.
    pub definitions: Vec<(String, Type)>,
    names: Names,
    /// What was read so far: equal schemas of objects are one type.
    read: Vec<(Value, Type)>,
}

/// Names that are given once.
#[derive(Debug, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The name, with a number behind it if it is taken.
    pub fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        while !self.0.insert(unique.clone()) {
            unique = format!("{name}{number}");
            number += 1;
        }
        unique
    }
}

impl Types {
    pub fn new(naming: Naming) -> Self {
        Self { naming, definitions: Vec::new(), names: Names::default(), read: Vec::new() }
    }

    /// The type of a schema's values; none allows any. `name` is its own or begins those of its parts.
    pub fn read(&mut self, schema: Option<&Value>, name: &str) -> Type {
        let any = Value::Bool(true);
        let root = schema.unwrap_or(&any);
        let named = self.naming != Naming::References;
        if let Some((_, known)) = self.read.iter().find(|(known, _)| known == root) {
            let known = known.clone();
            if !named {
                return known;
            }
            let name = self.names.unique(name);
            return self.define(name, known);
        }
        let mut reader = Reader { types: self, root, name, references: BTreeMap::new() };
        let read = if named { reader.reference("#") } else { reader.convert(root, name) };
        if ["properties", "$ref"].iter().any(|key| root.get(key).is_some()) {
            self.read.push((root.clone(), read.clone()));
        }
        read
    }

    fn define(&mut self, name: String, r#type: Type) -> Type {
        self.definitions.push((name.clone(), r#type));
        Type::Named(name)
    }

    /// The type under a name, if it is one that gets a name.
    fn named(&mut self, r#type: Type, name: &str) -> Type {
        if let Type::Nullable(inner) = r#type {
            return nullable(self.named(*inner, name));
        }
        let applies = match &r#type {
            Type::Object(object) => {
                self.naming != Naming::References
                    && (!object.fields.is_empty() || object.others.is_none())
            }
            Type::Union(_) | Type::Literal(Value::String(_)) => self.naming == Naming::Unions,
            _ => false,
        };
        if !applies {
            return r#type;
        }
        let name = self.names.unique(name);
        self.define(name, r#type)
    }

    /// Names from which a walk along the definitions comes back to where it began.
    pub fn recursive(&self) -> BTreeSet<&str> {
        let uses: BTreeMap<&str, BTreeSet<&str>> = self
            .definitions
            .iter()
            .map(|(name, r#type)| {
                let mut used = BTreeSet::new();
                r#type.names(&mut used);
                (name.as_str(), used)
            })
            .collect();
        let reaches_itself = |name: &&str| {
            let mut seen = BTreeSet::new();
            let mut pending: Vec<&str> = vec![*name];
            while let Some(next) = pending.pop() {
                pending.extend(uses[next].iter().copied().filter(|used| seen.insert(*used)));
            }
            seen.contains(*name)
        };
        uses.keys().copied().filter(reaches_itself).collect()
    }
}

impl Type {
    /// Adds the names that the type mentions.
    fn names<'a>(&'a self, into: &mut BTreeSet<&'a str>) {
        match self {
            Self::Named(name) => {
                into.insert(name);
            }
            Self::Array(inner) | Self::Nullable(inner) => inner.names(into),
            Self::Tuple(parts, rest) => {
                parts.iter().chain(rest.as_deref()).for_each(|part| part.names(into));
            }
            Self::Union(parts) | Self::Intersection(parts) => {
                parts.iter().for_each(|part| part.names(into));
            }
            Self::Object(object) => {
                object.fields.iter().for_each(|field| field.r#type.names(into));
                object.others.iter().for_each(|others| others.names(into));
            }
            Self::Any
            | Self::Never
            | Self::Null
            | Self::Boolean
            | Self::Integer
            | Self::Number
            | Self::String
            | Self::Literal(_) => {}
        }
    }

    fn is_literal(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Union(parts) => parts.iter().all(Self::is_literal),
            _ => false,
        }
    }
}

/// Reads one schema, in which references point from its root.
struct Reader<'a> {
    types: &'a mut Types,
    root: &'a Value,
    name: &'a str,
    /// The names of what was referred to, by JSON pointer.
    references: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// The type of a schema; `name` is for the type if it gets one.
    fn convert(&mut self, schema: &Value, name: &str) -> Type {
        let shape = self.shape(schema, name);
        self.types.named(shape, name)
    }

    fn reference(&mut self, reference: &str) -> Type {
        let root = self.root;
        let target = reference.strip_prefix('#').and_then(|pointer| {
            let schema = root.pointer(pointer)?;
            Some((pointer, schema))
        });
        // Other documents and anchors are not looked up.
        let Some((pointer, schema)) = target else { return Type::Any };
        if let Some(name) = self.references.get(pointer) {
            return Type::Named(name.clone());
        }
        let last = pointer.rsplit('/').find(|part| part.parse::<usize>().is_err());
        let wanted = format!("{}{}", self.name, pascal_case(last.unwrap_or_default()));
        let name = self.types.names.unique(&wanted);
        self.references.insert(pointer.to_owned(), name.clone());
        let shape = self.shape(schema, &name);
        self.types.define(name, shape)
    }

    /// The type of a schema, without a name of its own.
    fn shape(&mut self, schema: &Value, name: &str) -> Type {
        let keys = match schema {
            Value::Object(keys) => keys,
            Value::Bool(false) => return Type::Never,
            _ => return Type::Any,
        };
        let nothing = keys.get("not").is_some_and(|not| match not {
            Value::Object(keys) => keys.is_empty(),
            not => *not == Value::Bool(true),
        });
        if nothing {
            return Type::Never;
        }
        let mut parts = match keys.get("$ref").and_then(Value::as_str) {
            Some(reference) => vec![self.reference(reference)],
            None => vec![self.own(keys, name)],
        };
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(options)) = keys.get(key) {
                parts.push(self.options(options, name));
            }
        }
        if let Some(Value::Array(all)) = keys.get("allOf") {
            parts.extend(all.iter().map(|part| self.shape(part, name)));
        }
        let shape = intersection(parts);
        if keys.get("nullable") == Some(&Value::Bool(true)) { nullable(shape) } else { shape }
    }

    /// What the keywords beside references and combinations say.
    fn own(&mut self, keys: &Map<String, Value>, name: &str) -> Type {
        if let Some(value) = keys.get("const") {
            return literal(value);
        }
        if let Some(Value::Array(values)) = keys.get("enum") {
            return union(values.iter().map(literal).collect());
        }
        match keys.get("type") {
            Some(Value::String(word)) => self.typed(word, keys, name),
            Some(Value::Array(words)) => {
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                let alone = words.iter().filter(|word| **word != "null").count() == 1;
                let parts = words.iter().map(|word| {
                    let part = self.typed(word, keys, name);
                    if alone { part } else { self.types.named(part, &format!("{name}Object")) }
                });
                union(parts.collect())
            }
            _ if ["properties", "patternProperties", "additionalProperties"]
                .iter()
                .any(|key| keys.contains_key(*key)) =>
            {
                self.object(keys, name)
            }
            _ if keys.contains_key("items") || keys.contains_key("prefixItems") => {
                self.array(keys, name)
            }
            _ => Type::Any,
        }
    }

    fn typed(&mut self, word: &str, keys: &Map<String, Value>, name: &str) -> Type {
        match word {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "string" => Type::String,
            "array" => self.array(keys, name),
            "object" => self.object(keys, name),
            _ => Type::Any,
        }
    }

    fn array(&mut self, keys: &Map<String, Value>, name: &str) -> Type {
        let (first, rest) = match (keys.get("prefixItems"), keys.get("items")) {
            (Some(Value::Array(first)), rest) => (first, rest),
            (_, Some(Value::Array(first))) => (first, keys.get("additionalItems")),
            (_, None) => return Type::Array(Box::new(Type::Any)),
            (_, Some(items)) => {
                return Type::Array(Box::new(self.convert(items, &format!("{name}Item"))));
            }
        };
        let mut parts = Vec::new();
        for (i, part) in first.iter().enumerate() {
            parts.push(self.convert(part, &format!("{name}Item{}", i + 1)));
        }
        let rest = rest.filter(|rest| **rest != Value::Bool(false));
        let rest = rest.map(|rest| Box::new(self.convert(rest, &format!("{name}Rest"))));
        Type::Tuple(parts, rest)
    }

    fn object(&mut self, keys: &Map<String, Value>, name: &str) -> Type {
        let required: Vec<&str> = match keys.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let others = self.others(keys, name);
        let mut fields = Vec::new();
        for (field, schema) in
            keys.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let description = schema.get("description").and_then(Value::as_str);
            fields.push(Field {
                name: field.clone(),
                description: description.map(str::to_owned),
                required: required.contains(&field.as_str()),
                r#type: self.convert(schema, &format!("{name}{}", pascal_case(field))),
            });
        }
        // A record over given keys has them in `required` only.
        for name in required {
            if !fields.iter().any(|field| field.name == name) {
                let r#type = others.clone().unwrap_or(Type::Any);
                let name = name.to_owned();
                fields.push(Field { name, description: None, required: true, r#type });
            }
        }
        // Beside known fields, others that may be anything are not worth a word.
        let others = others.filter(|others| fields.is_empty() || *others != Type::Any);
        Type::Object(Object { fields, others: others.map(Box::new) })
    }

    /// The type of the fields that the schema does not name; none if there are none.
    fn others(&mut self, keys: &Map<String, Value>, name: &str) -> Option<Type> {
        let name = format!("{name}Value");
        let patterns = keys.get("patternProperties").and_then(Value::as_object);
        let mut parts = Vec::new();
        for schema in patterns.into_iter().flat_map(Map::values) {
            parts.push(self.convert(schema, &name));
        }
        match keys.get("additionalProperties") {
            None if parts.is_empty() => parts.push(Type::Any),
            None | Some(Value::Bool(false)) => {}
            Some(schema) => parts.push(self.convert(schema, &name)),
        }
        if parts.is_empty() { None } else { Some(self.types.named(union(parts), &name)) }
    }

    fn options(&mut self, options: &[Value], name: &str) -> Type {
        let mut parts = Vec::new();
        for (i, option) in options.iter().enumerate() {
            let own = match discriminator(option) {
                Some(word) => format!("{name}{}", pascal_case(word)),
                None => format!("{name}{}", i + 1),
            };
            let shape = self.shape(option, &own);
            // Literals stay together: they are one list of words.
            parts.push(if shape.is_literal() { shape } else { self.types.named(shape, &own) });
        }
        union(parts)
    }
}

/// The word by which an option of a union is recognised.
fn discriminator(option: &Value) -> Option<&str> {
    let fields = option.get("properties")?.as_object()?;
    fields.values().find_map(|field| field.get("const")?.as_str())
}

fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Array(_) | Value::Object(_) => Type::Any,
        value => Type::Literal(value.clone()),
    }
}

fn nullable(r#type: Type) -> Type {
    match r#type {
        Type::Any | Type::Null | Type::Nullable(_) => r#type,
        r#type => Type::Nullable(Box::new(r#type)),
    }
}

fn union(parts: Vec<Type>) -> Type {
    let mut flat: Vec<Type> = Vec::new();
    let mut with_null = false;
    let mut pending: Vec<Type> = parts.into_iter().rev().collect();
    while let Some(part) = pending.pop() {
        match part {
            Type::Any => return Type::Any,
            Type::Never => {}
            Type::Null => with_null = true,
            Type::Nullable(inner) => {
                with_null = true;
                pending.push(*inner);
            }
            Type::Union(inner) => pending.extend(inner.into_iter().rev()),
            part if flat.contains(&part) => {}
            part => flat.push(part),
        }
    }
    let union = match (flat.len(), with_null) {
        (0, true) => return Type::Null,
        (0, false) => Type::Never,
        (1, _) => flat.remove(0),
        _ => Type::Union(flat),
    };
    if with_null { nullable(union) } else { union }
}

fn intersection(parts: Vec<Type>) -> Type {
    let mut all: Vec<Type> = Vec::new();
    for part in parts {
        match part {
            Type::Any => {}
            Type::Never => return Type::Never,
            Type::Object(object) => match all.iter_mut().find(|one| matches!(one, Type::Object(_)))
            {
                Some(Type::Object(first)) => first.join(object),
                _ => all.push(Type::Object(object)),
            },
            part if all.contains(&part) => {}
            part => all.push(part),
        }
    }
    match all.len() {
        0 => Type::Any,
        1 => all.remove(0),
        _ => Type::Intersection(all),
    }
}

impl Object {
    /// Adds the fields of another object that the same value has to be.
    fn join(&mut self, other: Self) {
        for field in other.fields {
            match self.fields.iter_mut().find(|own| own.name == field.name) {
                Some(own) => {
                    own.required |= field.required;
                    own.r#type = intersection(vec![own.r#type.clone(), field.r#type]);
                }
                None => self.fields.push(field),
            }
        }
        let others = self.others.take().or(other.others);
        self.others = others.filter(|others| self.fields.is_empty() || **others != Type::Any);
    }
}

/// `todo.created` and `create-todo` as the name of a type: `TodoCreated`, `CreateTodo`.
pub fn pascal_case(text: &str) -> String {
    let mut name = String::new();
    let mut begins = true;
    for c in text.chars() {
        if !c.is_alphabetic() && !c.is_ascii_digit() {
            begins = true;
        } else if begins {
            name.extend(c.to_uppercase());
            begins = false;
        } else {
            name.push(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(naming: Naming, schema: Value) -> (Type, Types) {
        let mut types = Types::new(naming);
        let read = types.read(Some(&schema), "Root");
        (read, types)
    }

    fn inline(schema: Value) -> Type {
        read(Naming::References, schema).0
    }

    #[test]
    fn null_has_many_spellings() {
        let text_or_null = Type::Nullable(Box::new(Type::String));
        assert_eq!(inline(json!({ "type": ["string", "null"] })), text_or_null);
        assert_eq!(inline(json!({ "type": "string", "nullable": true })), text_or_null);
        let any_of = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
        assert_eq!(inline(any_of), text_or_null);
        let words = Type::Union(vec![Type::Literal(json!("a")), Type::Literal(json!("b"))]);
        assert_eq!(inline(json!({ "enum": ["a", "b", null] })), Type::Nullable(Box::new(words)));
    }

    #[test]
    fn records_tuples_and_boolean_schemas_are_read() {
        assert_eq!(inline(json!(true)), Type::Any);
        assert_eq!(inline(json!({ "not": {} })), Type::Never);
        let numbers = Object { fields: Vec::new(), others: Some(Box::new(Type::Number)) };
        let record = json!({ "type": "object", "additionalProperties": { "type": "number" } });
        assert_eq!(inline(record), Type::Object(numbers));
        let pair = Type::Tuple(vec![Type::String], Some(Box::new(Type::Integer)));
        let draft_7 =
            json!({ "items": [{ "type": "string" }], "additionalItems": { "type": "integer" } });
        let current =
            json!({ "prefixItems": [{ "type": "string" }], "items": { "type": "integer" } });
        assert_eq!(inline(draft_7), pair);
        assert_eq!(inline(current), pair);
    }

    #[test]
    fn objects_that_must_all_hold_become_one() {
        let field = |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } }, "required": [name] });
        let Type::Object(object) = inline(json!({ "allOf": [field("a"), field("b")] })) else {
            panic!("not an object");
        };
        let names: Vec<&str> = object.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let tree = json!({
            "type": "object",
            "properties": { "children": { "type": "array", "items": { "$ref": "#" } } },
            "required": ["children"]
        });
        let (root, types) = read(Naming::Objects, tree);
        assert_eq!(root, Type::Named("Root".into()));
        assert_eq!(types.definitions.len(), 1);
        assert_eq!(types.recursive().into_iter().collect::<Vec<_>>(), ["Root"]);
    }

    #[test]
    fn inner_objects_are_named_by_their_place() {
        let address = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let schema = json!({
            "type": "object",
            "properties": { "homes": { "type": "array", "items": address }, "work_address": address }
        });
        let (_, types) = read(Naming::Objects, schema);
        let names: Vec<&str> = types.definitions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["RootHomesItem", "RootWorkAddress", "Root"]);
    }
}
