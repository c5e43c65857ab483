//! Which requests this machine has sent itself.
//!
//! Another site whose name is made to lead here is refused by its `Host`, one that asks from its own
//! pages by its `Origin`.

use http::{
    HeaderName, StatusCode,
    header::{HOST, ORIGIN},
    request::Parts,
    uri::Authority,
};

use crate::error::HttpError;

/// The names of this machine, as a `Host` has them.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Refuses what another name or another site has sent.
pub fn check(head: &Parts) -> Result<(), HttpError> {
    check_host(head)?;
    if is_of_this_machine(head) { Ok(()) } else { Err(refusal()) }
}

/// Refuses what was sent to another name; pages of any site may ask.
pub fn check_host(head: &Parts) -> Result<(), HttpError> {
    if is_to_this_machine(head) { Ok(()) } else { Err(refusal()) }
}

fn refusal() -> HttpError {
    HttpError::new(
        StatusCode::FORBIDDEN,
        "not_local",
        "only this machine may ask for this; open it as http://localhost with the server's port",
    )
}

fn is_to_this_machine(head: &Parts) -> bool {
    // HTTP/2 names the host in the target only.
    let target = head.uri.authority().map(Authority::as_str);
    let mut hosts = target.into_iter().chain(texts(head, HOST)).peekable();
    hosts.peek().is_some() && hosts.all(names_this_machine)
}

fn is_of_this_machine(head: &Parts) -> bool {
    texts(head, ORIGIN).all(|origin| {
        origin.split_once("://").is_some_and(|(_, authority)| names_this_machine(authority))
    })
}

fn texts(head: &Parts, name: HeaderName) -> impl Iterator<Item = &str> {
    head.headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or_default())
}

fn names_this_machine(authority: &str) -> bool {
    authority.parse::<Authority>().is_ok_and(|authority| {
        LOCAL_HOSTS.iter().any(|host| authority.host().eq_ignore_ascii_case(host))
    })
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

    #[test]
    fn only_this_machine_is_answered() {
        let is_answered = |headers: &[(&str, &str)]| check(&head("/__motia/", headers)).is_ok();
        for host in ["localhost", "LocalHost:3000", "127.0.0.1:80", "[::1]:3000"] {
            assert!(is_answered(&[("host", host)]), "{host}");
        }
        for host in ["example.org", "localhost.example.org:3000", "127.0.0.1.example.org", "", "@"]
        {
            assert!(!is_answered(&[("host", host)]), "{host}");
        }
        assert!(!is_answered(&[]));
        let from = |origin| is_answered(&[("host", "localhost:3000"), ("origin", origin)]);
        assert!(from("http://localhost:5173") && from("https://[::1]"));
        assert!(!from("https://example.org") && !from("null"));
        assert!(check(&head("http://localhost:3000/__motia/", &[])).is_ok());
        assert!(check(&head("http://example.org/__motia/", &[("host", "localhost")])).is_err());
        let anywhere = head("/", &[("host", "localhost:3000"), ("origin", "https://example.org")]);
        assert!(check(&anywhere).is_err() && check_host(&anywhere).is_ok());
        assert!(check_host(&head("/", &[("host", "example.org:3000")])).is_err());
    }
}
