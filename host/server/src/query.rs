//! Queries and urlencoded forms, read as Express does with the `qs` package.
//!
//! `a=1&a=2` and `a[]=1&a[]=2` are arrays, `a[b]=c` is an object, an index over
//! [`ARRAY_LIMIT`] is an object's key, and what is nested deeper than [`DEPTH`] stays a key as it
//! was written. As in Express, names such as `constructor` are plain keys; only `__proto__`, which
//! JavaScript cannot hold as one, is dropped.
//!
//! While a value is put together, `null` stands for a hole of a sparse array; a query itself can
//! hold no `null`, so none is left in the result.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// How many parameters are read; what follows them is not.
pub const PARAMETER_LIMIT: usize = 1_000;

/// How many brackets of one key make objects.
const DEPTH: usize = 5;

/// The largest index that makes an array.
const ARRAY_LIMIT: usize = 20;

/// Reads a query, without its `?`, as a JSON object.
pub fn parse(text: &str) -> Value {
    let mut flat: Map<String, Value> = Map::new();
    for part in text.split('&').take(PARAMETER_LIMIT) {
        let part = plain_brackets(part);
        let (key, value) = split(&part);
        let (key, value) = (decode(key), Value::String(decode(value)));
        match flat.get_mut(&key) {
            Some(Value::Array(values)) => values.push(value),
            Some(before) => {
                let first = before.take();
                *before = Value::Array(vec![first, value]);
            }
            None => {
                flat.insert(key, value);
            }
        }
    }
    let mut result = Value::Object(Map::new());
    for (key, value) in flat {
        if let Some(nested) = nest(&key, value) {
            result = merge(result, nested);
        }
    }
    fill_holes(&mut result);
    result
}

/// The parameters of a query as they were written, without arrays and objects.
pub fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    })
}

fn plain_brackets(part: &str) -> Cow<'_, str> {
    if !part.contains("%5") {
        return Cow::Borrowed(part);
    }
    let opened = part.replace("%5B", "[").replace("%5b", "[");
    Cow::Owned(opened.replace("%5D", "]").replace("%5d", "]"))
}

/// Splits at the `=` behind the last bracket of the key.
fn split(part: &str) -> (&str, &str) {
    let equals = match part.find("]=") {
        Some(bracket) => Some(bracket + 1),
        None => part.find('='),
    };
    match equals {
        Some(at) => (&part[..at], &part[at + 1..]),
        None => (part, ""),
    }
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The value under a key such as `a[b][0]`, wrapped in what the key's brackets say.
fn nest(key: &str, value: Value) -> Option<Value> {
    if key.is_empty() {
        return None;
    }
    let brackets = brackets(key);
    let parent = brackets.first().map_or(key, |&(start, _)| &key[..start]);
    let mut chain: Vec<Cow<'_, str>> = Vec::new();
    if !parent.is_empty() {
        chain.push(Cow::Borrowed(parent));
    }
    for &(start, end) in brackets.iter().take(DEPTH) {
        chain.push(Cow::Borrowed(&key[start..end]));
    }
    if let Some(&(start, _)) = brackets.get(DEPTH) {
        chain.push(Cow::Owned(format!("[{}]", &key[start..])));
    }
    Some(chain.iter().rev().fold(value, |leaf, link| wrap(link, leaf)))
}

/// Where the key has `[...]` without a bracket inside; at most one more than [`DEPTH`].
fn brackets(key: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open = None;
    for (at, byte) in key.bytes().enumerate() {
        match byte {
            b'[' => open = Some(at),
            b']' => {
                if let Some(start) = open.take() {
                    found.push((start, at + 1));
                    if found.len() > DEPTH {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn wrap(link: &str, leaf: Value) -> Value {
    if link == "[]" {
        return match leaf {
            Value::Array(_) => leaf,
            single => Value::Array(vec![single]),
        };
    }
    let inner = link.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(index) = inner.and_then(array_index) {
        let mut list = vec![Value::Null; index];
        list.push(leaf);
        return Value::Array(list);
    }
    let mut object = Map::new();
    let name = inner.unwrap_or(link);
    if name != "__proto__" {
        object.insert(name.to_owned(), leaf);
    }
    Value::Object(object)
}

fn array_index(text: &str) -> Option<usize> {
    let index: usize = text.parse().ok()?;
    (index <= ARRAY_LIMIT && index.to_string() == text).then_some(index)
}

fn merge(target: Value, source: Value) -> Value {
    match (target, source) {
        (target, Value::Null) => target,
        (target, Value::String(text)) if text.is_empty() => target,
        (Value::Array(target), Value::Array(source)) => Value::Array(merge_lists(target, source)),
        (Value::Array(target), Value::Object(source)) => {
            let mut object = Map::new();
            insert_items(&mut object, target);
            merge_objects(&mut object, source);
            Value::Object(object)
        }
        (Value::Array(mut target), single) => {
            target.push(single);
            Value::Array(target)
        }
        (Value::Object(mut target), Value::Object(source)) => {
            merge_objects(&mut target, source);
            Value::Object(target)
        }
        (Value::Object(mut target), Value::Array(source)) => {
            insert_items(&mut target, source);
            Value::Object(target)
        }
        (Value::Object(mut target), Value::String(name)) => {
            if name != "__proto__" {
                target.insert(name, Value::Bool(true));
            }
            Value::Object(target)
        }
        (target @ Value::Object(_), _) => target,
        (single, Value::Array(source)) => {
            let mut list = vec![single];
            list.extend(source);
            Value::Array(list)
        }
        (single, source) => Value::Array(vec![single, source]),
    }
}

fn merge_lists(mut target: Vec<Value>, source: Vec<Value>) -> Vec<Value> {
    for (index, item) in source.into_iter().enumerate() {
        if item.is_null() {
            continue;
        }
        if index >= target.len() {
            target.resize(index, Value::Null);
            target.push(item);
        } else if target[index].is_null() {
            target[index] = item;
        } else if is_container(&target[index]) && is_container(&item) {
            let before = target[index].take();
            target[index] = merge(before, item);
        } else {
            target.push(item);
        }
    }
    target
}

fn merge_objects(target: &mut Map<String, Value>, source: Map<String, Value>) {
    for (key, value) in source {
        merge_key(target, key, value);
    }
}

fn insert_items(target: &mut Map<String, Value>, items: Vec<Value>) {
    for (index, item) in items.into_iter().enumerate() {
        if !item.is_null() {
            merge_key(target, index.to_string(), item);
        }
    }
}

fn merge_key(target: &mut Map<String, Value>, key: String, value: Value) {
    match target.get_mut(&key) {
        Some(before) => *before = merge(before.take(), value),
        None => {
            target.insert(key, value);
        }
    }
}

fn is_container(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

/// Closes the holes of sparse arrays: `a[2]=x` alone is `["x"]`.
fn fill_holes(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(fill_holes);
        }
        Value::Object(fields) => fields.values_mut().for_each(fill_holes),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_parameters_are_strings() {
        assert_eq!(parse(""), json!({}));
        assert_eq!(parse("a=1&b=&c"), json!({"a": "1", "b": "", "c": ""}));
        assert_eq!(parse("=x&&a=b=c"), json!({"a": "b=c"}));
    }

    #[test]
    fn repeated_keys_and_empty_brackets_are_arrays() {
        assert_eq!(parse("a=1&a=2&a=3"), json!({"a": ["1", "2", "3"]}));
        assert_eq!(parse("a[]=1"), json!({"a": ["1"]}));
        assert_eq!(parse("a[]=1&a[]=2"), json!({"a": ["1", "2"]}));
        assert_eq!(parse("a%5B%5D=1&a[]=2"), json!({"a": ["1", "2"]}));
        assert_eq!(parse("a=1&a[]=2"), json!({"a": ["1", "2"]}));
        assert_eq!(parse("a[]=1&a=2"), json!({"a": ["1", "2"]}));
    }

    #[test]
    fn small_indexes_are_arrays_and_large_ones_keys() {
        assert_eq!(parse("a[1]=y&a[0]=x"), json!({"a": ["x", "y"]}));
        assert_eq!(parse("a[3]=x&a[7]=y"), json!({"a": ["x", "y"]}));
        assert_eq!(parse("a[20]=x"), json!({"a": ["x"]}));
        assert_eq!(parse("a[21]=x"), json!({"a": {"21": "x"}}));
        assert_eq!(parse("a[0]=x&a[21]=y"), json!({"a": {"0": "x", "21": "y"}}));
        assert_eq!(parse("a[01]=x"), json!({"a": {"01": "x"}}));
        assert_eq!(parse("a[0][b]=1&a[0][c]=2"), json!({"a": [{"b": "1", "c": "2"}]}));
    }

    #[test]
    fn brackets_are_objects_down_to_the_depth() {
        assert_eq!(parse("a[b]=c&a[d]=e"), json!({"a": {"b": "c", "d": "e"}}));
        assert_eq!(
            parse("a[b][c][d][e][f][g][h]=i"),
            json!({"a": {"b": {"c": {"d": {"e": {"f": {"[g][h]": "i"}}}}}}})
        );
        assert_eq!(parse("[a]=b"), json!({"a": "b"}));
        assert_eq!(parse("a[b=c"), json!({"a[b": "c"}));
        assert_eq!(parse("a]b[=c"), json!({"a]b[": "c"}));
    }

    #[test]
    fn mixed_shapes_merge_as_in_qs() {
        assert_eq!(parse("a[b]=c&a=d"), json!({"a": {"b": "c", "d": true}}));
        assert_eq!(parse("a[b]=c&a="), json!({"a": {"b": "c"}}));
        assert_eq!(parse("a=x&a[b]=c"), json!({"a": ["x", {"b": "c"}]}));
        assert_eq!(parse("a[]=x&a[b]=c"), json!({"a": {"0": "x", "b": "c"}}));
    }

    #[test]
    fn text_is_decoded() {
        assert_eq!(parse("a+b=c+%2B%20d"), json!({"a b": "c + d"}));
        assert_eq!(
            parse("n=%C3%A9&bad=%FF&cut=%4"),
            json!({"n": "é", "bad": "\u{fffd}", "cut": "%4"})
        );
        assert_eq!(parse("%C3%A9[%26]=1"), json!({"é": {"&": "1"}}));
    }

    #[test]
    fn the_prototype_cannot_be_named() {
        assert_eq!(parse("__proto__=x&b=1"), json!({"b": "1"}));
        assert_eq!(parse("a[__proto__][x]=1"), json!({"a": {}}));
        assert_eq!(parse("constructor=x"), json!({"constructor": "x"}));
    }

    #[test]
    fn parameters_beyond_the_limit_are_not_read() {
        let query: Vec<String> = (0..PARAMETER_LIMIT + 5).map(|i| format!("k{i}={i}")).collect();
        assert_eq!(parse(&query.join("&")).as_object().unwrap().len(), PARAMETER_LIMIT);
        let hostile = format!("a{}=x", "[b]".repeat(20_000));
        assert!(parse(&hostile)["a"]["b"]["b"]["b"]["b"]["b"].is_object());
    }
}
