//! Where a value is in the data of an event.

use serde_json::Value;
use serde_json_path::JsonPath;

/// A path to one value in an event's data: names and indexes as in RFC 9535, whose leading `$.` may be
/// left out.
///
/// ```
/// use motia_manifest::DataPath;
/// use serde_json::json;
///
/// let path = DataPath::parse("items[0].sku")?;
/// assert_eq!(path.text_of(&json!({ "items": [{ "sku": "A7" }] })), "A7");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPath(JsonPath);

impl DataPath {
    /// Parses a path.
    ///
    /// # Errors
    /// Says what was expected, also for a path that can lead to several values.
    pub fn parse(text: &str) -> Result<Self, String> {
        let segments = match text.strip_prefix('$') {
            Some(segments) => segments.to_owned(),
            None if text.starts_with('[') => text.to_owned(),
            None => format!(".{text}"),
        };
        // RFC 9535 lets only paths to one value be compared, so the parser knows which those are. This comes
        // first because the parser panics on text that ends in the middle of an escape.
        let is_to_one = JsonPath::parse(&format!("$[?@{segments}==0]")).is_ok();
        let path = is_to_one.then(|| JsonPath::parse(&format!("${segments}")).ok()).flatten();
        path.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not a path to one value; expected names and indexes such as \
                 `customer.id`, `items[0].sku` or `['first name']`"
            )
        })
    }

    /// The text of the value at the path: a string as it is, anything else as JSON, and `null` where
    /// there is no value.
    pub fn text_of(&self, data: &Value) -> String {
        match self.0.query(data).first() {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => Value::Null.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_one_value_with_and_without_its_root() {
        let data = json!({
            "customer": { "id": "c1", "vip": true },
            "items": [{ "sku": 7 }, { "sku": 8 }],
            "first name": "Ada",
        });
        let text = |path: &str| DataPath::parse(path).unwrap().text_of(&data);
        for path in ["customer.id", "$.customer.id", "$['customer']['id']", "['customer'].id"] {
            assert_eq!(text(path), "c1", "{path}");
        }
        assert_eq!(text("items[0].sku"), "7");
        assert_eq!(text("items[-1].sku"), "8");
        assert_eq!(text("['first name']"), "Ada");
        assert_eq!(text("customer"), r#"{"id":"c1","vip":true}"#);
        assert_eq!(text("customer.vip"), "true");
        assert_eq!(DataPath::parse("$").unwrap().text_of(&json!("all")), "all");
        for missing in ["nobody", "customer.id.more", "items[2]", "items.sku"] {
            assert_eq!(text(missing), "null", "{missing}");
        }
    }

    #[test]
    fn what_is_no_path_to_one_value_is_refused() {
        let no_paths = ["", "customer-id", "items[", "a b", "@.id", "customer.", "['\\u"];
        let several = ["items[*].sku", "items.*", "..id", "$..id", "items[0,1]", "items[0:2]"];
        let conditions = ["items[?@.sku==7]", "a==0||@.b", "a==0][?@.b"];
        for text in no_paths.into_iter().chain(several).chain(conditions) {
            let error = DataPath::parse(text).unwrap_err();
            assert!(error.starts_with(&format!("`{text}` is not a path to one value")), "{error}");
        }
    }
}
