//! One request over a connection of its own.

use std::{io::Read, time::Duration};

use serde_json::Value;

/// How long an answer may take: more than any limit of a handler in these tests.
const LONGEST_ANSWER: Duration = Duration::from_secs(120);

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// The status and the `code` of an error.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        let body = self.json();
        let code = body["code"].as_str().unwrap_or_else(|| panic!("no code: {body}"));
        (self.status, code.to_owned())
    }
}

/// An answer, or why there is none.
pub type Sent = Result<Reply, Box<dyn std::error::Error + Send + Sync>>;

/// Sends a request and reads the whole answer.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Sent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(LONGEST_ANSWER))
        .build();
    // No connection outlives its request: a test that stops a server stops an idle one.
    let agent = ureq::Agent::from(config);
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let takes_body = matches!(method, "POST" | "PUT" | "PATCH");
    let response = if takes_body {
        agent.run(request.body(body.to_vec())?)?
    } else {
        agent.run(request.body(())?)?
    };
    let (head, mut content) = response.into_parts();
    let mut body = Vec::new();
    content.as_reader().read_to_end(&mut body)?;
    let text =
        |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    Ok(Reply { status: head.status.as_u16(), headers: headers.collect(), body })
}
