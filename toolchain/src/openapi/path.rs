//! The paths of api steps as OpenAPI writes them: `/users/:id` is `/users/{id}`.
//!
//! A template has no optional parts, so a path with some stands for several templates.

use std::{collections::BTreeSet, iter::Peekable, str::Chars};

/// More templates than this are not made of one path; further optional parts are taken as given.
const MOST_TEMPLATES: usize = 64;

/// A parameter of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As `pathParams` has it; a group without a name is `part1`, `part2`, ...
    pub name: String,
    /// The regular expression for the whole value.
    pub pattern: Option<String>,
    /// Whether the value may contain slashes.
    pub is_rest: bool,
}

/// A path with its parameters in braces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// For example `/users/{id}`.
    pub path: String,
    /// The path without the parameters' names. Two paths of one shape are the same to OpenAPI.
    pub shape: String,
    /// In the order of the path.
    pub parameters: Vec<Parameter>,
}

struct Part {
    text: Text,
    is_optional: bool,
}

enum Text {
    Literal(char),
    Parameter(Parameter),
}

impl Template {
    /// The templates that a valid path stands for, the one with all optional parts first.
    pub fn all(path: &str) -> Vec<Self> {
        let mut templates = vec![Self::default()];
        for part in parts(path) {
            let with = templates.iter().map(|template| template.with(&part.text));
            templates = if part.is_optional && templates.len() < MOST_TEMPLATES {
                let without = templates.iter().map(|template| template.without(&part.text));
                distinct(with.zip(without).flat_map(|(with, without)| [with, without]))
            } else {
                with.collect()
            };
        }
        distinct(templates.into_iter().map(Self::normal))
    }

    fn with(&self, text: &Text) -> Self {
        let mut template = self.clone();
        match text {
            Text::Literal(brace @ ('{' | '}')) => {
                template.push(if *brace == '{' { "%7B" } else { "%7D" });
            }
            Text::Literal(literal) => template.push(literal.encode_utf8(&mut [0; 4])),
            Text::Parameter(parameter) => {
                template.path.push_str(&format!("{{{}}}", parameter.name));
                template.shape.push_str("{}");
                template.parameters.push(parameter.clone());
            }
        }
        template
    }

    fn push(&mut self, text: &str) {
        self.path.push_str(text);
        self.shape.push_str(text);
    }

    /// The slash before an optional parameter goes with it.
    fn without(&self, text: &Text) -> Self {
        let mut template = self.clone();
        if matches!(text, Text::Parameter(_)) && template.path.ends_with('/') {
            template.path.pop();
            template.shape.pop();
        }
        template
    }

    /// With a slash in front and none at the end, where it does not matter to the server.
    fn normal(mut self) -> Self {
        for text in [&mut self.path, &mut self.shape] {
            *text = format!("/{}", text.trim_matches('/'));
        }
        self
    }
}

/// The first template of each shape.
fn distinct(templates: impl Iterator<Item = Template>) -> Vec<Template> {
    let mut shapes = BTreeSet::new();
    templates.filter(|template| shapes.insert(template.shape.clone())).collect()
}

/// The parts of a path that [`motia_manifest::RoutePattern`] accepts.
fn parts(path: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut wildcards = 0;
    let mut groups = 0;
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        let mut part = match c {
            ':' => named(&mut chars),
            '*' => {
                wildcards += 1;
                parameter((wildcards - 1).to_string(), None, true)
            }
            '(' => {
                groups += 1;
                parameter(format!("part{groups}"), Some(group(&mut chars)), false)
            }
            literal => Text::Literal(literal),
        };
        // Behind anything but a named parameter, `*` is a wildcard of its own.
        let is_named = c == ':';
        let quantifier =
            chars.next_if(|&next| next == '?' || next == '+' || (next == '*' && is_named));
        if let (Some('*' | '+'), Text::Parameter(repeated)) = (quantifier, &mut part)
            && is_named
        {
            repeated.is_rest = true;
            repeated.pattern = None;
        }
        parts.push(Part { text: part, is_optional: quantifier == Some('?') });
    }
    parts
}

/// What is behind a `:`.
fn named(chars: &mut Peekable<Chars<'_>>) -> Text {
    let mut name = String::new();
    while let Some(c) = chars.next_if(|&c| c.is_alphanumeric() || c == '_') {
        name.push(c);
    }
    let pattern = chars.next_if_eq(&'(').map(|_| group(chars));
    parameter(name, pattern, false)
}

fn parameter(name: String, pattern: Option<String>, is_rest: bool) -> Text {
    let pattern = pattern.map(|pattern| format!("^(?:{pattern})$"));
    Text::Parameter(Parameter { name, pattern, is_rest })
}

/// What is between an opening parenthesis and its closing one.
fn group(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut inner = String::new();
    let mut depth = 1;
    for c in chars.by_ref() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        inner.push(c);
    }
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str) -> Vec<String> {
        Template::all(path).into_iter().map(|template| template.path).collect()
    }

    #[test]
    fn parameters_are_in_braces() {
        assert_eq!(paths("/"), ["/"]);
        assert_eq!(paths("/users/:id/"), ["/users/{id}"]);
        assert_eq!(paths("/files/:name.:extension"), ["/files/{name}.{extension}"]);
        assert_eq!(paths("*"), ["/{0}"]);
        assert_eq!(paths("/a/*/b/*"), ["/a/{0}/b/{1}"]);
    }

    #[test]
    fn an_optional_part_makes_another_template() {
        assert_eq!(paths("/users/:id?"), ["/users/{id}", "/users"]);
        assert_eq!(paths("/:lang?/docs"), ["/{lang}/docs", "/docs"]);
        // `/a/{c}` would be the same as `/a/{b}`.
        assert_eq!(paths("/a/:b?/:c?"), ["/a/{b}/{c}", "/a/{b}", "/a"]);
        assert_eq!(paths("/colou?r"), ["/colour", "/color"]);
    }

    #[test]
    fn patterns_and_repetitions_are_told_of_the_parameter() {
        let parameters = Template::all("/:id((a|b)\\d+)/:rest+").remove(0).parameters;
        let [id, rest] = parameters.as_slice() else { panic!("{parameters:?}") };
        assert_eq!((id.pattern.as_deref(), id.is_rest), (Some("^(?:(a|b)\\d+)$"), false));
        assert_eq!((rest.pattern.as_deref(), rest.is_rest), (None, true));
        let lang = Template::all("/(en|de)?/home").remove(0);
        assert_eq!(lang.path, "/{part1}/home");
    }
}
