//! From keys and a function to an implementation of `motia::Step`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{
    Error, FnArg, GenericArgument, ItemFn, PathArguments, PathSegment, Result, ReturnType, Type,
    parse_quote,
};

use crate::settings::Settings;

/// What is declared.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Api,
    Event,
    Cron,
    StateChange,
    StreamChange,
    Step,
    Noop,
    Stream,
}

const COMMON: &[&str] =
    &["description", "flows", "virtual_emits", "virtual_subscribes", "include_files", "config"];
const RUNNING: &[&str] = &["emits", "atomic"];

/// The functions of a stream, each with its name in the config.
const HOOKS: [(&str, &str); 3] =
    [("can_access", "canAccess"), ("on_join", "onJoin"), ("on_leave", "onLeave")];

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Api => "an api step",
            Self::Event => "an event step",
            Self::Cron => "a cron step",
            Self::StateChange => "a state step",
            Self::StreamChange => "a stream step",
            Self::Step => "a step",
            Self::Noop => "a noop step",
            Self::Stream => "a stream",
        }
    }

    /// The value of the config's `type`.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Api => Some("api"),
            Self::Event => Some("event"),
            Self::Cron => Some("cron"),
            Self::StateChange => Some("state"),
            Self::StreamChange => Some("stream"),
            Self::Noop => Some("noop"),
            Self::Step | Self::Stream => None,
        }
    }

    fn check(self, settings: &Settings) -> Result<()> {
        let running = [COMMON, RUNNING].concat();
        let own = |keys: &[&'static str]| [keys, &running].concat();
        let (required, optional): (&[&str], Vec<&str>) = match self {
            Self::Api => (
                &["name", "method", "path"],
                own(&["body_schema", "response_schema", "query_params", "validate", "middleware"]),
            ),
            Self::Event => (&["name", "subscribes"], own(&["input", "validate", "infrastructure"])),
            Self::Cron => (
                &["name", "cron"],
                own(&[
                    "timezone",
                    "overlap",
                    "catchup",
                    "catchup_window_seconds",
                    "jitter_seconds",
                ]),
            ),
            Self::StateChange => {
                (&["name"], own(&["group_id", "key", "condition", "infrastructure"]))
            }
            Self::StreamChange => (
                &["name", "stream_name"],
                own(&["group_id", "item_id", "condition", "infrastructure"]),
            ),
            Self::Step => (&["config"], vec![]),
            Self::Noop => (&["name"], COMMON.to_vec()),
            Self::Stream => {
                let hooks = HOOKS.map(|(key, _)| key);
                (&["name"], [&["schema", "roles", "config"][..], &hooks[..]].concat())
            }
        };
        settings.check(self.noun(), required, &optional)
    }
}

/// A step made of a function.
pub fn function(kind: Kind, mut settings: Settings, function: ItemFn) -> Result<TokenStream> {
    kind.check(&settings)?;
    let signature = &function.sig;
    if let Some(token) = signature.asyncness {
        let message = "a handler is not `async`: calls to the host wait without holding a thread";
        return Err(Error::new(token.span, message));
    }
    let name = &signature.ident;
    let Arguments { input, pass } = Arguments::of(&function)?;
    let input: Type = input.unwrap_or_else(|| match kind {
        Kind::Api => parse_quote!(::motia::Request<()>),
        Kind::Event => parse_quote!(::motia::__private::Value),
        Kind::Cron => parse_quote!(::motia::CronTick),
        Kind::StateChange => parse_quote!(::motia::StateChange),
        Kind::StreamChange => parse_quote!(::motia::StreamChange),
        _ => parse_quote!(::motia::Trigger),
    });
    let output: Type = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };

    let middleware = middleware(&mut settings)?;
    let condition = condition(&mut settings)?;
    let schemas = schemas(kind, &settings, &input, &output);
    let takes_batches = batched(&input).is_some();
    let run = match kind {
        Kind::Api => quote!(::motia::__private::api(trigger, &ctx, &[#(#middleware),*], call)),
        Kind::Event if takes_batches => quote!(::motia::__private::batch(trigger, &ctx, call)),
        Kind::Event => quote!(::motia::__private::event(trigger, &ctx, call)),
        Kind::Cron => quote!(::motia::__private::cron(trigger, &ctx, call)),
        Kind::StateChange => {
            quote!(::motia::__private::state_change(trigger, &ctx, #condition, call))
        }
        Kind::StreamChange => {
            quote!(::motia::__private::stream_change(trigger, &ctx, #condition, call))
        }
        _ => quote!(::motia::__private::step(trigger, &ctx, call)),
    };
    let handle = quote! {
        let call = |_input: #input, _ctx: &::motia::Context| -> #output { #name(#(#pass),*) };
        #run
    };
    let check = match kind {
        Kind::Event if takes_batches => quote!(.of_batches()?),
        Kind::Event => quote!(.of_single_events()?),
        _ => quote!(),
    };
    let step = implementation(kind, settings, name, schemas, check, handle);
    Ok(quote!(#function #step))
}

/// A noop step, or a stream.
pub fn declaration(kind: Kind, mut settings: Settings) -> Result<TokenStream> {
    kind.check(&settings)?;
    let name = Ident::new(if kind == Kind::Noop { "noop" } else { "stream" }, Span::call_site());
    let noun = kind.noun();
    let (marks, arms) = hooks(&mut settings)?;
    let not_called = quote!(::motia::__private::not_called(trigger, ctx, #noun));
    let handle = match arms.is_empty() {
        true => not_called,
        false => quote!(match trigger { #arms trigger => #not_called, }),
    };
    Ok(implementation(kind, settings, &name, marks, quote!(), handle))
}

/// The functions of a stream: that there is each, for the config, and what calls it.
fn hooks(settings: &mut Settings) -> Result<(TokenStream, TokenStream)> {
    let (mut marks, mut arms) = (quote!(), quote!());
    for (name, in_config) in HOOKS {
        let Some((key, value)) = settings.take(name) else { continue };
        let function = value.expression().ok_or_else(|| {
            Error::new(key.span(), format!("`{name}` is a function: `{name} = members_only`"))
        })?;
        let (trigger, answer) = match name {
            "can_access" => (quote!(CanAccess), quote!(verdict)),
            "on_join" => (quote!(Join), quote!(verdict)),
            _ => (quote!(Leave), quote!(finished)),
        };
        marks.extend(quote!(.set(#in_config, ::motia::__private::value(&true))));
        arms.extend(quote! {
            ::motia::Trigger::#trigger(subscription) => {
                ::motia::__private::#answer(#function(subscription, &ctx))
            }
        });
    }
    Ok((marks, arms))
}

fn implementation(
    kind: Kind,
    mut settings: Settings,
    name: &Ident,
    schemas: TokenStream,
    check: TokenStream,
    handle: TokenStream,
) -> TokenStream {
    let config = settings.take("config").map(|(_, value)| quote!(.merge(#value)?));
    let word = kind.word().map(|word| quote!(.set("type", ::motia::__private::value(&#word))));
    let entries = settings.entries().map(|(key, value)| quote!(.set(#key, #value)));
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        pub struct #name {}

        impl ::motia::Step for #name {
            fn config() -> ::motia::Result<::motia::__private::Value> {
                #[allow(unused_imports)]
                use ::motia::__private::{WithSchema as _, WithoutSchema as _};
                let config =
                    ::motia::__private::Config::new() #word #(#entries)* #schemas #config #check;
                ::std::result::Result::Ok(config.finish())
            }

            fn handle(
                trigger: ::motia::Trigger,
                ctx: ::motia::Context,
            ) -> ::motia::Result<::std::option::Option<::motia::Response>> {
                #handle
            }
        }

        #[cfg(target_arch = "wasm32")]
        ::motia::__private::bindings::export!(#name with_types_in ::motia::__private::bindings);
    }
}

/// Schemas of the handler's own types, where they implement `JsonSchema` and no key says otherwise.
fn schemas(kind: Kind, settings: &Settings, input: &Type, output: &Type) -> TokenStream {
    let probe = |ty: TokenStream| quote!((&::motia::__private::Probe::<#ty>::new()).schema());
    let mut schemas = quote!();
    if kind == Kind::Api && !settings.has("body_schema") {
        let schema = probe(quote!(<#input as ::motia::__private::FromApi>::Body));
        schemas.extend(quote!(.set_some("bodySchema", #schema)));
    }
    if kind == Kind::Api && !settings.has("response_schema") {
        let schema = probe(quote!(<#output as ::motia::Answer>::Body));
        schemas
            .extend(quote!(.set_some("responseSchema", ::motia::__private::of_success(#schema))));
    }
    if kind == Kind::Event && !settings.has("input") {
        let event = batched(input).unwrap_or(input);
        let schema = probe(quote!(<#event as ::motia::__private::FromEvent>::Data));
        schemas.extend(quote!(.set_some("input", #schema)));
    }
    schemas
}

fn middleware(settings: &mut Settings) -> Result<Vec<TokenStream>> {
    let Some((key, value)) = settings.take("middleware") else {
        return Ok(vec![]);
    };
    let functions = value.expressions().ok_or_else(|| {
        Error::new(key.span(), "`middleware` is a list of functions: `[auth, timing]`")
    })?;
    Ok(functions.iter().map(|function| quote!(&#function)).collect())
}

/// The function that decides whether the handler is called; without one it always is.
fn condition(settings: &mut Settings) -> Result<TokenStream> {
    let Some((key, value)) = settings.take("condition") else {
        return Ok(quote!(|_, _| true));
    };
    let function = value.expression().ok_or_else(|| {
        Error::new(key.span(), "`condition` is a function: `condition = is_paid`")
    })?;
    Ok(quote!(#function))
}

/// What a handler takes: at most one input, and the context.
struct Arguments {
    input: Option<Type>,
    /// What the handler is called with, given `input` and `ctx: &Context`.
    pass: Vec<TokenStream>,
}

impl Arguments {
    fn of(function: &ItemFn) -> Result<Self> {
        let mut arguments = Self { input: None, pass: Vec::new() };
        for argument in &function.sig.inputs {
            let FnArg::Typed(argument) = argument else {
                return Err(Error::new_spanned(argument, "a handler is a function, not a method"));
            };
            match &*argument.ty {
                Type::Reference(reference) if is(&reference.elem, "Context") => {
                    arguments.pass.push(quote!(_ctx))
                }
                ty if is(ty, "Context") => arguments.pass.push(quote!(_ctx.clone())),
                ty if arguments.input.is_some() => {
                    return Err(Error::new_spanned(
                        ty,
                        "a handler takes one input and a `Context`",
                    ));
                }
                ty => {
                    arguments.input = Some(ty.clone());
                    arguments.pass.push(quote!(_input));
                }
            }
        }
        Ok(arguments)
    }
}

/// The `Event<T>` of a `Vec<Event<T>>`, which is what the handler of a batch takes.
fn batched(ty: &Type) -> Option<&Type> {
    let list = last_segment(ty).filter(|last| last.ident == "Vec")?;
    let PathArguments::AngleBracketed(arguments) = &list.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(item)) if is(item, "Event") => Some(item),
        _ => None,
    }
}

/// Whether the type has this name, whatever the path to it.
fn is(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|last| last.ident == name)
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}
