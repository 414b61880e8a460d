//! Associated types: the states of streams.

use proc_macro2::Ident;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Meta, Result, Token, TraitItemType, Type, parse_quote};

/// `#[producer(Row)] type Name;` or `#[exchange(Input => Output)] type Name;`.
pub(super) struct State {
    pub(super) kind: StateKind,
    pub(super) item: TraitItemType,
}

/// Which of the two kinds of stream, and its rows where every call has the same.
pub(super) enum StateKind {
    Producer(Option<Box<Type>>),
    Exchange(Option<Box<Rows>>),
}

impl State {
    /// Takes our attribute off the item, and puts the bound in its place.
    pub(super) fn read(mut item: TraitItemType) -> Result<Self> {
        let mut kind = None;
        for attribute in item.attrs.extract_if(.., |attribute| is_ours(attribute)) {
            if kind.replace(read_kind(&attribute)?).is_some() {
                return Err(Error::new_spanned(attribute, "a state belongs to one kind of stream; keep one attribute"));
            }
        }
        let Some(kind) = kind else {
            return Err(Error::new_spanned(
                &item.ident,
                format!(
                    "an associated type of a service is the state of a stream: put `#[producer(Row)]` or \
                     `#[exchange(Input => Output)]` on `{}`",
                    item.ident
                ),
            ));
        };
        if !item.generics.params.is_empty() || item.generics.where_clause.is_some() {
            return Err(Error::new_spanned(&item.generics, "the state of a stream cannot be generic"));
        }
        if let Some((_, default)) = &item.default {
            return Err(Error::new_spanned(
                default,
                "the implementation chooses the state: write its type in the `impl` block",
            ));
        }
        item.bounds.insert(
            0,
            match &kind {
                StateKind::Producer(_) => parse_quote!(::tower_vgi::rpc::ProducerState),
                StateKind::Exchange(_) => parse_quote!(::tower_vgi::rpc::ExchangeState),
            },
        );
        item.colon_token.get_or_insert_default();
        Ok(Self { kind, item })
    }

    pub(super) fn name(&self) -> &Ident {
        &self.item.ident
    }
}

impl StateKind {
    /// The type that a method with this state returns.
    pub(super) fn stream(&self) -> &'static str {
        match self {
            Self::Producer(_) => "Producer",
            Self::Exchange(_) => "Exchange",
        }
    }
}

/// Whether an attribute says which kind of stream.
pub(super) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("producer") || attribute.path().is_ident("exchange")
}

fn read_kind(attribute: &Attribute) -> Result<StateKind> {
    let producer = attribute.path().is_ident("producer");
    match &attribute.meta {
        Meta::Path(_) if producer => Ok(StateKind::Producer(None)),
        Meta::Path(_) => Ok(StateKind::Exchange(None)),
        Meta::List(list) if producer => Ok(StateKind::Producer(Some(Box::new(list.parse_args()?)))),
        Meta::List(list) => Ok(StateKind::Exchange(Some(Box::new(list.parse_args()?)))),
        Meta::NameValue(_) => Err(Error::new_spanned(
            attribute,
            "write `#[producer(Row)]` or `#[exchange(Input => Output)]`; without parentheses the schemas come with each call",
        )),
    }
}

/// `Input => Output`.
pub(super) struct Rows {
    pub(super) input: Type,
    pub(super) output: Type,
}

impl Parse for Rows {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let sent = input.parse()?;
        if !input.peek(Token![=>]) {
            return Err(Error::new_spanned(
                sent,
                "an exchange has two kinds of rows, the caller's and the answers': `#[exchange(Input => Output)]`",
            ));
        }
        input.parse::<Token![=>]>()?;
        Ok(Self { input: sent, output: input.parse()? })
    }
}
