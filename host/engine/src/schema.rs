//! JSON Schemas, compiled once for each deployment.

use serde::Serialize;
use serde_json::Value;

/// A compiled JSON Schema.
pub struct Schema(jsonschema::Validator);

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaFault {
    /// A JSON pointer (RFC 6901) into the value; empty for the whole value.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// The faults that are reported of one value.
const MAX_FAULTS: usize = 20;

impl Schema {
    /// Compiles a schema of any draft; references to other documents are not followed.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        match jsonschema::validator_for(schema) {
            Ok(validator) => Ok(Self(validator)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What is wrong with a value, at most 20 faults; none if it is valid.
    pub fn check(&self, value: &Value) -> Vec<SchemaFault> {
        let errors = self.0.iter_errors(value).take(MAX_FAULTS);
        errors
            .map(|error| SchemaFault {
                pointer: error.instance_path().to_string(),
                message: shortened(&error.to_string()),
            })
            .collect()
    }
}

/// A message may quote the value, which may be large.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 300;
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    format!("{}…", &message[..message.floor_char_boundary(LONGEST)])
}

/// Faults as one sentence, for logs and dead letters.
pub fn sentence(faults: &[SchemaFault]) -> String {
    let faults: Vec<String> = faults
        .iter()
        .map(|SchemaFault { pointer, message }| match pointer.as_str() {
            "" => message.clone(),
            pointer => format!("{pointer}: {message}"),
        })
        .collect();
    faults.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_points_into_the_value() {
        let schema = Schema::compile(&json!({
            "type": "object",
            "properties": {"items": {"type": "array", "items": {"type": "integer"}}},
            "required": ["id"],
        }))
        .unwrap();
        let faults = schema.check(&json!({"items": [1, "two"]}));
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert!(pointers.contains(&"/items/1") && pointers.contains(&""), "{faults:?}");
        assert_eq!(schema.check(&json!({"id": 1})), []);
    }
}
