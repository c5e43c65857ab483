//! Who may use the API for operations.

use std::fmt;

use http::{StatusCode, header::AUTHORIZATION, request::Parts};
use sha2::{Digest, Sha256};

use crate::{error::HttpError, local};

/// The shortest token: one of fewer characters can be guessed.
const MIN_TOKEN: usize = 16;

/// Who may use the API for operations.
#[derive(Debug, Clone)]
pub enum ApiAccess {
    /// Nobody.
    Disabled,
    /// This machine: for `motia dev`, which listens on the loopback address only.
    Local,
    /// Whoever has the token.
    Token(ApiToken),
}

/// A secret that gives access to the API for operations.
#[derive(Clone)]
pub struct ApiToken(String);

impl ApiToken {
    /// A token.
    ///
    /// # Errors
    /// Says what a token must be.
    pub fn new(token: String) -> Result<Self, String> {
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the API token has other characters than visible ASCII".to_owned());
        }
        if token.len() < MIN_TOKEN {
            let length = token.len();
            return Err(format!(
                "the API token has {length} characters; expected at least {MIN_TOKEN}, such as from `openssl rand -hex 16`"
            ));
        }
        Ok(Self(token))
    }

    /// Compares in a time that tells nothing about where the first difference is.
    fn is(&self, given: &[u8]) -> bool {
        let (own, given) = (Sha256::digest(&self.0), Sha256::digest(given));
        own.iter().zip(given.iter()).fold(0, |differing, (own, given)| differing | (own ^ given))
            == 0
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken")
    }
}

impl ApiAccess {
    /// Refuses a request that may not use the API.
    pub fn check(&self, head: &Parts) -> Result<(), HttpError> {
        match self {
            Self::Local => local::check(head),
            Self::Disabled => Err(HttpError::new(
                StatusCode::FORBIDDEN,
                "api_disabled",
                "the API for operations is off; to turn it on, start the host with --api-token TOKEN or with \
                 MOTIA_API_TOKEN in its environment",
            )),
            Self::Token(token) => match bearer(head) {
                Some(given) if token.is(given) => Ok(()),
                Some(_) => {
                    Err(unauthorized("the token is not the one that the host was started with"))
                }
                None => Err(unauthorized("send the header `Authorization: Bearer TOKEN`")),
            },
        }
    }
}

fn unauthorized(message: &str) -> HttpError {
    HttpError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// The token of the only header `Authorization`.
fn bearer(head: &Parts) -> Option<&[u8]> {
    let mut headers = head.headers.get_all(AUTHORIZATION).iter();
    let value = headers.next().filter(|_| headers.next().is_none())?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(access: &ApiAccess, headers: &[(&str, &str)]) -> Option<&'static str> {
        let mut request = http::Request::builder().uri("/__motia/api/queues");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        access.check(&head).err().map(|error| error.code)
    }

    #[test]
    fn only_the_whole_token_opens() {
        let access = ApiAccess::Token(ApiToken::new("0123456789abcdef".to_owned()).unwrap());
        let with = |value: &str| refused(&access, &[("authorization", value)]);
        assert_eq!(with("Bearer 0123456789abcdef"), None);
        assert_eq!(with("bearer  0123456789abcdef"), None);
        let others = [
            "Bearer 0123456789abcdeX",
            "Bearer 0123456789abcde",
            "Bearer ",
            "Basic x",
            "",
            "Bearer",
        ];
        for other in others {
            assert_eq!(with(other), Some("unauthorized"), "{other}");
        }
        assert_eq!(refused(&access, &[]), Some("unauthorized"));
        let twice = [("authorization", "Bearer 0123456789abcdef"); 2];
        assert_eq!(refused(&access, &twice), Some("unauthorized"));
    }

    #[test]
    fn without_a_token_only_dev_answers_and_only_this_machine() {
        assert_eq!(refused(&ApiAccess::Disabled, &[("host", "localhost")]), Some("api_disabled"));
        assert_eq!(refused(&ApiAccess::Local, &[("host", "localhost:3000")]), None);
        assert_eq!(refused(&ApiAccess::Local, &[("host", "example.org")]), Some("not_local"));
    }

    #[test]
    fn a_short_token_is_refused() {
        assert!(ApiToken::new("0123456789abcde".to_owned()).unwrap_err().contains("at least 16"));
        assert!(ApiToken::new("0123456789abcdef ".to_owned()).is_err());
        assert!(!format!("{:?}", ApiToken::new("0123456789abcdef".to_owned())).contains("0123"));
    }
}
