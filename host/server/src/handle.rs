//! The one path of a request, from its head to its answer.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::HOST, request::Parts};
use http_body_util::Either;
use hyper::body::Incoming;
use motia_engine::{Deployment, Engine, StepIndex};
use motia_manifest::{StepKind, TraceId};
use motia_sandbox::{Request, RequestBody};
use serde_json::{Value, json};

use crate::{
    api::{self, About, Api},
    body::{BodyLimits, ReadBody, read_body},
    calls::Calls,
    dev::{AnswerBody, DevPages},
    emit::event_of,
    error::{Exposure, HttpError},
    idempotency, query,
    respond::{self, HttpResponse},
    router::{Match, Router},
    server::ServerOptions,
    streams::{self, Streams},
    time,
    workbench::Workbench,
};

/// Says that the server serves. No step can have this path.
const HEALTH_PATH: &str = "/__motia/health";

/// The figures for Prometheus. No step can have this path.
const METRICS_PATH: &str = "/__motia/metrics";

/// Emits an event, unless a step has this path.
const EMIT_PATH: &str = "/emit";

/// A deployment with its routes.
struct Routes {
    deployment: Arc<Deployment>,
    router: Router,
}

impl Routes {
    fn of(deployment: Arc<Deployment>) -> Self {
        let steps = deployment.steps().iter().enumerate();
        let router =
            Router::new(steps.filter_map(|(index, deployed)| match &deployed.step.config.kind {
                StepKind::Api(api) => {
                    Some((StepIndex(index), api.method.as_str(), api.path.as_str()))
                }
                _ => None,
            }));
        Self { deployment, router }
    }
}

/// Answers requests.
pub struct Handler {
    engine: Engine,
    limits: BodyLimits,
    exposure: Exposure,
    /// Of the deployment that served last; made anew when another one serves.
    routes: RwLock<Arc<Routes>>,
    calls: Calls,
    api: Api,
    streams: Streams,
    /// None where nobody may use the API.
    workbench: Option<Workbench>,
    /// Only in `motia dev`.
    dev: Option<DevPages>,
}

impl Handler {
    /// A handler of what the engine has deployed, now and later.
    pub fn new(engine: Engine, options: &ServerOptions) -> Self {
        let routes = RwLock::new(Arc::new(Routes::of(engine.deployment())));
        let limits = BodyLimits { bytes: options.body_limit, time: options.body_timeout };
        let exposure = if options.expose_errors { Exposure::Developer } else { Exposure::Public };
        let about = About {
            name: options.name.clone(),
            project: options.project.clone(),
            plugins: options.plugins.clone(),
            build: options.build_status.clone(),
        };
        let workbench = Workbench::new(&options.api, about.clone());
        let api = Api::new(engine.clone(), options.api.clone(), limits, about);
        let streams = Streams::new(engine.clone(), exposure, options);
        let status = options.build_status.clone();
        let dev = status.map(|status| DevPages::new(engine.clone(), status));
        Self { engine, limits, exposure, routes, calls: Calls::new(), api, streams, workbench, dev }
    }

    /// Waits until no call is in flight, also of clients that have gone, and no stream is followed.
    pub async fn idle(&self) {
        self.calls.idle().await;
        self.streams.idle().await;
    }

    /// Ends the answers that would otherwise go on while clients read them.
    pub fn end_streams(&self) {
        self.streams.stop();
        self.api.stop();
        if let Some(dev) = &self.dev {
            dev.stop();
        }
    }

    /// Answers one request.
    pub async fn handle(&self, request: http::Request<Incoming>) -> http::Response<AnswerBody> {
        let started = Instant::now();
        let traceparent = request.headers().get("traceparent");
        let trace_id = self.engine.trace_id(traceparent.and_then(|value| value.to_str().ok()));
        if streams::is_websocket(&request) {
            return self.streams.open(request, trace_id.as_str()).await;
        }
        let (head, body) = request.into_parts();
        if let Some(stream) = streams::stream_of(head.uri.path()) {
            return self.streams.follow(stream, &head, trace_id.as_str()).await;
        }
        if let Some(dev) = &self.dev
            && let Some(response) = dev.answer(&head, trace_id.as_str())
        {
            return response;
        }
        if head.uri.path() == METRICS_PATH {
            return self.api.metrics(&head, trace_id.as_str()).await.map(Either::Left);
        }
        if let Some(workbench) = &self.workbench
            && let Some(response) = workbench.answer(&head, trace_id.as_str()).await
        {
            return response.map(Either::Left);
        }
        let operation = api::operation_of(head.uri.path());
        if let Some(operation) = operation
            && let Some(response) = self.api.follow(operation, &head, trace_id.as_str()).await
        {
            return response;
        }
        let response = match operation {
            Some(operation) => {
                let trace_id = trace_id.as_str();
                self.api.answer(operation, &head, body, &self.calls, trace_id).await
            }
            None => self.answer_finished(&head, body, &trace_id).await,
        };
        tracing::debug!(
            method = head.method.as_str(),
            path = head.uri.path(),
            status = response.status().as_u16(),
            ms = started.elapsed().as_secs_f64() * 1_000.0,
            trace_id = trace_id.as_str(),
            "answered a request"
        );
        response.map(Either::Left)
    }

    async fn answer_finished(
        &self,
        head: &Parts,
        body: Incoming,
        trace_id: &TraceId,
    ) -> HttpResponse {
        let mut answered = self.answer(head, body, trace_id).await;
        if let Some(dev) = &self.dev {
            answered = dev.for_browser(head, answered).await;
        }
        let mut response = match answered {
            Ok(response) => response,
            Err(error) => respond::from_error(&error, trace_id.as_str(), self.exposure),
        };
        respond::finish(&mut response, &head.method, trace_id.as_str());
        response
    }

    async fn answer(
        &self,
        head: &Parts,
        body: Incoming,
        trace_id: &TraceId,
    ) -> Result<HttpResponse, HttpError> {
        let (method, path) = (&head.method, head.uri.path());
        if path == HEALTH_PATH && (method == Method::GET || method == Method::HEAD) {
            return Ok(respond::json(StatusCode::OK, &json!({"status": "ok"})));
        }
        let routes = self.routes();
        match routes.router.find(method.as_str(), path) {
            Match::Found { step, params } => {
                self.call(&routes.deployment, step, params, head, body, trace_id).await
            }
            _ if method == Method::OPTIONS => Ok(respond::no_content()),
            Match::NotFound | Match::MethodNotAllowed { .. }
                if method == Method::POST && path == EMIT_PATH =>
            {
                self.emit(head, body, trace_id).await
            }
            Match::NotFound => Err(HttpError::not_found(method.as_str(), path)),
            Match::MethodNotAllowed { allow } => {
                Err(HttpError::method_not_allowed(method.as_str(), path, &allow))
            }
            Match::BadEncoding => Err(HttpError::bad_request(
                "bad_path_encoding",
                "a parameter of the path is not percent-encoded UTF-8",
            )),
        }
    }

    /// The routes of the deployment that serves now.
    fn routes(&self) -> Arc<Routes> {
        let deployment = self.engine.deployment();
        let known = Arc::clone(&self.routes.read().unwrap_or_else(PoisonError::into_inner));
        if Arc::ptr_eq(&known.deployment, &deployment) {
            return known;
        }
        let routes = Arc::new(Routes::of(deployment));
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&routes);
        routes
    }

    async fn call(
        &self,
        deployment: &Arc<Deployment>,
        step: StepIndex,
        path_params: Vec<(String, String)>,
        head: &Parts,
        body: Incoming,
        trace_id: &TraceId,
    ) -> Result<HttpResponse, HttpError> {
        let read = read_body(&head.headers, body, self.limits).await?;
        let key = idempotency::key_of(head, &read.raw)?;
        check_schema(deployment, step, &head.method, &read)?;
        let request = Request {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            path_params,
            query_params: query::parse(head.uri.query().unwrap_or_default()).to_string(),
            headers: headers_of(head),
            raw_body: read.raw,
            body: read.body,
        };
        let engine = self.engine.clone();
        let deployment = Arc::clone(deployment);
        let trace_id = trace_id.clone();
        let call = async move { engine.call_api(&deployment, step, trace_id, request, key).await };
        let answered = self.calls.to_the_end(call).await?;
        let response = respond::from_step(answered.response, &head.method, &head.headers);
        let mut response = response.inspect_err(|error| {
            let reason = error.cause.as_ref().map_or(&error.message, |cause| &cause.message);
            tracing::error!(path = head.uri.path(), "the step's response is refused: {reason}");
        })?;
        if answered.replayed {
            let headers = response.headers_mut();
            headers.insert(idempotency::REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// Answers `POST /emit` with a body such as `{"topic": "a", "data": {}}`.
    async fn emit(
        &self,
        head: &Parts,
        body: Incoming,
        trace_id: &TraceId,
    ) -> Result<HttpResponse, HttpError> {
        let read = read_body(&head.headers, body, self.limits).await?;
        if !matches!(read.body, RequestBody::Json | RequestBody::Empty) {
            return Err(HttpError::unsupported(
                "unsupported_media_type",
                "an event is emitted with a body of Content-Type application/json",
            ));
        }
        let (event, data) = event_of(read.value, time::now())?;
        let topic = event.topic.clone();
        let (engine, trace_id) = (self.engine.clone(), trace_id.clone());
        let emit = async move { engine.emit(event, trace_id).await };
        let emitted = self.calls.to_the_end(emit).await?;
        let answer = json!({
            "success": true,
            "emitted": { "topic": topic, "data": data },
            "id": emitted.id.to_string(),
        });
        Ok(respond::json(StatusCode::OK, &answer))
    }
}

/// Checks a body against its step's schema. A `GET` or `HEAD` without a body has nothing to check.
fn check_schema(
    deployment: &Deployment,
    step: StepIndex,
    method: &Method,
    read: &ReadBody,
) -> Result<(), HttpError> {
    let Some(schema) = deployment.step(step).body_schema() else { return Ok(()) };
    let is_bodiless = method == Method::GET || method == Method::HEAD;
    if is_bodiless && read.body == RequestBody::Empty {
        return Ok(());
    }
    let faults = schema.check(read.value.as_ref().unwrap_or(&Value::Null));
    if faults.is_empty() {
        return Ok(());
    }
    if read.value.is_none() {
        return Err(HttpError::unsupported(
            "unsupported_media_type",
            "the step has a bodySchema; send the body as application/json or as a form",
        ));
    }
    Err(HttpError::validation_failed(json!(faults)))
}

/// The headers as a step sees them. HTTP/2 names the host in the target only.
pub fn headers_of(head: &Parts) -> Vec<(String, String)> {
    let mut headers = text_headers(&head.headers);
    if !head.headers.contains_key(HOST)
        && let Some(authority) = head.uri.authority()
    {
        headers.push((HOST.as_str().to_owned(), authority.as_str().to_owned()));
    }
    headers
}

fn text_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text_of(value))).collect()
}

/// A header's value as UTF-8 if it is, otherwise read as Latin-1, as Node does.
fn text_of(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_and_become_text() {
        let request = http::Request::builder()
            .uri("http://example.org/a")
            .header("X-B", "1")
            .header("X-A", HeaderValue::from_bytes(b"caf\xe9").unwrap())
            .header("X-C", HeaderValue::from_bytes("café".as_bytes()).unwrap())
            .body(())
            .unwrap();
        let (head, ()) = request.into_parts();
        let headers = headers_of(&head);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [("x-b", "1"), ("x-a", "café"), ("x-c", "café"), ("host", "example.org")];
        assert_eq!(headers, expected);
    }
}
