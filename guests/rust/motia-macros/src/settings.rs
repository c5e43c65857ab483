//! The keys of an attribute: `name = "SendMessage", emits = ["sent", { "topic": "failed", "label": "on error" }]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Error, Expr, LitInt, Result, Token, Type, braced, bracketed,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token,
};

/// What stands right of a key's `=`.
pub enum Value {
    /// A JSON object literal in braces.
    Object(TokenStream),
    /// Keys in braces, written as those of the attribute.
    Settings(Settings),
    /// An array whose elements may be of different kinds.
    Array(Vec<Value>),
    /// Types by status code.
    Types(Vec<(LitInt, Type)>),
    /// A type.
    Type(Type),
    /// Any other Rust expression.
    Expr(Expr),
}

impl Value {
    fn parse(key: &str, input: ParseStream) -> Result<Self> {
        if key == "schema" && !input.peek(token::Brace) {
            return input.parse().map(Self::Type);
        }
        if input.peek(token::Bracket) {
            let content;
            bracketed!(content in input);
            let elements =
                content.parse_terminated(|element| Self::parse("", element), Token![,])?;
            return Ok(Self::Array(elements.into_iter().collect()));
        }
        if !input.peek(token::Brace) {
            return input.parse().map(Self::Expr);
        }
        let content;
        braced!(content in input);
        if content.peek(LitInt) {
            let types = content.parse_terminated(
                |entry| {
                    let status = entry.parse()?;
                    entry.parse::<Token![:]>()?;
                    Ok((status, entry.parse()?))
                },
                Token![,],
            )?;
            return Ok(Self::Types(types.into_iter().collect()));
        }
        if content.peek2(Token![=]) {
            return content.parse().map(Self::Settings);
        }
        content.parse().map(Self::Object)
    }

    /// The expression, where it is one.
    pub fn expression(self) -> Option<Expr> {
        match self {
            Self::Expr(expr) => Some(expr),
            _ => None,
        }
    }

    /// The elements, where it is an array of expressions.
    pub fn expressions(self) -> Option<Vec<Expr>> {
        let Self::Array(elements) = self else {
            return None;
        };
        elements.into_iter().map(Self::expression).collect()
    }
}

/// The tokens of an expression of type `serde_json::Value`.
impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Object(content) => quote!(::motia::json!({ #content })),
            Self::Settings(settings) => {
                let entries = settings.entries().map(|(key, value)| quote!(.set(#key, #value)));
                quote!(::motia::__private::Config::new() #(#entries)* .finish())
            }
            Self::Array(elements) => {
                quote!(::motia::__private::Value::Array(::std::vec![#(#elements),*]))
            }
            Self::Types(types) => {
                let entries = types.iter().map(|(status, ty)| {
                    let status = status.base10_digits();
                    quote!((#status, ::motia::__private::schema_of::<#ty>()))
                });
                quote!(::motia::__private::by_status([#(#entries),*]))
            }
            Self::Type(ty) => quote!(::motia::__private::schema_of::<#ty>()),
            Self::Expr(expr) => quote!(::motia::__private::value(&#expr)),
        });
    }
}

/// All keys, in the order in which they were written.
pub struct Settings(Vec<(Ident, Value)>);

impl Parse for Settings {
    fn parse(input: ParseStream) -> Result<Self> {
        let pairs = Punctuated::<Pair, Token![,]>::parse_terminated(input)?;
        let mut settings = Vec::<(Ident, Value)>::new();
        for Pair(key, value) in pairs {
            if settings.iter().any(|(earlier, _)| *earlier == key) {
                return Err(Error::new(key.span(), format!("`{key}` is given twice")));
            }
            settings.push((key, value));
        }
        Ok(Self(settings))
    }
}

struct Pair(Ident, Value);

impl Parse for Pair {
    fn parse(input: ParseStream) -> Result<Self> {
        // Keywords too: `type = "fifo"`.
        let key = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        let value = Value::parse(&key.to_string(), input)?;
        Ok(Self(key, value))
    }
}

impl Settings {
    /// Says what is wrong when a key is unknown or a needed one is missing.
    pub fn check(&self, what: &str, required: &[&str], optional: &[&str]) -> Result<()> {
        for (key, _) in &self.0 {
            let name = key.to_string();
            if !required.contains(&name.as_str()) && !optional.contains(&name.as_str()) {
                let known = [required, optional].concat().join("`, `");
                let message = format!("{what} has no `{name}`; it has `{known}`");
                return Err(Error::new(key.span(), message));
            }
        }
        match required.iter().find(|key| !self.has(key)) {
            Some(key) => Err(Error::new(Span::call_site(), format!("{what} needs `{key} = ...`"))),
            None => Ok(()),
        }
    }

    /// Whether the key was given.
    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    /// Takes a key out.
    pub fn take(&mut self, key: &str) -> Option<(Ident, Value)> {
        let index = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(index))
    }

    /// The names as the config has them, each with its value.
    pub fn entries(&self) -> impl Iterator<Item = (String, &Value)> {
        self.0.iter().map(|(key, value)| (camel_case(&key.unraw().to_string()), value))
    }
}

fn camel_case(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_uppercase() + rest
    })
}
