//! The trait as a model: what the generated code is written from.

use std::collections::HashMap;

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{Attribute, Error, ItemTrait, LitStr, Result, Token, TraitItem, TypeParamBound, Visibility};

use super::Mistakes;
use super::arguments::Arguments;
use super::documentation;
use super::method::Method;
use super::returns::Answer;
use super::state::{State, StateKind};

/// A service: its trait, with everything in it that travels.
pub(super) struct Contract {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) ident: Ident,
    pub(super) bounds: Vec<TypeParamBound>,
    pub(super) name: LitStr,
    pub(super) version: Option<LitStr>,
    pub(super) doc: String,
    pub(super) states: Vec<State>,
    pub(super) methods: Vec<Method>,
}

impl Contract {
    pub(super) fn read(arguments: &Arguments, item: ItemTrait) -> Result<Self> {
        check_head(&item)?;
        let mut mistakes = Mistakes::default();
        let mut states = Vec::new();
        let mut methods = Vec::new();
        for item in item.items {
            match item {
                TraitItem::Fn(item) => methods.extend(mistakes.keep(Method::read(item))),
                TraitItem::Type(item) => states.extend(mistakes.keep(State::read(item))),
                other => mistakes.add(Error::new_spanned(
                    other,
                    "a service has methods, and associated types for the states of its streams; put anything else outside of \
                     the trait",
                )),
            }
        }
        // A state that was refused would be missed in every method: its own mistake is enough.
        let mut mistakes = Mistakes(mistakes.none_or(()).err());
        if mistakes.0.is_none() {
            check_states(&states, &methods, &mut mistakes);
        }
        check_names(&methods, &mut mistakes);
        mistakes.none_or(Self {
            doc: documentation::text(&item.attrs),
            attributes: item.attrs,
            visibility: item.vis,
            name: match &arguments.name {
                Some(name) => name.clone(),
                None => LitStr::new(&item.ident.unraw().to_string(), item.ident.span()),
            },
            version: arguments.version.clone(),
            ident: item.ident,
            bounds: item.supertraits.into_iter().collect(),
            states,
            methods,
        })
    }

    /// The kind of a method's stream, with the rows where every call has the same.
    pub(super) fn stream_of(&self, method: &Method) -> Option<&StateKind> {
        let name = match &method.answer {
            Answer::Value(_) => return None,
            Answer::Producer(stream) | Answer::Exchange(stream) => &stream.state,
        };
        self.states.iter().find(|state| state.name() == name).map(|state| &state.kind)
    }
}

fn check_head(item: &ItemTrait) -> Result<()> {
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &item.generics,
            "a service cannot be generic: callers are told one Arrow type for each parameter; the implementing type may be",
        ));
    }
    if let Some(clause) = &item.generics.where_clause {
        return Err(Error::new_spanned(clause, "a service takes no `where` clause; name bounds after the colon"));
    }
    if let Some(token) = &item.unsafety {
        return Err(Error::new_spanned(token, "callers far away cannot keep a promise of `unsafe`"));
    }
    if let Some(token) = &item.modifiers.auto_token {
        let token: &Token![auto] = token;
        return Err(Error::new_spanned(token, "a service is a plain trait"));
    }
    if !item.ident.unraw().to_string().is_ascii() {
        return Err(Error::new_spanned(
            &item.ident,
            "the name of a protocol is ASCII: give it one with `#[service(name = \"…\")]` and rename the trait",
        ));
    }
    Ok(())
}

/// Methods and the states of streams have to fit each other.
fn check_states(states: &[State], methods: &[Method], mistakes: &mut Mistakes) {
    let mut unused: Vec<&State> = states.iter().collect();
    for method in methods {
        let (name, stream) = match &method.answer {
            Answer::Value(_) => continue,
            Answer::Producer(stream) => (&stream.state, "Producer"),
            Answer::Exchange(stream) => (&stream.state, "Exchange"),
        };
        unused.retain(|state| state.name() != name);
        let attribute = match stream {
            "Producer" => "#[producer(Row)]",
            _ => "#[exchange(Input => Output)]",
        };
        match states.iter().find(|state| state.name() == name) {
            None => mistakes.add(Error::new_spanned(
                name,
                format!("there is no state of this name: add `{attribute} type {name};` to the trait"),
            )),
            Some(state) if state.kind.stream() != stream => mistakes.add(Error::new_spanned(
                name,
                format!(
                    "`{name}` is declared as the state of the other kind of stream: return `{}<Self::{name}>`, or declare it \
                     with `{attribute}`",
                    state.kind.stream()
                ),
            )),
            Some(_) => {}
        }
    }
    for state in unused {
        let (name, stream) = (state.name(), state.kind.stream());
        mistakes.add(Error::new_spanned(
            name,
            format!(
                "no method returns this stream: return `Result<{stream}<Self::{name}>>` from one, or remove the type"
            ),
        ));
    }
}

/// Two methods of one name could not be told apart.
fn check_names(methods: &[Method], mistakes: &mut Mistakes) {
    let mut seen = HashMap::new();
    // Methods under `#[cfg]` may be alternatives; should both be there, building the service refuses them.
    for method in methods.iter().filter(|method| method.conditions.is_empty()) {
        if let Some(first) = seen.insert(method.wire_name.value(), method.name()) {
            mistakes.add(Error::new(
                method.wire_name.span(),
                format!(
                    "`{}` and `{first}` would both be `{}` on the wire: give one another name with `#[method(name = \"…\")]`",
                    method.name(),
                    method.wire_name.value()
                ),
            ));
        }
    }
}
