//! SQL over what the host holds.

use std::time::Instant;

use motia_store::QueryRequest;
use serde_json::{Value, json};

use super::{
    Request,
    input::{Fields, wrong},
};
use crate::error::HttpError;

/// How many rows are shown unless the client says so, and at most.
const ROWS: usize = 1000;
const MOST_ROWS: usize = 10_000;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("POST", []) => query(request).await,
        ("GET", ["schema"]) => {
            request.parameters(&[])?;
            Ok(json!(motia_store::query_schema()))
        }
        (_, []) => Err(request.only(&["POST"])),
        (_, ["schema"]) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

async fn query(request: &Request) -> Result<Value, HttpError> {
    let query = query_of(&request.fields(&["sql", "limit"])?)?;
    let started = Instant::now();
    let found = request.engine.query(query).await?;
    let mut answer = json!(found);
    answer["ms"] = Value::from(started.elapsed().as_millis() as u64);
    Ok(answer)
}

fn query_of(fields: &Fields) -> Result<QueryRequest, HttpError> {
    let sql = fields.text("sql")?.ok_or_else(|| wrong("`sql` is missing; expected one SELECT"))?;
    let limit = fields.read("limit", "a number from 1 to 10000", |value| {
        let limit = usize::try_from(value.as_u64()?).ok()?;
        (1..=MOST_ROWS).contains(&limit).then_some(limit)
    })?;
    Ok(QueryRequest { sql: sql.to_owned(), limit: limit.unwrap_or(ROWS) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_a_limit() {
        let query = |body: Value| {
            let fields = Fields::of(body.as_object().unwrap(), &["sql", "limit"]).unwrap();
            query_of(&fields).map(|query| query.limit)
        };
        assert_eq!(query(json!({ "sql": "SELECT 1" })), Ok(ROWS));
        assert_eq!(query(json!({ "sql": "SELECT 1", "limit": 7 })), Ok(7));
        for wrong in [json!({}), json!({ "sql": "SELECT 1", "limit": 10_001 }), json!({ "sql": 1 })]
        {
            assert_eq!(query(wrong).unwrap_err().code, "invalid_request");
        }
    }
}
