//! The `path` of an api step.
//!
//! The language is that of Express 4: `:name` parameters with an optional `(regex)` and one of
//! `?`, `*`, `+` behind them, `*` for anything, and groups. What is made only of literal segments
//! and whole-segment parameters becomes [`Segment`]s that a router can index; everything else
//! becomes a regular expression.

/// One part of a path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that must match, ignoring case.
    Literal(String),
    /// A parameter that matches one non-empty segment.
    Param(String),
}

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoutePattern {
    /// Literal segments and whole-segment parameters.
    Segments(Vec<Segment>),
    /// A regular expression for the whole path, and the parameters' names by capture group
    /// `p0`, `p1`, ...
    Regex {
        /// The expression, anchored, without the leading flags.
        expression: String,
        /// The names of the parameters; wildcards are named by their position.
        names: Vec<String>,
    },
}

/// Why a path is not a route.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RoutePatternError {
    /// The path does not begin with a slash.
    #[error("`path` must begin with `/`, for example `/{0}`")]
    NoLeadingSlash(String),
    /// A colon without a name behind it.
    #[error("`path` has a `:` without a parameter name at character {0}")]
    NamelessParameter(usize),
    /// A parenthesis that is not closed.
    #[error("`path` has an unbalanced `(` at character {0}")]
    Unbalanced(usize),
    /// The same parameter twice.
    #[error("`path` names the parameter `{0}` twice")]
    Duplicate(String),
}

impl RoutePattern {
    /// Parses a path.
    ///
    /// # Errors
    /// Says what is wrong with the path.
    ///
    /// ```
    /// # use motia_manifest::{RoutePattern, Segment};
    /// let route = RoutePattern::parse("/todos/:id").unwrap();
    /// assert_eq!(
    ///     route,
    ///     RoutePattern::Segments(vec![
    ///         Segment::Literal("todos".into()),
    ///         Segment::Param("id".into()),
    ///     ])
    /// );
    /// ```
    pub fn parse(path: &str) -> Result<Self, RoutePatternError> {
        if !path.starts_with('/') && path != "*" {
            return Err(RoutePatternError::NoLeadingSlash(path.to_owned()));
        }
        let mut expression = String::new();
        let mut names: Vec<String> = Vec::new();
        let mut wildcards = 0;
        let mut simple = true;
        let chars: Vec<char> = path.chars().collect();
        let mut i = 0;
        while i < chars.len() {
            match chars[i] {
                ':' => {
                    let start = i + 1;
                    let mut end = start;
                    while end < chars.len() && (chars[end].is_alphanumeric() || chars[end] == '_') {
                        end += 1;
                    }
                    if end == start {
                        return Err(RoutePatternError::NamelessParameter(i + 1));
                    }
                    let name: String = chars[start..end].iter().collect();
                    if names.contains(&name) {
                        return Err(RoutePatternError::Duplicate(name));
                    }
                    let mut inner = "[^/]+?".to_owned();
                    if chars.get(end) == Some(&'(') {
                        let close =
                            balanced(&chars, end).ok_or(RoutePatternError::Unbalanced(end + 1))?;
                        inner = chars[end + 1..close].iter().collect();
                        end = close + 1;
                        simple = false;
                    }
                    let whole_segment =
                        i > 0 && chars[i - 1] == '/' && (end == chars.len() || chars[end] == '/');
                    let group = format!("(?P<p{}>{inner})", names.len());
                    names.push(name);
                    match chars.get(end) {
                        Some('?') => {
                            simple = false;
                            end += 1;
                            // The slash before an optional parameter is optional with it.
                            if expression.ends_with('/') {
                                expression.pop();
                                expression.push_str(&format!("(?:/{group})?"));
                            } else {
                                expression.push_str(&format!("{group}?"));
                            }
                        }
                        Some(repeat @ ('*' | '+')) => {
                            simple = false;
                            end += 1;
                            let many = if *repeat == '*' { ".*" } else { ".+" };
                            expression.push_str(&format!("(?P<p{}>{many})", names.len() - 1));
                        }
                        _ => {
                            simple &= whole_segment;
                            expression.push_str(&group);
                        }
                    }
                    i = end;
                }
                '*' => {
                    simple = false;
                    expression.push_str(&format!("(?P<p{}>.*)", names.len()));
                    names.push(wildcards.to_string());
                    wildcards += 1;
                    i += 1;
                }
                '(' => {
                    simple = false;
                    let close = balanced(&chars, i).ok_or(RoutePatternError::Unbalanced(i + 1))?;
                    let inner: String = chars[i + 1..close].iter().collect();
                    expression.push_str(&format!("(?:{inner})"));
                    i = close + 1;
                }
                quantifier @ ('?' | '+') => {
                    simple = false;
                    expression.push(quantifier);
                    i += 1;
                }
                literal => {
                    if matches!(literal, '.' | '^' | '$' | '|' | '[' | ']' | '{' | '}' | '\\' | '#')
                    {
                        expression.push('\\');
                    }
                    expression.push(literal);
                    i += 1;
                }
            }
        }
        if simple {
            let segments = path.split('/').filter(|segment| !segment.is_empty());
            return Ok(Self::Segments(
                segments
                    .map(|segment| match segment.strip_prefix(':') {
                        Some(name) => Segment::Param(name.to_owned()),
                        None => Segment::Literal(segment.to_owned()),
                    })
                    .collect(),
            ));
        }
        let expression = expression.trim_end_matches('/');
        Ok(Self::Regex { expression: format!("^{expression}/?$"), names })
    }

    /// What two routes have in common when every request for one also fits the other: the shape
    /// without parameter names.
    pub fn shape(&self) -> String {
        match self {
            Self::Segments(segments) => segments
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => format!("/{}", text.to_lowercase()),
                    Segment::Param(_) => "/:".to_owned(),
                })
                .collect(),
            Self::Regex { expression, .. } => expression.clone(),
        }
    }
}

/// The index of the parenthesis that closes the one at `open`.
fn balanced(chars: &[char], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (i, c) in chars.iter().enumerate().skip(open) {
        match c {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_parameters_and_wildcards_become_expressions() {
        let RoutePattern::Regex { expression, names } = RoutePattern::parse("/a/:id?/*").unwrap()
        else {
            panic!("not an expression");
        };
        assert_eq!(expression, "^/a(?:/(?P<p0>[^/]+?))?/(?P<p1>.*)/?$");
        assert_eq!(names, ["id", "0"]);
    }

    #[test]
    fn parameter_names_do_not_make_two_routes_differ() {
        let shape = |path| RoutePattern::parse(path).unwrap().shape();
        assert_eq!(shape("/Todos/:id"), shape("/todos/:key/"));
        assert_ne!(shape("/todos/:id"), shape("/todos/all"));
    }

    #[test]
    fn a_wrong_path_says_what_is_wrong() {
        assert!(matches!(RoutePattern::parse("todos"), Err(RoutePatternError::NoLeadingSlash(_))));
        assert_eq!(RoutePattern::parse("/a/:"), Err(RoutePatternError::NamelessParameter(4)));
        assert_eq!(RoutePattern::parse("/a/:x/:x"), Err(RoutePatternError::Duplicate("x".into())));
    }
}
