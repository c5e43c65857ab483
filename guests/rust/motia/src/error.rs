//! Why a handler failed.

use std::{error::Error as StdError, fmt, panic::Location, time::Duration};

use crate::HostError;

/// A result whose error is an [`Error`] unless it says otherwise.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why a handler failed, and what is to happen now.
///
/// Every standard error becomes one through `?`, which also notes the file and line of the `?`.
/// The host tries an event again after an error; an api step answers 500 and keeps the message to
/// its log. Three methods change that:
///
/// ```
/// use motia::prelude::*;
/// use std::time::Duration;
///
/// fn port(text: &str) -> Result<u16> {
///     Ok(text.parse()?)
/// }
///
/// let error = port("many").unwrap_err();
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// assert_eq!(error.name(), "ParseIntError");
///
/// Error::new("the invoice has no customer").non_retryable();
/// Error::new("the mail server is busy").retry_after(Duration::from_secs(30));
/// Error::new("no such message").status(404);
/// ```
pub struct Error {
    name: String,
    message: String,
    location: String,
    retryable: bool,
    retry_after: Option<Duration>,
    status: Option<u16>,
}

impl Error {
    /// An error with a message.
    #[track_caller]
    pub fn new(message: impl fmt::Display) -> Self {
        Self {
            name: "Error".to_owned(),
            message: message.to_string(),
            location: Location::caller().to_string(),
            retryable: true,
            retry_after: None,
            status: None,
        }
    }

    /// Puts what was being done before the message: `.map_err(|e| Error::from(e).while_doing("reading the draft"))`.
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Another attempt cannot succeed: the event goes to the dead letters at once.
    pub fn non_retryable(mut self) -> Self {
        self.retryable = false;
        self
    }

    /// The next attempt comes after this long instead of the host's own backoff.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retryable = true;
        self.retry_after = Some(delay);
        self
    }

    /// In an api step, answers this status with `{"error": message}` instead of failing; what an atomic step
    /// wrote before takes effect then.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The error's type, for example `ParseIntError`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What went wrong, each cause after a colon.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file and line where it became an `Error`.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whether another attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// How long to wait before the next attempt.
    pub fn delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The status that an api step answers.
    pub fn http_status(&self) -> Option<u16> {
        self.status
    }
}

impl<E: StdError + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        let name = std::any::type_name::<E>();
        let name = name.split('<').next().unwrap_or(name);
        let refused = (&error as &dyn StdError).downcast_ref::<HostError>();
        Self {
            name: name.rsplit("::").next().unwrap_or(name).to_owned(),
            retryable: refused.is_none_or(HostError::is_retryable),
            ..Self::new(chain(&error))
        }
    }
}

/// The error and its causes; a cause that the message already tells is not repeated.
fn chain(error: &dyn StdError) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    message
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    at {}", self.name, self.message, self.location)
    }
}
