//! From a method and a path to a step.
//!
//! Routes made of literal segments and whole-segment parameters form a tree, so that a lookup
//! costs the same with ten routes and with ten thousand. At each segment a literal is tried before
//! a parameter, and what leads nowhere is taken back. That differs from Express, where the first
//! registered route wins: here `/todos/all` is found before `/todos/:id` whatever their order. All
//! else is as in Express 4: case is ignored, so is one trailing slash, and `HEAD` is answered by
//! `GET`.
//!
//! Routes that are regular expressions are tried after the tree, one by one, in their order.

use std::{borrow::Cow, collections::HashMap};

use motia_engine::StepIndex;
use motia_manifest::{METHODS, RoutePattern, Segment};
use percent_encoding::percent_decode_str;
use regex::{Regex, RegexBuilder};

/// How large one compiled expression may be, in bytes.
const EXPRESSION_SIZE: usize = 1024 * 1024;

/// What a lookup finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// A step.
    Found {
        /// Which.
        step: StepIndex,
        /// The parameters of its path, decoded.
        params: Vec<(String, String)>,
    },
    /// Only steps with other methods; here is what `Allow` lists.
    MethodNotAllowed {
        /// The methods, in the order of [`METHODS`].
        allow: Vec<&'static str>,
    },
    /// No step.
    NotFound,
    /// A step, but a parameter is not percent-encoded UTF-8.
    BadEncoding,
}

/// The routes of a deployment.
#[derive(Debug)]
pub struct Router {
    /// The first is the root.
    nodes: Vec<Node>,
    expressions: Vec<Expression>,
}

/// A place in the tree: what may follow and what ends here.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, usize>,
    parameter: Option<usize>,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug)]
struct Endpoint {
    method: String,
    step: StepIndex,
    /// The names of the parameters on the way here.
    names: Vec<String>,
}

#[derive(Debug)]
struct Expression {
    regex: Regex,
    method: String,
    step: StepIndex,
    /// The capture groups and what they are called for the step.
    groups: Vec<(String, String)>,
}

/// A segment of a request's path.
struct Piece<'a> {
    raw: &'a str,
    /// What literals are compared with.
    key: String,
}

impl Router {
    /// Indexes routes: step, method and path. Where two have the same method and shape, the first
    /// wins. A path that is no route is left out and logged; `motia build` refuses it.
    pub fn new<'a>(routes: impl IntoIterator<Item = (StepIndex, &'a str, &'a str)>) -> Self {
        let mut router = Self { nodes: vec![Node::default()], expressions: Vec::new() };
        for (step, method, path) in routes {
            if let Err(reason) = router.add(step, method, path) {
                tracing::error!(method, path, "the route is left out: {reason}");
            }
        }
        router
    }

    fn add(&mut self, step: StepIndex, method: &str, path: &str) -> Result<(), String> {
        let method = method.to_ascii_uppercase();
        match RoutePattern::parse(path).map_err(|error| error.to_string())? {
            RoutePattern::Segments(segments) => self.add_segments(step, method, segments),
            RoutePattern::Regex { expression, names } => {
                let regex = RegexBuilder::new(&expression)
                    .case_insensitive(true)
                    .size_limit(EXPRESSION_SIZE)
                    .build()
                    .map_err(|error| error.to_string())?;
                let groups = names.into_iter().enumerate();
                let groups = groups.map(|(i, name)| (format!("p{i}"), name)).collect();
                self.expressions.push(Expression { regex, method, step, groups });
            }
        }
        Ok(())
    }

    fn add_segments(&mut self, step: StepIndex, method: String, segments: Vec<Segment>) {
        let mut at = 0;
        let mut names = Vec::new();
        for segment in segments {
            let next = self.nodes.len();
            let known = match segment {
                Segment::Literal(text) => {
                    *self.nodes[at].literals.entry(key(&text)).or_insert(next)
                }
                Segment::Param(name) => {
                    names.push(name);
                    *self.nodes[at].parameter.get_or_insert(next)
                }
            };
            if known == next {
                self.nodes.push(Node::default());
            }
            at = known;
        }
        let endpoints = &mut self.nodes[at].endpoints;
        if endpoints.iter().all(|endpoint| endpoint.method != method) {
            endpoints.push(Endpoint { method, step, names });
        }
    }

    /// Finds the step for a request's method, in upper case, and path, without its query.
    pub fn find(&self, method: &str, path: &str) -> Match {
        // `*` of `OPTIONS *` and the authority of `CONNECT` are no paths.
        if !path.starts_with('/') {
            return Match::NotFound;
        }
        let pieces = pieces(path);
        let mut others = Vec::new();
        if let Some(found) = self.find_exactly(method, path, &pieces, &mut others) {
            return found;
        }
        if method == "HEAD"
            && let Some(found) = self.find_exactly("GET", path, &pieces, &mut others)
        {
            return found;
        }
        if others.is_empty() {
            return Match::NotFound;
        }
        let allowed = |method: &&str| match *method {
            "OPTIONS" => true,
            "HEAD" => others.contains(&"HEAD") || others.contains(&"GET"),
            other => others.contains(&other),
        };
        Match::MethodNotAllowed { allow: METHODS.iter().copied().filter(allowed).collect() }
    }

    /// Collects in `others` the methods of the steps that have the path but not the method.
    fn find_exactly<'r>(
        &'r self,
        method: &str,
        path: &str,
        pieces: &[Piece<'_>],
        others: &mut Vec<&'r str>,
    ) -> Option<Match> {
        let mut taken = Vec::new();
        if let Some(endpoint) = self.walk(0, pieces, 0, method, &mut taken, others) {
            let raw = taken.iter().map(|&position| pieces[position].raw);
            return Some(found(endpoint.step, endpoint.names.iter().map(String::as_str).zip(raw)));
        }
        for expression in &self.expressions {
            if expression.method != method {
                if expression.regex.is_match(path) {
                    others.push(&expression.method);
                }
            } else if let Some(captures) = expression.regex.captures(path) {
                let params = expression.groups.iter().filter_map(|(group, name)| {
                    captures.name(group).map(|capture| (name.as_str(), capture.as_str()))
                });
                return Some(found(expression.step, params));
            }
        }
        None
    }

    /// Walks the tree from a node at a segment's position; `taken` ends as the positions of the
    /// parameters. Each node has one way to it, so none is visited twice.
    fn walk<'r>(
        &'r self,
        node: usize,
        pieces: &[Piece<'_>],
        position: usize,
        method: &str,
        taken: &mut Vec<usize>,
        others: &mut Vec<&'r str>,
    ) -> Option<&'r Endpoint> {
        let node = &self.nodes[node];
        let Some(piece) = pieces.get(position) else {
            let found = node.endpoints.iter().find(|endpoint| endpoint.method == method);
            if found.is_none() {
                others.extend(node.endpoints.iter().map(|endpoint| endpoint.method.as_str()));
            }
            return found;
        };
        if let Some(&next) = node.literals.get(&piece.key)
            && let Some(found) = self.walk(next, pieces, position + 1, method, taken, others)
        {
            return Some(found);
        }
        let next = node.parameter?;
        if piece.raw.is_empty() {
            return None;
        }
        taken.push(position);
        let found = self.walk(next, pieces, position + 1, method, taken, others);
        if found.is_none() {
            taken.pop();
        }
        found
    }
}

fn found<'a>(step: StepIndex, params: impl Iterator<Item = (&'a str, &'a str)>) -> Match {
    let decoded: Option<Vec<(String, String)>> =
        params.map(|(name, raw)| Some((name.to_owned(), decode(raw)?.into_owned()))).collect();
    match decoded {
        Some(params) => Match::Found { step, params },
        None => Match::BadEncoding,
    }
}

fn pieces(path: &str) -> Vec<Piece<'_>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Vec::new();
    }
    path.split('/').map(|raw| Piece { raw, key: key(raw) }).collect()
}

/// A literal segment as it is compared: decoded, in lower case.
fn key(segment: &str) -> String {
    decode(segment).unwrap_or(Cow::Borrowed(segment)).to_lowercase()
}

/// As JavaScript's `decodeURIComponent`: none for a `%` that is no byte or bytes that are not
/// UTF-8.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if byte == b'%' && !(is_hex(bytes.get(at + 1)) && is_hex(bytes.get(at + 2))) {
            return None;
        }
    }
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[(&str, &str)]) -> Router {
        let routes = routes.iter().enumerate();
        Router::new(routes.map(|(i, &(method, path))| (StepIndex(i), method, path)))
    }

    fn hit(step: usize, params: &[(&str, &str)]) -> Match {
        let params = params.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Match::Found { step: StepIndex(step), params: params.collect() }
    }

    #[test]
    fn a_literal_wins_over_a_parameter_whatever_the_order() {
        let router = router(&[("GET", "/todos/:id"), ("GET", "/todos/all"), ("GET", "/")]);
        assert_eq!(router.find("GET", "/todos/all"), hit(1, &[]));
        assert_eq!(router.find("GET", "/todos/7"), hit(0, &[("id", "7")]));
        assert_eq!(router.find("GET", "/"), hit(2, &[]));
        assert_eq!(router.find("GET", "/todos"), Match::NotFound);
        assert_eq!(router.find("GET", "/todos//"), Match::NotFound);
    }

    #[test]
    fn a_wrong_turn_is_taken_back() {
        let router = router(&[
            ("GET", "/a/b/c"),
            ("GET", "/a/:x/d"),
            ("POST", "/:y/b/:z"),
            ("GET", "/:y/:x/:w/:v"),
        ]);
        assert_eq!(router.find("GET", "/a/b/d"), hit(1, &[("x", "b")]));
        assert_eq!(router.find("POST", "/a/b/c"), hit(2, &[("y", "a"), ("z", "c")]));
        assert_eq!(
            router.find("GET", "/a/b/c/d"),
            hit(3, &[("y", "a"), ("x", "b"), ("w", "c"), ("v", "d")])
        );
    }

    #[test]
    fn case_and_a_trailing_slash_are_ignored() {
        let router = router(&[("GET", "/Todos/:Id/Items"), ("GET", "/caf%C3%A9")]);
        assert_eq!(router.find("GET", "/todos/A/ITEMS/"), hit(0, &[("Id", "A")]));
        assert_eq!(router.find("GET", "/caf%c3%a9"), hit(1, &[]));
    }

    #[test]
    fn parameters_are_decoded() {
        let router = router(&[("GET", "/p/:name"), ("GET", "/q/:a?")]);
        assert_eq!(router.find("GET", "/p/a%20b%2Fc+d"), hit(0, &[("name", "a b/c+d")]));
        for path in ["/p/%", "/p/%4", "/p/%zz", "/p/%ff", "/q/%ff"] {
            assert_eq!(router.find("GET", path), Match::BadEncoding, "{path}");
        }
        assert_eq!(router.find("GET", "/x/%ff"), Match::NotFound);
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        let router = router(&[("PUT", "/a/:id"), ("GET", "/a/b"), ("DELETE", "/a/*")]);
        let allow = vec!["GET", "PUT", "DELETE", "OPTIONS", "HEAD"];
        assert_eq!(router.find("POST", "/a/b"), Match::MethodNotAllowed { allow });
        assert_eq!(router.find("HEAD", "/a/b"), hit(1, &[]));
        assert_eq!(router.find("DELETE", "/a/b"), hit(2, &[("0", "b")]));
        assert_eq!(router.find("OPTIONS", "*"), Match::NotFound);
    }

    #[test]
    fn expressions_are_tried_in_order_after_the_tree() {
        let router = router(&[
            ("GET", "/files/*"),
            ("GET", r"/users/:id(\d+)"),
            ("GET", "/opt/:a?"),
            ("GET", "/files/:name"),
            ("GET", "/files/a(?broken"),
        ]);
        assert_eq!(router.find("GET", "/files/a"), hit(3, &[("name", "a")]));
        assert_eq!(router.find("GET", "/Files/a/b"), hit(0, &[("0", "a/b")]));
        assert_eq!(router.find("GET", "/users/12"), hit(1, &[("id", "12")]));
        assert_eq!(router.find("GET", "/users/x"), Match::NotFound);
        assert_eq!(router.find("GET", "/opt"), hit(2, &[]));
        assert_eq!(router.find("GET", "/opt/1/"), hit(2, &[("a", "1")]));
    }

    #[test]
    fn the_first_of_two_equal_routes_wins() {
        let router = router(&[("GET", "/a/:x"), ("GET", "/A/:y"), ("POST", "/a/:y")]);
        assert_eq!(router.find("GET", "/a/1"), hit(0, &[("x", "1")]));
        assert_eq!(router.find("POST", "/a/1"), hit(2, &[("y", "1")]));
    }

    #[test]
    fn each_of_thousands_of_routes_is_found() {
        let paths: Vec<String> =
            (0..5_000).map(|i| format!("/group{}/:id/item{i}", i % 50)).collect();
        let routes: Vec<(&str, &str)> = paths.iter().map(|path| ("GET", path.as_str())).collect();
        let router = router(&routes);
        for i in 0..5_000 {
            let path = format!("/GROUP{}/x/item{i}/", i % 50);
            assert_eq!(router.find("GET", &path), hit(i, &[("id", "x")]));
        }
        assert_eq!(router.find("GET", "/group0/x/item1"), Match::NotFound);
    }
}
