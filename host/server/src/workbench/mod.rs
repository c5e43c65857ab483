//! The Workbench, and the pages that a project adds to it.
//!
//! The files are public, those of pages as well: a frame has nothing to show its right with. Whatever the Workbench shows
//! it asks of the API, which checks who asks.

pub mod plugins;

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        ETAG, IF_NONE_MATCH, LOCATION, VARY,
    },
    request::Parts,
};
use http_body_util::Full;
use motia_workbench::{Asset, NONCE, asset};
use rand::Rng;

use crate::{
    api::{About, ApiAccess},
    error::{Exposure, HttpError},
    local,
    respond::{self, HttpResponse},
};

/// Where it is.
const BASE: &str = "/__motia/";

/// Everything from here, nothing from elsewhere; styles that a script makes need the nonce of the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-NONCE'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// For files whose paths have a digest of their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Answers requests for the Workbench.
pub struct Workbench {
    /// Only this machine is answered.
    local: bool,
    about: About,
}

impl Workbench {
    /// The Workbench of a project; none where nobody may use the API.
    pub fn new(access: &ApiAccess, about: About) -> Option<Self> {
        let local = match access {
            ApiAccess::Disabled => return None,
            ApiAccess::Local => true,
            ApiAccess::Tokens { .. } => false,
        };
        Some(Self { local, about })
    }

    /// Answers a request for one of its files; none if the path is not one.
    pub async fn answer(&self, head: &Parts, trace_id: &str) -> Option<HttpResponse> {
        let path = head.uri.path();
        if path == BASE.trim_end_matches('/') {
            return Some(redirect(head));
        }
        let path = path.strip_prefix(BASE)?;
        let answered = match (path.strip_prefix("plugins/"), asset(path)) {
            (Some(file), _) => match self.check(head) {
                Ok(()) => plugins::file(self.about.plugins.clone(), file.to_owned()).await,
                Err(error) => Err(error),
            },
            (None, Some(asset)) => self.check(head).map(|()| file(asset, &head.headers)),
            (None, None) => return None,
        };
        let mut response = answered
            .unwrap_or_else(|error| respond::from_error(&error, trace_id, Exposure::Developer));
        let headers = response.headers_mut();
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
        respond::finish_private(&mut response, &head.method, trace_id);
        Some(response)
    }

    fn check(&self, head: &Parts) -> Result<(), HttpError> {
        if self.local {
            local::check(head)?;
        }
        if head.method == Method::GET || head.method == Method::HEAD {
            return Ok(());
        }
        Err(HttpError::method_not_allowed(head.method.as_str(), head.uri.path(), &["GET", "HEAD"]))
    }
}

/// To the page, relative: a proxy may have put the host under another path.
fn redirect(head: &Parts) -> HttpResponse {
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = HttpResponse::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(to) = HeaderValue::try_from(format!("__motia/{query}")) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn file(asset: &Asset, request: &HeaderMap) -> HttpResponse {
    if asset.path == "index.html" {
        return page(asset);
    }
    let mut response = HttpResponse::default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if asset.is_immutable()
        && let Ok(tag) = HeaderValue::try_from(tag_of(asset))
    {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
        let known = request.get(IF_NONE_MATCH) == Some(&tag);
        headers.insert(ETAG, tag);
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
    }
    let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (coding, content) = if accepts(accepted, "br") {
        (Some("br"), asset.brotli)
    } else if accepts(accepted, "gzip") {
        (Some("gzip"), asset.gzip)
    } else {
        (None, asset.plain)
    };
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    *response.body_mut() = Full::from(content);
    response
}

/// The same for every coding, so it is a weak one. A path that never changes its content is as good as a digest.
fn tag_of(asset: &Asset) -> String {
    format!("W/\"{}\"", asset.path)
}

/// Whether an `Accept-Encoding` names a coding, and not to refuse it.
fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, quality) = one.split_once(';').unwrap_or((one, ""));
        let quality = quality.trim().strip_prefix("q=").and_then(|quality| quality.parse().ok());
        name.trim().eq_ignore_ascii_case(coding) && quality != Some(0.0_f32)
    })
}

/// The page, with a nonce of its own for every answer.
fn page(asset: &Asset) -> HttpResponse {
    let nonce = format!("{:032x}", rand::rng().random::<u128>());
    let html = String::from_utf8_lossy(asset.plain).replace(NONCE, &nonce);
    let mut response = HttpResponse::new(Full::from(html));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::try_from(POLICY.replace("NONCE", &nonce)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workbench(access: &ApiAccess) -> Option<Workbench> {
        let about = About { name: "p".to_owned(), project: None, plugins: None, build: None };
        Workbench::new(access, about)
    }

    async fn ask(method: Method, path: &str, headers: &[(&str, &str)]) -> Option<HttpResponse> {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        workbench(&ApiAccess::Local).unwrap().answer(&head, "T-1").await
    }

    const HERE: (&str, &str) = ("host", "localhost:3000");

    #[tokio::test]
    async fn the_page_has_a_policy_with_a_nonce_of_its_own() {
        let policy = async || {
            let response = ask(Method::GET, "/__motia/", &[HERE]).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        let (one, other) = (policy().await, policy().await);
        assert!(one.starts_with("default-src 'none'") && !one.contains("NONCE"), "{one}");
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn files_are_compressed_as_the_browser_wants_and_kept() {
        let page = asset("").unwrap();
        let html = std::str::from_utf8(page.plain).unwrap();
        let script = html.split('"').find(|part| part.ends_with(".js")).unwrap();
        let path = format!("/__motia/{}", script.trim_start_matches("./"));
        let coding = async |accepts: &str| {
            let response = ask(Method::GET, &path, &[HERE, ("accept-encoding", accepts)]).await;
            let headers = response.unwrap().headers().clone();
            assert!(headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
            headers.get(CONTENT_ENCODING).map(|coding| coding.to_str().unwrap().to_owned())
        };
        assert_eq!(coding("gzip, deflate, br").await.as_deref(), Some("br"));
        assert_eq!(coding("gzip;q=1.0").await.as_deref(), Some("gzip"));
        assert_eq!(coding("br;q=0, gzip;q=0.5").await.as_deref(), Some("gzip"));
        assert_eq!(coding("identity").await, None);
        let tag = format!("W/\"{}\"", script.trim_start_matches("./"));
        let known = ask(Method::GET, &path, &[HERE, ("if-none-match", &tag)]).await.unwrap();
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn only_this_machine_is_answered_in_dev_and_nobody_without_a_token() {
        assert!(workbench(&ApiAccess::Disabled).is_none());
        let other = ask(Method::GET, "/__motia/", &[("host", "example.org")]).await.unwrap();
        assert_eq!(other.status(), StatusCode::FORBIDDEN);
        let post = ask(Method::POST, "/__motia/", &[HERE]).await.unwrap();
        assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert!(ask(Method::GET, "/__motia/health", &[HERE]).await.is_none());
        assert!(ask(Method::GET, "/orders", &[HERE]).await.is_none());
        let to = ask(Method::GET, "/__motia", &[HERE]).await.unwrap();
        assert_eq!(to.headers()[LOCATION], "__motia/");
    }
}
