//! Functions around an api handler.

use serde_json::Value;

use crate::{Context, Request, Response, Result};

/// A middleware function; the first in the attribute's list is the outermost.
pub type Middleware<'a> = &'a dyn Fn(Request<Value>, &Context, Next<'_>) -> Result<Response>;

pub(crate) type Handler<'a> = Box<dyn FnOnce(Request<Value>) -> Result<Response> + 'a>;

/// What comes after a middleware: the next one, in the end the handler.
///
/// ```
/// use motia::prelude::*;
///
/// fn auth(req: Request<Value>, _ctx: &Context, next: Next) -> Result<Response> {
///     if req.header("authorization") != Some("Bearer secret") {
///         return Ok(Response::json(401, json!({ "error": "sign in first" })));
///     }
///     next.run(req)
/// }
///
/// #[motia::api(name = "Profile", method = "GET", path = "/profile", middleware = [auth])]
/// fn handler() -> Response {
///     Response::ok(json!({ "name": "Ada" }))
/// }
///
/// let stranger = motia::testing::request::<handler>(Request::get("/profile")).unwrap();
/// assert_eq!(stranger.status, 401);
/// let friend = Request::get("/profile").with_header("Authorization", "Bearer secret");
/// assert_eq!(motia::testing::request::<handler>(friend).unwrap().status, 200);
/// ```
pub struct Next<'a> {
    context: &'a Context,
    rest: &'a [Middleware<'a>],
    handler: Handler<'a>,
}

impl<'a> Next<'a> {
    pub(crate) fn new(
        context: &'a Context,
        rest: &'a [Middleware<'a>],
        handler: Handler<'a>,
    ) -> Self {
        Self { context, rest, handler }
    }

    /// Goes on with the request.
    pub fn run(self, request: Request<Value>) -> Result<Response> {
        let Some((first, rest)) = self.rest.split_first() else {
            return (self.handler)(request);
        };
        first(request, self.context, Self { rest, ..self })
    }
}
