//! `#[service]`: from a trait to a protocol.
//!
//! [`contract`] reads the trait into a model and refuses what cannot travel; [`expand`] writes the code from the
//! model alone.

mod arguments;
mod contract;
mod documentation;
mod expand;
mod method;
mod parameter;
mod returns;
mod state;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Error, Item, ItemTrait, Result};

use arguments::Arguments;
use contract::Contract;

/// The trait with everything that belongs to it, or else one compile error for each mistake.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match read(arguments, item) {
        Ok(contract) => expand::expand(&contract),
        Err(error) => error.into_compile_error(),
    }
}

fn read(arguments: TokenStream, item: TokenStream) -> Result<Contract> {
    let arguments = syn::parse2::<Arguments>(arguments)?;
    Contract::read(&arguments, trait_of(item)?)
}

fn trait_of(item: TokenStream) -> Result<ItemTrait> {
    match syn::parse2::<Item>(item)? {
        Item::Trait(item) => Ok(item),
        other => Err(Error::new_spanned(
            other.into_token_stream().into_iter().next(),
            "`#[service]` stands on a trait: write `#[tower_vgi::service] pub trait Calculator { … }`, then implement \
             the trait for your type",
        )),
    }
}

/// Gathers mistakes, so that all of them are shown at once.
#[derive(Default)]
struct Mistakes(Option<Error>);

impl Mistakes {
    fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    fn none_or<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
