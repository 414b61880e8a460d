//! `#[derive(VgiArrow)]`.

mod attributes;
mod case;
mod enums;
mod newtype;
mod structs;

use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Generics, Result, parse_quote};

/// The implementations, or else one compile error for each mistake.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    syn::parse2(input).and_then(|input| derive(&input)).unwrap_or_else(Error::into_compile_error)
}

fn derive(input: &DeriveInput) -> Result<TokenStream> {
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return Err(Error::new_spanned(
            lifetime,
            "a type with an Arrow type owns its data: replace borrowed fields by owned ones (`String` for `&str`)",
        ));
    }
    match &input.data {
        Data::Enum(data) => enums::derive(input, data),
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => structs::derive(input, fields),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => newtype::derive(input, fields),
            Fields::Unnamed(fields) => Err(Error::new(
                fields.span(),
                "the columns of a record need names: write `struct Name { first: A, second: B }` \
                 (only a tuple struct of exactly one field has an Arrow type, that of the field)",
            )),
            Fields::Unit => Err(Error::new_spanned(
                &input.ident,
                format!(
                    "a unit struct has no Arrow type: for a record without columns write `struct {} {{}}`",
                    input.ident
                ),
            )),
        },
        Data::Union(data) => Err(Error::new_spanned(
            data.union_token,
            "a union has no Arrow type: use a struct with an `Option` for each alternative",
        )),
    }
}

/// Type parameters have to have an Arrow type themselves.
fn with_bounds(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::tower_vgi::VgiArrow));
    }
    generics
}
