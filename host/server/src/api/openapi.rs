//! The description of the API (OpenAPI 3.1): `openapi.json`, written by hand.

use std::sync::LazyLock;

use serde_json::Value;

use super::Request;
use crate::error::HttpError;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("openapi.json")).unwrap_or_default());

pub fn answer(request: &Request) -> Result<Value, HttpError> {
    if request.method() != "GET" {
        return Err(request.only(&["GET", "HEAD"]));
    }
    request.parameters(&[])?;
    Ok(DOCUMENT.clone())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use http::Method;
    use regex::Regex;

    use super::*;
    use crate::api::access::Role;

    /// Those that no arm of the form `("GET", ["runs", run])` answers.
    const APART: [&str; 4] =
        ["GET /store", "GET /openapi.json", "GET /live", "GET /streams/{}/{}/live"];

    fn source(module: &str) -> String {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api");
        fs::read_to_string(format!("{directory}/{module}.rs")).unwrap()
    }

    /// What the dispatcher in `mod.rs` and the arms of the functions that it calls answer.
    fn answered() -> BTreeSet<String> {
        let kinds =
            Regex::new(r#"\["([a-z-]+)", rest @ \.\.\]\s*=>\s*\{?\s*(\w+)::(\w+)\("#).unwrap();
        let arms = Regex::new(r#"\("([A-Z]+)", \[([^\]]*)\]\)\s*=>"#).unwrap();
        let mut operations = BTreeSet::from(APART.map(str::to_owned));
        for kind in kinds.captures_iter(&source("mod")) {
            let source = source(&kind[2]);
            let function = source.split_once(&format!("fn {}(", &kind[3])).unwrap().1;
            let function = function.split_once("\n}\n").unwrap().0;
            for arm in arms.captures_iter(function) {
                let mut path = format!("/{}", &kind[1]);
                for part in arm[2].split(',').map(str::trim).filter(|part| !part.is_empty()) {
                    let fixed = part.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
                    path.push('/');
                    path.push_str(fixed.unwrap_or("{}"));
                }
                operations.insert(format!("{} {path}", &arm[1]));
            }
        }
        operations
    }

    /// What the document describes: the method, the path, and what is said of them.
    fn operations() -> Vec<(String, &'static str, &'static Value)> {
        let document: &'static Value = &DOCUMENT;
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if !["parameters", "servers"].contains(&method.as_str()) {
                    operations.push((method.to_uppercase(), path.as_str(), operation));
                }
            }
        }
        operations
    }

    /// Those of them that are below `/__motia/api`: others name a server of their own.
    fn described() -> BTreeSet<String> {
        let parameter = Regex::new(r"\{\w+\}").unwrap();
        let mut described = BTreeSet::new();
        for (method, path, _) in operations() {
            if DOCUMENT["paths"][path].get("servers").is_none() {
                described.insert(format!("{method} {}", parameter.replace_all(path, "{}")));
            }
        }
        described
    }

    #[test]
    fn every_operation_is_described_and_no_other() {
        let answered = answered();
        assert!(answered.contains("POST /queues/{}/pause") && answered.len() > 50, "{answered:?}");
        assert_eq!(described(), answered);
    }

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let mut ids = BTreeSet::new();
        for (method, path, operation) in operations() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(!id.is_empty() && ids.insert(id), "{method} {path}: `{id}`");
        }
    }

    #[test]
    fn every_operation_names_the_role_that_it_asks_for() {
        for (method, path, operation) in operations() {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let viewer_may = Role::Viewer.check(&method, path).is_ok();
            let role = if viewer_may { Role::Viewer } else { Role::Admin };
            assert_eq!(operation["x-role"], role.name(), "{method} {path}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let reference = Regex::new(r##""#(/components/\w+/\w+)""##).unwrap();
        let text = include_str!("openapi.json");
        let mut places = reference.captures_iter(text).map(|found| found[1].to_owned());
        assert_eq!(places.find(|place| DOCUMENT.pointer(place).is_none()), None);
    }
}
