//! What `motia dev` adds for a browser: a page with the status of the build, an overlay for the
//! pages that steps answer with, and the stream of events that both follow.
//!
//! The errors of a build quote source files, so only pages of this machine may read them.

mod status;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE},
    request::Parts,
};
use http_body_util::{BodyExt, Either, Full};
use motia_engine::Engine;
use tokio::sync::watch;

pub use status::{BuildFault, BuildStatus, of_build as build_json};

use crate::{
    error::{Exposure, HttpError},
    local,
    respond::{self, HttpResponse},
};
use status::{EventBody, events, to_json};

/// A body in memory, or the stream of events.
pub type AnswerBody = Either<Full<Bytes>, EventBody>;

const STATUS_PAGE: &str = concat!(
    include_str!("page.html"),
    "<script>\n",
    include_str!("build.js"),
    include_str!("page.js"),
    "</script>\n"
);

const OVERLAY: &str =
    concat!("(() => {\n", include_str!("build.js"), include_str!("overlay.js"), "})()\n");

const OVERLAY_PATH: &str = "/__motia/overlay.js";

/// What a page of a step gets before its end.
const OVERLAY_TAG: &[u8] = b"<script src=\"/__motia/overlay.js\" defer></script>";

/// Answers what only `motia dev` does.
pub struct DevPages {
    engine: Engine,
    status: watch::Receiver<BuildStatus>,
    stopped: watch::Sender<bool>,
}

/// One of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Home,
    Status,
    Events,
    Overlay,
}

impl Page {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/__motia/build" => Some(Self::Home),
            "/__motia/status" => Some(Self::Status),
            "/__motia/events" => Some(Self::Events),
            OVERLAY_PATH => Some(Self::Overlay),
            _ => None,
        }
    }
}

impl DevPages {
    /// The pages that show this status.
    pub fn new(engine: Engine, status: watch::Receiver<BuildStatus>) -> Self {
        let (stopped, _) = watch::channel(false);
        Self { engine, status, stopped }
    }

    /// Ends the streams of events; they would outlast everything else.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Answers a request for one of the pages; none if it is for a step.
    pub fn answer(&self, head: &Parts, trace_id: &str) -> Option<Response<AnswerBody>> {
        let page = Page::at(head.uri.path())?;
        let answered = check(head).map(|()| self.page(page));
        let mut response = answered
            .unwrap_or_else(|error| respond::from_error(&error, trace_id, Exposure::Developer));
        respond::finish(&mut response, &head.method, trace_id);
        let streams =
            page == Page::Events && head.method == Method::GET && response.status().is_success();
        Some(response.map(|body| match streams {
            true => Either::Right(self.events()),
            false => Either::Left(body),
        }))
    }

    fn page(&self, page: Page) -> HttpResponse {
        match page {
            Page::Home => status_page(StatusCode::OK),
            Page::Status => {
                let json = to_json(&self.status.borrow(), &self.engine.deployment());
                uncached(StatusCode::OK, "application/json", json.to_string())
            }
            Page::Events => uncached(StatusCode::OK, "text/event-stream", ""),
            Page::Overlay => uncached(StatusCode::OK, "text/javascript; charset=utf-8", OVERLAY),
        }
    }

    fn events(&self) -> EventBody {
        let engine = self.engine.clone();
        let describe = move |status: &BuildStatus| to_json(status, &engine.deployment());
        events(self.status.clone(), self.stopped.subscribe(), describe)
    }

    /// What a browser that loads a page gets instead of a step's own answer: HTML gets the overlay,
    /// and a path that no step has gets the status page, because a broken build may be why.
    pub async fn for_browser(
        &self,
        head: &Parts,
        answered: Result<HttpResponse, HttpError>,
    ) -> Result<HttpResponse, HttpError> {
        if !loads_a_page(&head.headers) {
            return answered;
        }
        match answered {
            Ok(response) if takes_overlay(&response) => Ok(with_overlay(response).await),
            Err(error)
                if error.code == "not_found" && head.method == Method::GET && !self.is_good() =>
            {
                Ok(status_page(StatusCode::NOT_FOUND))
            }
            answered => answered,
        }
    }

    fn is_good(&self) -> bool {
        matches!(*self.status.borrow(), BuildStatus::Good { .. })
    }
}

/// Refuses other machines, other sites and other methods.
fn check(head: &Parts) -> Result<(), HttpError> {
    local::check(head)?;
    if head.method == Method::GET || head.method == Method::HEAD {
        return Ok(());
    }
    Err(HttpError::method_not_allowed(head.method.as_str(), head.uri.path(), &["GET", "HEAD"]))
}

/// Whether a browser asks for a whole document: not a script for data or a fragment of a page.
fn loads_a_page(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(ACCEPT).is_some_and(|accept| accept.contains("text/html"))
        && text(HeaderName::from_static("sec-fetch-dest")).is_none_or(|dest| dest == "document")
        && !headers.contains_key("hx-request")
}

/// Whether a body is whole and plain HTML.
fn takes_overlay(response: &HttpResponse) -> bool {
    let headers = response.headers();
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|given| given.to_ascii_lowercase().starts_with("text/html"))
        && response.status() != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(CONTENT_RANGE)
        && headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity")
}

async fn with_overlay(response: HttpResponse) -> HttpResponse {
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    Response::from_parts(head, Full::new(tagged(body.to_bytes())))
}

/// Puts the overlay before the end of the body, or at the end of a document that leaves its tags
/// out, unless the page has it.
fn tagged(html: Bytes) -> Bytes {
    let path = OVERLAY_PATH.as_bytes();
    if html.windows(path.len()).any(|part| part == path) {
        return html;
    }
    let end = b"</body>";
    let at = html.windows(end.len()).rposition(|part| part.eq_ignore_ascii_case(end));
    let (before, after) = html.split_at(at.unwrap_or(html.len()));
    let mut whole = BytesMut::with_capacity(html.len() + OVERLAY_TAG.len());
    for part in [before, OVERLAY_TAG, after] {
        whole.extend_from_slice(part);
    }
    whole.freeze()
}

fn status_page(status: StatusCode) -> HttpResponse {
    uncached(status, "text/html; charset=utf-8", STATUS_PAGE)
}

/// Nothing of this outlives the server, so nobody may keep it.
fn uncached(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HttpResponse {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn html(headers: &[(&str, &str)], body: &'static str) -> HttpResponse {
        let mut response = Response::builder().header("content-type", "text/html; charset=utf-8");
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Full::from(body)).unwrap()
    }

    #[test]
    fn another_method_is_refused() {
        let mut head = head("/__motia/status", &[("host", "localhost")]);
        assert_eq!(check(&head), Ok(()));
        head.method = Method::POST;
        assert_eq!(check(&head).unwrap_err().status, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn a_page_is_loaded_by_a_browser_that_shows_it() {
        let loads = |headers: &[(&str, &str)]| loads_a_page(&head("/", headers).headers);
        let accept = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        assert!(loads(&[accept]) && loads(&[accept, ("sec-fetch-dest", "document")]));
        assert!(!loads(&[accept, ("sec-fetch-dest", "empty")]));
        assert!(!loads(&[accept, ("hx-request", "true")]));
        assert!(!loads(&[("accept", "*/*")]) && !loads(&[]));
    }

    #[test]
    fn the_overlay_is_put_before_the_end_of_the_body() {
        let tag = std::str::from_utf8(OVERLAY_TAG).unwrap();
        let with = |html: &'static str| tagged(Bytes::from_static(html.as_bytes()));
        assert_eq!(
            with("<p>'</body>'</p></BODY></html>"),
            format!("<p>'</body>'</p>{tag}</BODY></html>")
        );
        assert_eq!(with("<p>hi"), format!("<p>hi{tag}"));
        let own = "<script src=\"/__motia/overlay.js\" data-reload></script></body>";
        assert_eq!(with(own), own);
    }

    #[test]
    fn only_whole_and_plain_html_takes_the_overlay() {
        assert!(takes_overlay(&html(&[], "<p>hi")));
        assert!(takes_overlay(&html(&[("content-encoding", "identity")], "<p>hi")));
        assert!(!takes_overlay(&html(&[("content-encoding", "gzip")], "")));
        assert!(!takes_overlay(&html(&[("content-range", "bytes 0-1/9")], "<p")));
        assert!(!takes_overlay(&respond::json(StatusCode::OK, &serde_json::json!("<p>"))));
    }

    #[tokio::test]
    async fn the_length_counts_the_overlay() {
        let mut response = with_overlay(html(&[], "<p>hi")).await;
        respond::finish(&mut response, &Method::HEAD, "T-1");
        let length = response.headers()["content-length"].to_str().unwrap();
        assert_eq!(length, (5 + OVERLAY_TAG.len()).to_string());
    }
}
