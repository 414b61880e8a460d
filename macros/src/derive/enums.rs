//! Enums of unit variants.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{DataEnum, DeriveInput, Error, Fields, LitStr, Result};

use super::attributes::{Container, Variant};

pub(super) fn derive(input: &DeriveInput, data: &DataEnum) -> Result<TokenStream> {
    let container = Container::parse(&input.attrs)?;
    let type_name = &input.ident;
    if data.variants.is_empty() {
        return Err(Error::new_spanned(type_name, "an enum without variants has no value to send: add a variant"));
    }
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "an enum with an Arrow type has no parameters: remove them"));
    }

    let mut known = HashMap::new();
    let mut variants = Vec::new();
    let mut names = Vec::new();
    let mut patterns = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(
                &variant.fields,
                "a variant with data has no Arrow type: only the names of unit variants travel. \
                 Use a struct with an `Option` for each alternative, or an enum of unit variants beside the data",
            ));
        }
        let attributes = Variant::parse(&variant.attrs)?;
        let own = variant.ident.unraw().to_string();
        let name = attributes.rename.unwrap_or_else(|| {
            let name = container.rename_all.map_or(own.clone(), |case| case.apply(&own));
            LitStr::new(&name, variant.ident.span())
        });
        let mut accepted = vec![name.clone()];
        accepted.extend(attributes.aliases);
        for text in &accepted {
            if let Some(other) = known.insert(text.value(), own.clone()) {
                let message =
                    format!("`{}` already stands for the variant `{other}`: names have to differ", text.value());
                return Err(Error::new(text.span(), message));
            }
        }
        variants.push(&variant.ident);
        names.push(name);
        patterns.push(quote!(#(#accepted)|*));
    }

    let array = quote!(::tower_vgi::__private::arrow_array);
    let derived = quote!(::tower_vgi::__private::derived);
    let error = quote!(::tower_vgi::value::ValueError);
    let text = LitStr::new(&type_name.unraw().to_string(), type_name.span());
    Ok(quote! {
        #[automatically_derived]
        impl ::tower_vgi::VgiArrow for #type_name {
            fn data_type() -> ::tower_vgi::__private::arrow_schema::DataType {
                #derived::enum_type()
            }

            fn to_array<'vgi, I>(values: I) -> ::core::result::Result<#array::ArrayRef, #error>
            where
                I: ::core::iter::Iterator<Item = ::core::option::Option<&'vgi Self>> + ::core::clone::Clone,
            {
                #derived::enum_to_array(::core::iter::Iterator::map(values, |value| {
                    ::core::option::Option::map(value, |value| match value {
                        #(Self::#variants => #names,)*
                    })
                }))
            }

            fn from_array(array: &dyn #array::Array, row: usize) -> ::core::result::Result<Self, #error> {
                #derived::enum_from_array(array, row, #text, &[#(#names),*], |name| match name {
                    #(#patterns => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                })
            }
        }
    })
}
