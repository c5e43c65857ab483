//! What handlers may return.

use serde::Serialize;

use crate::{Error, Response, Result};

/// What an api handler may return: a [`Response`], or a result with one and any error.
pub trait Answer {
    /// The type of the response's JSON body.
    type Body;

    /// The response.
    fn answer(self) -> Result<Response>;
}

impl<T: Serialize> Answer for Response<T> {
    type Body = T;

    fn answer(self) -> Result<Response> {
        self.into_value()
    }
}

impl<A: Answer, E: Into<Error>> Answer for Result<A, E> {
    type Body = A::Body;

    fn answer(self) -> Result<Response> {
        self.map_err(Into::into)?.answer()
    }
}

/// What a condition may return: whether the handler is to run, or a result with that and any error.
pub trait Verdict {
    /// Whether the handler is to run.
    fn verdict(self) -> Result<bool>;
}

impl Verdict for bool {
    fn verdict(self) -> Result<bool> {
        Ok(self)
    }
}

impl<V: Verdict, E: Into<Error>> Verdict for Result<V, E> {
    fn verdict(self) -> Result<bool> {
        self.map_err(Into::into)?.verdict()
    }
}

/// What the handlers of the other kinds may return: nothing, or a result with nothing and any error.
pub trait Finish {
    /// Whether it succeeded.
    fn finish(self) -> Result;
}

impl Finish for () {
    fn finish(self) -> Result {
        Ok(())
    }
}

impl<F: Finish, E: Into<Error>> Finish for Result<F, E> {
    fn finish(self) -> Result {
        self.map_err(Into::into)?.finish()
    }
}
