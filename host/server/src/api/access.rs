//! Who may use the API for operations.

use std::fmt;

use http::{Method, StatusCode, header::AUTHORIZATION, request::Parts};
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
    /// Whoever has a token of these.
    Tokens {
        /// Lets see and change everything.
        admin: Option<ApiToken>,
        /// Lets see everything.
        viewer: Option<ApiToken>,
    },
}

/// What somebody who has access may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// See and change everything.
    Admin,
    /// See everything.
    Viewer,
}

impl Role {
    /// The word for clients.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }

    /// Refuses a request that the role may not make. Queries read, although they are sent as `POST`.
    pub fn check(self, method: &Method, operation: &str) -> Result<(), HttpError> {
        let reads = method == Method::GET || method == Method::HEAD;
        let asks = method == Method::POST && operation.trim_matches('/') == "query";
        if self == Self::Admin || reads || asks {
            return Ok(());
        }
        Err(HttpError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "the token lets see, not change; send that of --api-token",
        ))
    }
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
            return Err("the token has other characters than visible ASCII".to_owned());
        }
        if token.len() < MIN_TOKEN {
            let length = token.len();
            return Err(format!(
                "the token has {length} characters; expected at least {MIN_TOKEN}, such as from `openssl rand -hex 16`"
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
    /// What the sender of a request may do; refuses one that may not use the API.
    pub fn check(&self, head: &Parts) -> Result<Role, HttpError> {
        match self {
            Self::Local => local::check(head).map(|()| Role::Admin),
            Self::Disabled => Err(HttpError::new(
                StatusCode::FORBIDDEN,
                "api_disabled",
                "the API for operations is off; to turn it on, start the host with --api-token TOKEN or with \
                 MOTIA_API_TOKEN in its environment",
            )),
            Self::Tokens { admin, viewer } => {
                let given = bearer(head);
                let given = given
                    .ok_or_else(|| unauthorized("send the header `Authorization: Bearer TOKEN`"))?;
                let is =
                    |token: &Option<ApiToken>| token.as_ref().is_some_and(|token| token.is(given));
                match (is(admin), is(viewer)) {
                    (true, _) => Ok(Role::Admin),
                    (false, true) => Ok(Role::Viewer),
                    (false, false) => Err(unauthorized(
                        "the token is none of those that the host was started with",
                    )),
                }
            }
        }
    }

    /// Who changes things, as the audit names them.
    pub fn actor(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Disabled | Self::Tokens { .. } => "admin",
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

    fn role(access: &ApiAccess, headers: &[(&str, &str)]) -> Result<Role, &'static str> {
        let mut request = http::Request::builder().uri("/__motia/api/queues");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        access.check(&head).map_err(|error| error.code)
    }

    fn token(text: &str) -> Option<ApiToken> {
        Some(ApiToken::new(text.to_owned()).unwrap())
    }

    #[test]
    fn only_the_whole_token_opens() {
        let access = ApiAccess::Tokens { admin: token("0123456789abcdef"), viewer: None };
        let with = |value: &str| role(&access, &[("authorization", value)]);
        assert_eq!(with("Bearer 0123456789abcdef"), Ok(Role::Admin));
        assert_eq!(with("bearer  0123456789abcdef"), Ok(Role::Admin));
        let others = [
            "Bearer 0123456789abcdeX",
            "Bearer 0123456789abcde",
            "Bearer ",
            "Basic x",
            "",
            "Bearer",
        ];
        for other in others {
            assert_eq!(with(other), Err("unauthorized"), "{other}");
        }
        assert_eq!(role(&access, &[]), Err("unauthorized"));
        let twice = [("authorization", "Bearer 0123456789abcdef"); 2];
        assert_eq!(role(&access, &twice), Err("unauthorized"));
    }

    #[test]
    fn without_a_token_only_dev_answers_and_only_this_machine() {
        assert_eq!(role(&ApiAccess::Disabled, &[("host", "localhost")]), Err("api_disabled"));
        assert_eq!(role(&ApiAccess::Local, &[("host", "localhost:3000")]), Ok(Role::Admin));
        assert_eq!(role(&ApiAccess::Local, &[("host", "example.org")]), Err("not_local"));
    }

    #[test]
    fn a_viewer_sees_and_changes_nothing() {
        let (admin, viewer) = (token("0123456789abcdef"), token("fedcba9876543210"));
        let viewer_only = ApiAccess::Tokens { admin: None, viewer: viewer.clone() };
        let bearer = [("authorization", "Bearer fedcba9876543210")];
        for access in [&viewer_only, &ApiAccess::Tokens { admin, viewer }] {
            assert_eq!(role(access, &bearer), Ok(Role::Viewer));
        }
        let with_admin = [("authorization", "Bearer 0123456789abcdef")];
        assert_eq!(role(&viewer_only, &with_admin), Err("unauthorized"));

        let may = |role: Role, method: Method, operation: &str| {
            role.check(&method, operation).map_err(|error| error.code)
        };
        assert_eq!(may(Role::Viewer, Method::GET, "/state"), Ok(()));
        assert_eq!(may(Role::Viewer, Method::HEAD, "/state"), Ok(()));
        assert_eq!(may(Role::Viewer, Method::POST, "/query"), Ok(()));
        assert_eq!(may(Role::Viewer, Method::POST, "/queues/query"), Err("forbidden"));
        assert_eq!(may(Role::Viewer, Method::DELETE, "/query"), Err("forbidden"));
        assert_eq!(may(Role::Admin, Method::DELETE, "/runs/1"), Ok(()));
    }

    #[test]
    fn a_short_token_is_refused() {
        assert!(ApiToken::new("0123456789abcde".to_owned()).unwrap_err().contains("at least 16"));
        assert!(ApiToken::new("0123456789abcdef ".to_owned()).is_err());
        assert!(!format!("{:?}", ApiToken::new("0123456789abcdef".to_owned())).contains("0123"));
    }
}
