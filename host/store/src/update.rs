//! Changes of a part of a value, applied where the value is: nobody can come between read and write.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::{Json, StoreError, StoreResult};

/// What `serde_json` reads back. A value that is nested deeper could be written but never updated again.
const MAX_DEPTH: usize = 127;

/// Up to here every integer is a JavaScript number.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A change of a part of a value.
///
/// A path is the names of nested fields with dots between them; the empty path is the whole value.
/// What is missing or `null` counts as an empty object on the way to a field and as 0 where something
/// is added to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum UpdateOp {
    /// Stores a value.
    Set {
        /// Where.
        #[serde(default)]
        path: String,
        /// What.
        value: Value,
    },
    /// Stores every field of an object in the object that is there.
    Merge {
        /// Where.
        #[serde(default)]
        path: String,
        /// An object.
        value: Value,
    },
    /// Adds to a number.
    Increment {
        /// Where.
        #[serde(default)]
        path: String,
        /// How much.
        by: f64,
    },
    /// Subtracts from a number.
    Decrement {
        /// Where.
        #[serde(default)]
        path: String,
        /// How much.
        by: f64,
    },
    /// Deletes a field; the whole value becomes `null`.
    Remove {
        /// Where.
        #[serde(default)]
        path: String,
    },
}

/// Applies all operations in their order, or none.
///
/// Integers stay integers as long as only integers are added and the sum is one.
///
/// Fails with [`StoreError::Update`] when an operation does not fit what is there.
pub fn apply_update(current: Option<&str>, ops: &[UpdateOp]) -> StoreResult<Json> {
    let mut root = match current {
        None => Value::Null,
        Some(text) => serde_json::from_str(text)
            .map_err(|error| StoreError::Failed(format!("a stored value is not JSON: {error}")))?,
    };
    for op in ops {
        apply(&mut root, op)?;
    }
    if depth(&root) > MAX_DEPTH {
        return Err(StoreError::Update(format!(
            "the new value is nested deeper than {MAX_DEPTH} levels"
        )));
    }
    Ok(root.to_string())
}

/// Refuses a value of more than `max_bytes`.
pub(crate) fn check_value_size(value: &str, max_bytes: usize) -> StoreResult<()> {
    if value.len() > max_bytes {
        let size = value.len();
        return Err(StoreError::Update(format!(
            "the new value has {size} bytes, {max_bytes} are allowed; split it over several keys"
        )));
    }
    Ok(())
}

/// The error for a group that has more than `max_bytes`.
pub(crate) fn group_too_large(group: &str, max_bytes: usize) -> StoreError {
    StoreError::Update(format!(
        "group `{group}` has more than {max_bytes} bytes; read its keys one by one or split it"
    ))
}

fn apply(root: &mut Value, op: &UpdateOp) -> StoreResult<()> {
    match op {
        UpdateOp::Set { path, value } => {
            *place(root, path, "set")? = value.clone();
            Ok(())
        }
        UpdateOp::Merge { path, value } => merge(root, path, value),
        UpdateOp::Increment { path, by } => add(root, path, *by, "increment"),
        UpdateOp::Decrement { path, by } => add(root, path, -*by, "decrement"),
        UpdateOp::Remove { path } => remove(root, path),
    }
}

fn merge(root: &mut Value, path: &str, value: &Value) -> StoreResult<()> {
    let Value::Object(fields) = value else {
        return Err(mismatch("merge into", path, "the merged value is", value));
    };
    let target = place(root, path, "merge into")?;
    if target.is_null() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(object) = target else {
        return Err(mismatch("merge into", path, "it is", target));
    };
    for (name, field) in fields {
        object.insert(name.clone(), field.clone());
    }
    Ok(())
}

fn add(root: &mut Value, path: &str, by: f64, verb: &str) -> StoreResult<()> {
    let target = place(root, path, verb)?;
    let old = match &*target {
        Value::Null => Number::from(0),
        Value::Number(number) => number.clone(),
        other => return Err(mismatch(verb, path, "it is", other)),
    };
    let Some(sum) = sum(&old, by) else {
        return Err(StoreError::Update(format!(
            "cannot {verb} {}: the result is not a finite number",
            named(path)
        )));
    };
    *target = Value::Number(sum);
    Ok(())
}

fn remove(root: &mut Value, path: &str) -> StoreResult<()> {
    if path.is_empty() {
        *root = Value::Null;
        return Ok(());
    }
    let mut parent = root;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let object = match parent {
            Value::Object(object) => object,
            Value::Null => return Ok(()),
            other => return Err(mismatch("remove", path, "what should hold it is", other)),
        };
        if names.peek().is_none() {
            object.shift_remove(name);
            return Ok(());
        }
        let Some(child) = object.get_mut(name) else {
            return Ok(());
        };
        parent = child;
    }
    Ok(())
}

/// What is at the path; `null` is put there, and objects on the way to it, if there is nothing.
fn place<'a>(root: &'a mut Value, path: &str, verb: &str) -> StoreResult<&'a mut Value> {
    if path.is_empty() {
        return Ok(root);
    }
    if path.split('.').count() > MAX_DEPTH {
        return Err(StoreError::Update(format!(
            "cannot {verb} a path of more than {MAX_DEPTH} names"
        )));
    }
    let mut target = root;
    for name in path.split('.') {
        if target.is_null() {
            *target = Value::Object(Map::new());
        }
        target = match target {
            Value::Object(object) => object.entry(name).or_insert(Value::Null),
            other => return Err(mismatch(verb, path, "what should hold it is", other)),
        };
    }
    Ok(target)
}

/// None if the sum is not finite.
fn sum(old: &Number, by: f64) -> Option<Number> {
    if let (Some(old), Some(by)) = (integer(old), integral(by))
        && let Some(sum) = old.checked_add(by)
    {
        return Some(Number::from(sum));
    }
    Number::from_f64(old.as_f64()? + by)
}

fn integer(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| number.as_f64().and_then(integral))
}

fn integral(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER).then_some(number as i64)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn mismatch(verb: &str, path: &str, what: &str, found: &Value) -> StoreError {
    StoreError::Update(format!("cannot {verb} {}: {what} {}", named(path), kind(found)))
}

fn named(path: &str) -> String {
    if path.is_empty() { "the value".to_owned() } else { format!("`{path}`") }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updated(current: Option<&str>, ops: Value) -> Result<String, String> {
        let ops: Vec<UpdateOp> = serde_json::from_value(ops).expect("the operations of a test");
        apply_update(current, &ops).map_err(|error| error.to_string())
    }

    fn ok(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn refused(text: &str) -> Result<String, String> {
        Err(text.to_owned())
    }

    #[test]
    fn set_creates_what_is_missing_on_the_way() {
        let ops = serde_json::json!([{ "type": "set", "path": "a.b.c", "value": [1] }]);
        assert_eq!(updated(None, ops.clone()), ok(r#"{"a":{"b":{"c":[1]}}}"#));
        assert_eq!(updated(Some(r#"{"a":null,"z":1}"#), ops), ok(r#"{"a":{"b":{"c":[1]}},"z":1}"#));
    }

    #[test]
    fn the_empty_path_is_the_whole_value() {
        assert_eq!(
            updated(Some("5"), serde_json::json!([{ "type": "set", "value": "x" }])),
            ok(r#""x""#)
        );
        assert_eq!(
            updated(Some("5"), serde_json::json!([{ "type": "increment", "by": 2 }])),
            ok("7")
        );
        assert_eq!(
            updated(Some("5"), serde_json::json!([{ "type": "remove", "path": "" }])),
            ok("null")
        );
    }

    #[test]
    fn names_are_only_names() {
        let ops = serde_json::json!([
            { "type": "set", "path": "__proto__.constructor", "value": true },
            { "type": "set", "path": "0", "value": 1 },
        ]);
        assert_eq!(updated(None, ops), ok(r#"{"__proto__":{"constructor":true},"0":1}"#));
    }

    #[test]
    fn merge_replaces_fields_and_keeps_the_others() {
        let ops = serde_json::json!([{ "type": "merge", "path": "a", "value": { "x": { "n": 2 }, "y": 3 } }]);
        assert_eq!(
            updated(Some(r#"{"a":{"x":{"m":1},"w":0}}"#), ops.clone()),
            ok(r#"{"a":{"x":{"n":2},"w":0,"y":3}}"#)
        );
        assert_eq!(updated(None, ops), ok(r#"{"a":{"x":{"n":2},"y":3}}"#));
    }

    #[test]
    fn integers_stay_integers() {
        let ops = serde_json::json!([
            { "type": "increment", "path": "n", "by": 3 },
            { "type": "decrement", "path": "n", "by": 1 },
            { "type": "decrement", "path": "below", "by": 1 },
            { "type": "increment", "path": "f", "by": 0.5 },
        ]);
        assert_eq!(updated(Some(r#"{"n":40}"#), ops), ok(r#"{"n":42,"below":-1,"f":0.5}"#));
        let one = serde_json::json!([{ "type": "increment", "by": 1 }]);
        assert_eq!(updated(Some("9007199254740993"), one.clone()), ok("9007199254740994"));
        assert_eq!(updated(Some("1.0"), one.clone()), ok("2"));
        assert_eq!(updated(Some("9223372036854775807"), one), ok("9.223372036854776e+18"));
    }

    #[test]
    fn numbers_that_are_not_touched_do_not_change() {
        let ops = serde_json::json!([{ "type": "set", "path": "n", "value": 1 }]);
        assert_eq!(
            updated(Some(r#"{"x":51.248178375505404,"n":0}"#), ops),
            ok(r#"{"x":51.248178375505404,"n":1}"#)
        );
    }

    #[test]
    fn remove_keeps_the_order_of_the_others_and_ignores_what_is_missing() {
        let ops = serde_json::json!([{ "type": "remove", "path": "a" }, { "type": "remove", "path": "x.y.z" }]);
        assert_eq!(updated(Some(r#"{"a":1,"b":2,"c":3}"#), ops.clone()), ok(r#"{"b":2,"c":3}"#));
        assert_eq!(updated(None, ops), ok("null"));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_path_and_kind() {
        let increment = serde_json::json!([{ "type": "increment", "path": "a.b", "by": 1 }]);
        assert_eq!(
            updated(Some(r#"{"a":{"b":"1"}}"#), increment.clone()),
            refused("cannot increment `a.b`: it is a string")
        );
        assert_eq!(
            updated(Some(r#"{"a":[1]}"#), increment),
            refused("cannot increment `a.b`: what should hold it is an array")
        );
        assert_eq!(
            updated(Some("true"), serde_json::json!([{ "type": "set", "path": "a", "value": 1 }])),
            refused("cannot set `a`: what should hold it is a boolean")
        );
        assert_eq!(
            updated(Some("{}"), serde_json::json!([{ "type": "merge", "value": 7 }])),
            refused("cannot merge into the value: the merged value is a number")
        );
        assert_eq!(
            updated(Some("3"), serde_json::json!([{ "type": "merge", "value": {} }])),
            refused("cannot merge into the value: it is a number")
        );
        assert_eq!(
            updated(Some("3"), serde_json::json!([{ "type": "remove", "path": "a.b" }])),
            refused("cannot remove `a.b`: what should hold it is a number")
        );
    }

    #[test]
    fn a_number_stays_finite() {
        let ops = serde_json::json!([{ "type": "increment", "path": "n", "by": 1e308 }]);
        assert_eq!(
            updated(Some(r#"{"n":1e308}"#), ops),
            refused("cannot increment `n`: the result is not a finite number")
        );
        let not_a_number = [UpdateOp::Decrement { path: String::new(), by: f64::NAN }];
        assert!(matches!(apply_update(None, &not_a_number), Err(StoreError::Update(_))));
    }

    #[test]
    fn what_was_written_can_be_read_again() {
        let path = |levels: usize| vec!["a"; levels].join(".");
        let set = |path: String, value: Value| [UpdateOp::Set { path, value }];

        let deepest =
            apply_update(None, &set(path(MAX_DEPTH), Value::Null)).expect("the deepest value");
        assert_eq!(apply_update(Some(&deepest), &[]).expect("it can be read"), deepest);

        let too_many_names = apply_update(None, &set(path(MAX_DEPTH + 1), Value::Null));
        assert!(matches!(too_many_names, Err(StoreError::Update(_))));
        let too_deep = apply_update(None, &set(path(MAX_DEPTH), serde_json::json!([])));
        assert!(matches!(too_deep, Err(StoreError::Update(_))));
    }
}
