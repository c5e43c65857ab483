//! The API for operations, under `/__motia/api/`: what waits, what failed, what ran, and how to change it.
//!
//! No step can have these paths, and no web page of another site may read the answers. Who may ask is in
//! `access.rs`; each subject has a file of its own.

mod access;
mod audit;
mod crons;
mod dead_letters;
mod deliveries;
mod figures;
mod flows;
mod input;
mod live;
mod logs;
mod openapi;
mod output;
mod plugins;
mod project;
mod query;
mod queues;
mod runs;
mod state;
mod steps;
mod streams;
mod traces;

use std::{path::PathBuf, sync::Arc};

use http::{
    HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
    request::Parts,
};
use http_body_util::Full;
use hyper::body::Incoming;
use motia_engine::Engine;
use motia_sandbox::RequestBody;
use motia_store::PageFilter;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, watch};

pub use access::{ApiAccess, ApiToken};

use crate::{
    body::{BodyLimits, read_body},
    calls::Calls,
    dev::BuildStatus,
    error::{Exposure, HttpError},
    export::prometheus,
    respond::{self, HttpResponse},
};
use access::Role;
use input::{Fields, Parameters};

/// Where it is.
const BASE: &str = "/__motia/api";

/// What follows [`BASE`] in a path; none in a path of steps.
pub fn operation_of(path: &str) -> Option<&str> {
    path.strip_prefix(BASE).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers requests for operations.
pub struct Api {
    engine: Engine,
    access: ApiAccess,
    limits: BodyLimits,
    about: Arc<About>,
    /// Whether answers that go on end.
    stopped: watch::Sender<bool>,
    /// Held while settings are read, changed and written, so that two changes are both kept.
    edits: Arc<Mutex<()>>,
}

/// What the API says of the project beside its deployment.
#[derive(Debug, Clone)]
pub struct About {
    /// The project's name.
    pub name: String,
    /// The project's directory; only in `motia dev`.
    pub project: Option<PathBuf>,
    /// Where pages of the Workbench are that the project adds.
    pub plugins: Option<PathBuf>,
    /// How the last build ended; only in `motia dev`.
    pub build: Option<watch::Receiver<BuildStatus>>,
}

impl Api {
    /// An API for those who have access.
    pub fn new(engine: Engine, access: ApiAccess, limits: BodyLimits, about: About) -> Self {
        let (stopped, _) = watch::channel(false);
        Self { engine, access, limits, about: Arc::new(about), stopped, edits: Arc::default() }
    }

    /// Ends answers that would go on.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Answers Prometheus.
    pub async fn metrics(&self, head: &Parts, trace_id: &str) -> HttpResponse {
        let text = match live::only_read(head).and_then(|()| self.access.check(head)) {
            Ok(_) => prometheus(&self.engine).await.map_err(HttpError::from),
            Err(error) => Err(error),
        };
        let mut response = match text {
            Ok(text) => {
                let mut response = HttpResponse::new(Full::from(text));
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => respond::from_error(&error, trace_id, Exposure::Developer),
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        ask_for_token(&mut response);
        respond::finish_private(&mut response, &head.method, trace_id);
        response
    }

    /// Answers a request for an operation. What an operation begins, it finishes.
    pub async fn answer(
        &self,
        operation: &str,
        head: &Parts,
        body: Incoming,
        calls: &Calls,
        trace_id: &str,
    ) -> HttpResponse {
        let answered = match self.read(operation, head, body).await {
            Ok(request) => calls.to_the_end(async move { dispatch(&request).await }).await,
            Err(error) => Err(error),
        };
        let mut response = match answered {
            Ok(answer) => respond::json(StatusCode::OK, &answer),
            // Whoever has access may know what is wrong inside.
            Err(error) => respond::from_error(&error, trace_id, Exposure::Developer),
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        ask_for_token(&mut response);
        respond::finish_private(&mut response, &head.method, trace_id);
        response
    }

    async fn read(
        &self,
        operation: &str,
        head: &Parts,
        body: Incoming,
    ) -> Result<Request, HttpError> {
        let role = self.access.check(head)?;
        role.check(&head.method, operation)?;
        let takes_body = [Method::POST, Method::PUT, Method::PATCH].contains(&head.method);
        let body = if takes_body { self.fields(head, body).await? } else { Map::new() };
        Ok(Request {
            engine: self.engine.clone(),
            role,
            actor: self.access.actor(),
            // The answer loses its body later.
            method: if head.method == Method::HEAD { Method::GET } else { head.method.clone() },
            full_path: head.uri.path().to_owned(),
            path: segments(operation)?,
            query: head.uri.query().unwrap_or_default().to_owned(),
            body,
            about: Arc::clone(&self.about),
            edits: Arc::clone(&self.edits),
        })
    }

    async fn fields(&self, head: &Parts, body: Incoming) -> Result<Map<String, Value>, HttpError> {
        let read = read_body(&head.headers, body, self.limits).await?;
        match (read.body, read.value) {
            (RequestBody::Empty, _) => Ok(Map::new()),
            (RequestBody::Json, Some(Value::Object(fields))) => Ok(fields),
            (RequestBody::Json, _) => Err(input::wrong("the body is not an object")),
            _ => Err(HttpError::unsupported(
                "unsupported_media_type",
                "send a body as Content-Type application/json",
            )),
        }
    }
}

/// Says what is missing in a request that is refused for the lack of a token.
fn ask_for_token(response: &mut HttpResponse) {
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

fn segments(path: &str) -> Result<Vec<String>, HttpError> {
    let decode = |segment: &str| match percent_decode_str(segment).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(HttpError::bad_request(
            "bad_path_encoding",
            "a part of the path is not percent-encoded UTF-8",
        )),
    };
    path.trim_matches('/').split('/').map(decode).collect()
}

/// A request whose sender has access.
pub struct Request {
    engine: Engine,
    /// What the sender may do.
    role: Role,
    /// Who the sender is, for the audit.
    actor: &'static str,
    method: Method,
    full_path: String,
    /// The decoded segments behind [`BASE`].
    path: Vec<String>,
    query: String,
    body: Map<String, Value>,
    about: Arc<About>,
    edits: Arc<Mutex<()>>,
}

impl Request {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    /// A file of the project; none in `motia serve`.
    fn project_file(&self, file: &str) -> Option<PathBuf> {
        self.about.project.as_ref().map(|project| project.join(file))
    }

    /// The text of a source file; none in `motia serve`.
    async fn source(&self, file: &str) -> Option<String> {
        steps::read_source(self.project_file(file)?).await
    }

    /// The parameters of the query, of which only these are known.
    fn parameters(&self, known: &[&str]) -> Result<Parameters, HttpError> {
        Parameters::of(&self.query, known)
    }

    /// The page of a list of names that is asked for, with one more to see whether the list goes on, and its length.
    fn page_filter(&self) -> Result<(PageFilter, usize), HttpError> {
        let parameters = self.parameters(&["search", "after", "limit"])?;
        let limit = parameters.limit()?;
        let text = |name| parameters.text(name).map(str::to_owned);
        Ok((PageFilter { search: text("search"), after: text("after"), limit: limit + 1 }, limit))
    }

    /// The fields of the body, of which only these are known.
    fn fields(&self, known: &[&str]) -> Result<Fields, HttpError> {
        Fields::of(&self.body, known)
    }

    /// The path has other methods only.
    fn only(&self, methods: &[&str]) -> HttpError {
        HttpError::method_not_allowed(self.method(), &self.full_path, methods)
    }

    /// There is no such path.
    fn unknown(&self) -> HttpError {
        let message = format!(
            "{} is no operation; GET {BASE}/openapi.json describes all of them",
            self.full_path
        );
        HttpError::new(StatusCode::NOT_FOUND, "not_found", message)
    }
}

async fn dispatch(request: &Request) -> Result<Value, HttpError> {
    let answer = answer(request).await;
    // What fails inside may have been done, or in part.
    match &answer {
        Ok(_) => audit::note(request, None).await,
        Err(error) if error.status.is_server_error() => audit::note(request, Some(error)).await,
        Err(_) => {}
    }
    answer
}

async fn answer(request: &Request) -> Result<Value, HttpError> {
    if request.method != Method::GET {
        request.parameters(&[])?;
    }
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["queues", rest @ ..] => queues::answer(request, rest).await,
        ["deliveries", rest @ ..] => deliveries::answer(request, rest).await,
        ["events", rest @ ..] => deliveries::answer_events(request, rest).await,
        ["dead-letters", rest @ ..] => dead_letters::answer(request, rest).await,
        ["redrives", rest @ ..] => dead_letters::answer_redrives(request, rest).await,
        ["crons", rest @ ..] => crons::answer(request, rest).await,
        ["runs", rest @ ..] => runs::answer(request, rest).await,
        ["project", rest @ ..] => project::answer(request, rest).await,
        ["steps", rest @ ..] => steps::answer(request, rest).await,
        ["flows", rest @ ..] => flows::answer(request, rest).await,
        ["figures", rest @ ..] => figures::answer(request, rest).await,
        ["traces", rest @ ..] => traces::answer(request, rest).await,
        ["logs", rest @ ..] => logs::answer(request, rest).await,
        ["plugins", rest @ ..] => plugins::answer(request, rest).await,
        ["openapi.json"] => openapi::answer(request),
        ["state", rest @ ..] => state::answer(request, rest).await,
        ["streams", rest @ ..] => streams::answer(request, rest).await,
        ["query", rest @ ..] => query::answer(request, rest).await,
        ["audit", rest @ ..] => audit::answer(request, rest).await,
        ["store"] if request.method == Method::GET => {
            request.parameters(&[])?;
            Ok(serde_json::json!(request.engine.store_figures()))
        }
        ["store"] => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_paths_of_their_own() {
        assert_eq!(operation_of("/__motia/api/queues"), Some("/queues"));
        assert_eq!(operation_of("/__motia/api"), Some(""));
        assert_eq!(operation_of("/__motia/apis"), None);
        assert_eq!(operation_of("/queues"), None);
        assert_eq!(segments("/queues/A%2Fb%20c/").unwrap(), ["queues", "A/b c"]);
        assert_eq!(segments("/queues/%ff").unwrap_err().code, "bad_path_encoding");
    }
}
